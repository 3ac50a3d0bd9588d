"""What the methods send and return, and which arguments never leave."""

import copy
import json
import pickle
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

import pytest
from printos_client.types import UNSET
from server import DEVICE, Server, in_turn, platform, respond, respond_json, serving

from printos_ext import ConflictError, DeviceState, InternalServerError, InvalidArgumentError, NotFoundError, PrintOS


def type_name(value: object) -> str:
    return type(value).__name__


def test_list_get_and_find(printos: PrintOS) -> None:
    (device,) = printos.devices.list()

    assert device.id == "IL42"
    assert printos.devices.get("IL42") == device
    assert printos.devices.find(serial_number="41000042") == device
    assert printos.devices.find(serial_number="41000042", model="HP Indigo 12K") is None
    assert printos.devices.find(serial_number="7") is None


@pytest.mark.parametrize("serial_number", [None, "", 41000042], ids=type_name)
def test_impossible_serial_number_is_not_looked_for(serial_number: Any, printos: PrintOS, server: Server) -> None:
    with pytest.raises(InvalidArgumentError, match="serial_number"):
        printos.devices.find(serial_number=serial_number)

    assert server.arrived == []


def test_absent_device_is_not_found_in_the_list(printos: PrintOS) -> None:
    with pytest.raises(NotFoundError, match="no device has the id 'IL7', of 1 listed") as caught:
        printos.devices.get("IL7")

    assert caught.value.status_code == 404
    assert caught.value.response.status_code == 200


def test_serial_number_of_two_models_is_a_conflict() -> None:
    devices = [DEVICE, {**DEVICE, "id": "IL43", "model": "HP Indigo 12K"}]
    with serving(respond_json({"devices": devices})) as server, PrintOS("k", "s", base_url=server.url) as printos:
        with pytest.raises(ConflictError, match="'IL42', 'IL43': say which model"):
            printos.devices.find(serial_number="41000042")
        found = printos.devices.find(serial_number="41000042", model="HP Indigo 12K")

    assert found is not None
    assert found.id == "IL43"


def test_ensure_does_not_provision_what_is_there(printos: PrintOS, server: Server) -> None:
    printos.devices.ensure(model="HP Indigo 7K", serial_number="41000042")
    printos.devices.ensure(model="HP Indigo 7K", serial_number="7", location="Hall 2")

    assert [arrived.method for arrived in server.arrived] == ["GET", "GET", "POST"]
    assert server.arrived[-1].json == {"model": "HP Indigo 7K", "serialNumber": "7", "location": "Hall 2"}


def test_ensure_looks_again_when_nobody_knows_whether_it_provisioned() -> None:
    behaviour = in_turn(respond_json({"devices": []}), lambda c, _: c.reset(), platform)
    with serving(behaviour) as server, PrintOS("k", "s", base_url=server.url) as printos:
        device = printos.devices.ensure(model="HP Indigo 7K", serial_number="41000042")

    assert device.id == "IL42"
    assert [arrived.method for arrived in server.arrived] == ["GET", "POST", "GET"]


def test_ensure_does_not_hide_that_it_failed() -> None:
    behaviour = in_turn(respond_json({"devices": []}), respond(500), respond_json({"devices": []}))
    with serving(behaviour) as server, PrintOS("k", "s", base_url=server.url) as printos:
        with pytest.raises(InternalServerError, match="POST"):
            printos.devices.ensure(model="HP Indigo 7K", serial_number="41000042")


def test_status_update_is_sent_as_the_contract_says(printos: PrintOS, server: Server) -> None:
    printos.devices.update_status(
        "IL42",
        DeviceState.PRINTING,
        pages_total=120_345,
        ink_level=Decimal("42.5"),
        fuserHours=Decimal(7),
        note=None,
    )
    printos.devices.update_status("IL42", "DS_DANCING")

    first, second = (arrived.json for arrived in server.arrived)
    assert first == {"status": "DS_PRINTING", "metrics": {"pagesTotal": 120_345, "inkLevel": 42.5, "fuserHours": 7}}
    assert second == {"status": "DS_DANCING"}


def test_raw_response_has_the_answer_with_the_result(printos: PrintOS) -> None:
    raw = printos.devices.with_raw_response.get("IL42")

    assert raw.status == 200
    assert raw.headers["content-type"] == "application/json"
    assert json.loads(raw.body) == {"devices": [DEVICE]}
    assert raw.parsed == printos.devices.get("IL42")
    assert printos.devices.with_raw_response.update_status("IL42", "DS_ON").parsed is None


def test_result_survives_copying_and_pickling() -> None:
    answer = respond_json({"devices": [{"id": "IL42"}]})
    with serving(answer) as server, PrintOS("k", "s", base_url=server.url) as printos:
        (device,) = printos.devices.list()

    for twin in (copy.copy(device), copy.deepcopy(device), pickle.loads(pickle.dumps(device))):  # noqa: S301 - our own
        assert twin == device
        assert twin.model is UNSET
        assert twin.to_dict() == {"id": "IL42"}
    assert not device.model


