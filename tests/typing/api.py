"""What type checkers must accept of the public API. Never run: mypy reads it, here and against the installed wheel."""

import datetime as dt

from printos_client import AuthenticatedClient, Client
from printos_client.api.devices import list_devices, provision_device, update_device_status
from printos_client.models import DeviceProvisionRequest, DeviceStatusUpdate, DeviceStatusUpdateMetrics, PrintDevice
from printos_client.types import Unset


def sync(client: Client | AuthenticatedClient) -> None:
    listed = list_devices.sync(client=client)
    devices: list[PrintDevice] | Unset = listed.devices if listed else []
    for device in devices or []:
        since: dt.datetime | Unset = device.registered_at
        print(device.id, since)

    body = DeviceProvisionRequest(model="HP Indigo 7K", serial_number="41000042", location="Hall 2")
    provisioned: PrintDevice | None = provision_device.sync(client=client, body=body)
    print(provisioned)

    metrics = DeviceStatusUpdateMetrics(pages_total=120_345, ink_level=42.5)
    update = DeviceStatusUpdate(status="DS_PRINTING", metrics=metrics)
    status: int = update_device_status.sync_detailed("IL42", client=client, body=update).status_code
    print(status)


async def asyncio(client: Client) -> None:
    async with client as entered:
        listed = await list_devices.asyncio(client=entered)
        print(listed.to_dict() if listed else None)
