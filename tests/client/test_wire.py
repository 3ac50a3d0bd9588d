"""What the generated client does around its calls, sync and async; tests/recorded pins the calls themselves."""

import asyncio
import importlib
from collections.abc import Callable
from typing import Any

import pytest
from printos_client import AuthenticatedClient, Client
from printos_client.api.devices import list_devices, update_device_status
from printos_client.errors import UnexpectedStatus
from printos_client.models import DeviceProvisionRequest, DeviceStatusUpdate
from server import Server, respond, respond_json

ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "list_devices": dict,
    "provision_device": lambda: {"body": DeviceProvisionRequest(model="HP Indigo 7K")},
    "update_device_status": lambda: {"device_id": "IL42", "body": DeviceStatusUpdate(status="DS_ON")},
}
every_operation = pytest.mark.parametrize("operation", ARGUMENTS)
sync_and_async = pytest.mark.parametrize("flavour", ["sync", "asyncio"])


def call(operation: str, flavour: str, client: Client | AuthenticatedClient) -> Any:
    module = importlib.import_module(f"printos_client.api.devices.{operation}")
    function, arguments = getattr(module, f"{flavour}_detailed"), ARGUMENTS[operation]()

    async def awaited() -> Any:
        async with client:
            return await function(client=client, **arguments)

    if flavour == "asyncio":
        return asyncio.run(awaited())
    with client:
        return function(client=client, **arguments)


@every_operation
@sync_and_async
def test_undocumented_status_is_an_error_only_on_request(operation: str, flavour: str, server: Server) -> None:
    server.behaviour = respond_json({"smsError": {"subCode": 7}}, 404)

    assert call(operation, flavour, Client(base_url=server.url)).parsed is None
    with pytest.raises(UnexpectedStatus, match="404"):
        call(operation, flavour, Client(base_url=server.url, raise_on_unexpected_status=True))


@every_operation
@sync_and_async
def test_token_and_headers_of_the_client_are_sent(operation: str, flavour: str, server: Server) -> None:
    call(operation, flavour, AuthenticatedClient(base_url=server.url, token="REDACTED", headers={"X-Shop": "7"}))

    (received,) = server.arrived
    assert received.headers["authorization"] == "Bearer REDACTED"
    assert received.headers["x-shop"] == "7"


@sync_and_async
def test_short_forms_return_the_parsed_answer_alone(flavour: str, server: Server) -> None:
    async def awaited() -> Any:
        async with Client(base_url=server.url) as client:
            return await list_devices.asyncio(client=client)

    with Client(base_url=server.url) as client:
        devices: Any = asyncio.run(awaited()) if flavour == "asyncio" else list_devices.sync(client=client)

    assert [device.id for device in devices.devices] == ["IL42"]


def test_base_url_may_have_a_path(server: Server) -> None:
    call("list_devices", "sync", Client(base_url=f"{server.url}/platform/"))

    assert server.arrived[0].path == "/platform/devices"


def test_redirects_are_not_followed(server: Server) -> None:
    server.behaviour = respond(307, location=server.url)

    assert call("list_devices", "sync", Client(base_url=server.url)).status_code == 307
    assert len(server.arrived) == 1


class TestWhatTheGeneratedClientDoesNotDo:
    """Known and pinned, so that whoever builds on it builds for it."""

    def test_status_outside_the_http_registry_is_a_value_error(self, server: Server) -> None:
        server.behaviour = respond(520)

        with pytest.raises(ValueError, match="520 is not a valid HTTPStatus"):
            call("list_devices", "sync", Client(base_url=server.url))

    def test_device_id_none_is_sent_as_a_word(self, server: Server) -> None:
        with Client(base_url=server.url) as client:
            update_device_status.sync_detailed(None, client=client, body=DeviceStatusUpdate())  # type: ignore[arg-type]  # the mistake

        assert server.arrived[0].path == "/devices/None/status"

    def test_null_for_a_list_is_a_type_error(self, server: Server) -> None:
        server.behaviour = respond_json({"devices": None})

        with pytest.raises(TypeError, match="NoneType"):
            call("list_devices", "sync", Client(base_url=server.url))