@pytest.mark.parametrize(
    "device_id", [None, "", " ", ".", "..", "\ud800", "x" * 10_000, 7, UNSET, b"IL42"], ids=type_name
)
def test_impossible_device_id_never_leaves(device_id: Any, printos: PrintOS, server: Server) -> None:
    with pytest.raises(InvalidArgumentError, match="device_id"):
        printos.devices.update_status(device_id, "DS_ON")
    with pytest.raises(InvalidArgumentError, match="device_id"):
        printos.devices.get(device_id)

    assert server.arrived == []


@pytest.mark.parametrize("device_id", ["a/b", "../x", "%2e%2e", "a?b#c", "ü", "a b", "...", ";", "a\nb"])
def test_odd_device_id_stays_one_segment_of_the_path(device_id: str, printos: PrintOS, server: Server) -> None:
    printos.devices.update_status(device_id, "DS_ON")

    (arrived,) = server.arrived
    assert arrived.path.count("/") == 3
    assert unquote(arrived.path) == f"/devices/{device_id}/status"


@pytest.mark.parametrize(
    "level",
    [float("nan"), float("inf"), True, "42", [], Decimal("NaN"), 1j, Fraction(10**400), UNSET],
    ids=type_name,
)
@pytest.mark.parametrize("name", ["ink_level", "pages_total"])
def test_what_is_no_number_never_leaves(name: str, level: Any, printos: PrintOS, server: Server) -> None:
    with pytest.raises(InvalidArgumentError, match=name):
        printos.devices.update_status("IL42", "DS_ON", **{name: level})

    assert server.arrived == []


@pytest.mark.parametrize("level", [0, 42, 42.5, Decimal("42.5"), Fraction(1, 2)])
def test_what_is_a_number_is_sent(level: Any, printos: PrintOS, server: Server) -> None:
    printos.devices.update_status("IL42", "DS_ON", ink_level=level)

    assert server.arrived[0].json["metrics"]["inkLevel"] == float(level)


def test_half_a_page_never_leaves(printos: PrintOS) -> None:
    with pytest.raises(InvalidArgumentError, match="pages_total must be a whole number"):
        printos.devices.update_status("IL42", "DS_ON", pages_total=1.5)  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize(
    "value", [float("nan"), {1}, object(), "\ud800", [float("inf")]], ids=["NaN", "set", "object", "half", "list"]
)
def test_metric_that_is_no_json_never_leaves(value: Any, printos: PrintOS, server: Server) -> None:
    with pytest.raises(InvalidArgumentError, match="fuserHours"):
        printos.devices.update_status("IL42", "DS_ON", fuserHours=value)

    assert server.arrived == []


@pytest.mark.parametrize("status", [None, "", "  ", 7, UNSET], ids=type_name)
def test_impossible_status_never_leaves(status: Any, printos: PrintOS) -> None:
    with pytest.raises(InvalidArgumentError, match="status"):
        printos.devices.update_status("IL42", status)


@pytest.mark.parametrize("method", ["provision", "ensure"])
@pytest.mark.parametrize("field", ["model", "serial_number"])
@pytest.mark.parametrize("value", [None, "", " ", 41000042, "\udfff"], ids=type_name)
def test_nothing_is_provisioned_without_model_and_serial_number(
    method: str, field: str, value: Any, printos: PrintOS, server: Server
) -> None:
    with pytest.raises(InvalidArgumentError, match=field):
        getattr(printos.devices, method)(**{"model": "HP Indigo 7K", "serial_number": "41000042", field: value})

    assert server.arrived == []


def test_invalid_argument_is_a_value_error_too(printos: PrintOS) -> None:
    with pytest.raises(ValueError, match="names no device"):
        printos.devices.get("..")


class Texts(str, Enum):  # noqa: UP042 - the older way is what is tried here
    ON = "DS_ON"


def test_enum_of_texts_is_its_text(printos: PrintOS, server: Server) -> None:
    printos.devices.update_status(Texts.ON, Texts.ON)

    assert server.arrived[0].path == "/devices/DS_ON/status"
    assert server.arrived[0].json == {"status": "DS_ON"}


@pytest.mark.parametrize("metrics", [{"ink_level": Decimal("sNaN")}, {"pages_total": 10**5000}, {"\ud800": 1}], ids=len)
def test_odd_metrics_never_leave(metrics: dict[str, Any], printos: PrintOS, server: Server) -> None:
    with pytest.raises(InvalidArgumentError):
        printos.devices.update_status("IL42", "DS_ON", **metrics)

    assert server.arrived == []
