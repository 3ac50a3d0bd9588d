"""The generated client alone: what it puts on the wire and makes of the answer, as recorded."""

import asyncio
import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from platforms import Platform
from printos_client import Client
from printos_client.models import DeviceProvisionRequest, DeviceStatusUpdate, DeviceStatusUpdateMetrics
from vcr.cassette import Cassette

pytestmark = [pytest.mark.vcr, pytest.mark.block_network, pytest.mark.printos_sandbox(auth=None)]

ODD_ID = "IL/42 ü"
DEVICES: list[dict[str, Any]] = [
    {"id": ODD_ID, "model": "HP Indigo 7K", "serialNumber": "41000042", "hall": 2, "next": None},
    {"id": "IL43", "model": "HP PageWide T250", "serialNumber": "41000043", "status": "DS_PRINTING"},
]


def provision_request() -> DeviceProvisionRequest:
    body = DeviceProvisionRequest(model="HP Indigo 7K", serial_number="41000044", location="Halle 2, Tür 3")
    body["costCentre"] = 7
    return body


def status_update() -> DeviceStatusUpdate:
    metrics = DeviceStatusUpdateMetrics(pages_total=120_345, ink_level=42.5)
    metrics["fuserHours"] = 12
    return DeviceStatusUpdate(status="DS_PRINTING", metrics=metrics)


ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "list_devices": dict,
    "provision_device": lambda: {"body": provision_request()},
    "update_device_status": lambda: {"device_id": ODD_ID, "body": status_update()},
}
# Both flavours are held to one cassette: they say the same to the byte.
cases = [
    pytest.param(operation, flavour, marks=pytest.mark.default_cassette(operation), id=f"{operation}-{flavour}")
    for operation in ARGUMENTS
    for flavour in ("sync", "asyncio")
]


@pytest.mark.parametrize(("operation", "flavour"), cases)
def test_generated_client_speaks_as_recorded(operation: str, flavour: str, platform: Platform, vcr: Cassette) -> None:
    module = importlib.import_module(f"printos_client.api.devices.{operation}")
    call = getattr(module, f"{flavour}_detailed")
    platform.arrange(lambda sandbox: sandbox.seed(DEVICES))

    async def awaited() -> Any:
        async with Client(base_url=platform.url) as client:
            return await call(client=client, **ARGUMENTS[operation]())

    if flavour == "asyncio":
        answer = asyncio.run(awaited())
    else:
        with Client(base_url=platform.url) as client:
            answer = call(client=client, **ARGUMENTS[operation]())

    (recorded,) = vcr.responses
    assert answer.status_code == recorded["status"]["code"]
    assert answer.content == recorded["body"]["string"]
    written_otherwise = answer.content.replace(b'Z"', b'+00:00"')  # the same moments, as Python writes them
    assert (answer.parsed and answer.parsed.to_dict()) == (json.loads(written_otherwise) if written_otherwise else None)


@pytest.mark.default_cassette("list_devices")
def test_listed_devices_keep_fields_that_nobody_named(platform: Platform) -> None:
    platform.arrange(lambda sandbox: sandbox.seed(DEVICES))
    module = importlib.import_module("printos_client.api.devices.list_devices")

    with Client(base_url=platform.url) as client:
        listed = module.sync(client=client)

    first, second = listed.devices
    assert first.additional_properties == {"hall": 2, "next": None}
    assert (second.id, second.status) == ("IL43", "DS_PRINTING")
