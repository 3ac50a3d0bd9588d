"""What the generated client puts on the wire and makes of the answer, for every operation, sync and async."""

import asyncio
import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from printos_client import AuthenticatedClient, Client
from printos_client.errors import UnexpectedStatus
from printos_client.models import DeviceProvisionRequest, DeviceStatusUpdate, DeviceStatusUpdateMetrics
from printos_client.types import Response
from wire import Wire, exchange


def provision_request() -> DeviceProvisionRequest:
    body = DeviceProvisionRequest(model="HP Indigo 7K", serial_number="41000042", location="Halle 2, Tür 3")
    body["costCentre"] = 7
    return body


def status_update() -> DeviceStatusUpdate:
    metrics = DeviceStatusUpdateMetrics(pages_total=120_345, ink_level=42.5)
    metrics["fuserHours"] = 12
    return DeviceStatusUpdate(status="DS_PRINTING", metrics=metrics)


ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "list_devices": dict,
    "provision_device": lambda: {"body": provision_request()},
    "update_device_status": lambda: {"device_id": "IL/42 ü", "body": status_update()},
}
every_operation = pytest.mark.parametrize("operation", ARGUMENTS)
sync_and_async = pytest.mark.parametrize("flavour", ["sync", "asyncio"])


def call(operation: str, flavour: str, client: Client | AuthenticatedClient) -> Response[Any]:
    module = importlib.import_module(f"printos_client.api.devices.{operation}")
    result = getattr(module, f"{flavour}_detailed")(client=client, **ARGUMENTS[operation]())
    return asyncio.run(result) if flavour == "asyncio" else result


@every_operation
@sync_and_async
def test_request_is_on_the_wire_as_recorded(operation: str, flavour: str, wire: Wire) -> None:
    recorded = exchange(operation)
    wire.serve(recorded["response"])

    call(operation, flavour, Client(base_url=wire.url))

    (received,) = wire.received
    assert received.method == recorded["request"]["method"]
    assert received.path == recorded["request"]["path"]
    assert received.headers.items() >= recorded["request"]["headers"].items()
    assert (json.loads(received.body) if received.body else None) == recorded["request"]["body"]


@every_operation
@sync_and_async
def test_answer_is_parsed_with_every_field_it_has(operation: str, flavour: str, wire: Wire) -> None:
    recorded = exchange(operation)["response"]
    wire.serve(recorded)

    response = call(operation, flavour, Client(base_url=wire.url))

    assert response.status_code == recorded["status"]
    assert response.content == wire.body
    assert response.headers.items() >= recorded["headers"].items()
    assert (response.parsed and response.parsed.to_dict()) == recorded["body"]


@every_operation
@sync_and_async
def test_undocumented_status_is_an_error_only_on_request(operation: str, flavour: str, wire: Wire) -> None:
    wire.serve({"status": 404, "headers": {}, "body": {"smsError": {"subCode": 7}}})

    assert call(operation, flavour, Client(base_url=wire.url)).parsed is None
    with pytest.raises(UnexpectedStatus, match="404"):
        call(operation, flavour, Client(base_url=wire.url, raise_on_unexpected_status=True))


@every_operation
@sync_and_async
def test_token_and_headers_of_the_client_are_sent(operation: str, flavour: str, wire: Wire) -> None:
    wire.serve(exchange(operation)["response"])

    call(operation, flavour, AuthenticatedClient(base_url=wire.url, token="REDACTED", headers={"X-Shop": "7"}))

    (received,) = wire.received
    assert received.headers["authorization"] == "Bearer REDACTED"
    assert received.headers["x-shop"] == "7"


@sync_and_async
def test_short_forms_return_the_parsed_answer_alone(flavour: str, wire: Wire) -> None:
    recorded = exchange("list_devices")["response"]
    wire.serve(recorded)
    module = importlib.import_module("printos_client.api.devices.list_devices")

    result = getattr(module, flavour)(client=Client(base_url=wire.url))
    devices = asyncio.run(result) if flavour == "asyncio" else result

    assert devices.to_dict() == recorded["body"]


def test_base_url_may_have_a_path(wire: Wire) -> None:
    wire.serve(exchange("list_devices")["response"])

    call("list_devices", "sync", Client(base_url=f"{wire.url}/platform/"))

    assert wire.received[0].path == "/platform/devices"


def test_redirects_are_not_followed(wire: Wire) -> None:
    wire.serve({"status": 307, "headers": {"location": wire.url}, "body": None})

    assert call("list_devices", "sync", Client(base_url=wire.url)).status_code == 307
    assert len(wire.received) == 1


class TestWhatTheGeneratedClientDoesNotDo:
    """Known and pinned, so that whoever builds on it builds for it."""

    def test_status_outside_the_http_registry_is_a_value_error(self, wire: Wire) -> None:
        wire.serve({"status": 520, "headers": {}, "body": None})

        with pytest.raises(ValueError, match="520 is not a valid HTTPStatus"):
            call("list_devices", "sync", Client(base_url=wire.url))

    def test_device_id_none_is_sent_as_a_word(self, wire: Wire) -> None:
        module = importlib.import_module("printos_client.api.devices.update_device_status")

        module.sync_detailed(None, client=Client(base_url=wire.url), body=status_update())

        assert wire.received[0].path == "/devices/None/status"

    def test_null_for_a_list_is_a_type_error(self, wire: Wire) -> None:
        wire.serve({"status": 200, "headers": {}, "body": {"devices": None}})

        with pytest.raises(TypeError, match="NoneType"):
            call("list_devices", "sync", Client(base_url=wire.url))
