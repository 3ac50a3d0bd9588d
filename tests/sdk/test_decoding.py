"""Two ways from a document to the models, ours and the generated `from_dict`, and no document on which they differ."""

import copy
import datetime as dt
import json
import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from printos_client.api.devices import list_devices
from printos_client.models import PrintDevice, PrintDeviceList

from printos_ext import APIResponseValidationError, PrintOS
from printos_ext.decoding import UnreadableError, decoded, read_time

TEXTS = ("id", "model", "serialNumber", "status")
NAMES = {*TEXTS, "registeredAt"}
EXAMPLES = int(os.environ.get("PRINTOS_EXAMPLES", "1000"))

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
extras = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5
)
texts = st.text() | st.sampled_from(["", "IL42", "DS_PRINTING"])
times = st.datetimes(timezones=st.none() | st.timezones()).map(lambda time: time.isoformat())
times |= st.sampled_from(
    ["2026-01-02T03:04:05Z", " 2026-01-02t03:04:05z ", "Fri, 02 Jan 2026 03:04:05 GMT", "soon", ""]
)


def fields(odd: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Devices with any of their fields, in any order, with `odd` now and then, and fields that nobody knows."""
    named = {**dict.fromkeys(TEXTS, texts | odd), "registeredAt": times | odd}
    known = st.fixed_dictionaries({}, optional=named)
    return st.builds(lambda one, more: {**more, **one}, known, st.dictionaries(st.text(), extras, max_size=3))


devices = fields(st.none()) | fields(extras) | extras
documents = st.fixed_dictionaries({}, optional={"devices": st.lists(devices) | extras, "next": extras}) | extras


def generated(document: dict[str, Any]) -> PrintDeviceList:
    """Let the generated code read a document, without nulls and with its times in UTC: it knows of neither."""
    devices = [device for device in document.get("devices") or () if device is not None]
    plain = [
        {name: value for name, value in device.items() if value is not None or name not in NAMES} for device in devices
    ]
    for device in plain:
        if "registeredAt" in device:
            device["registeredAt"] = read_time(device["registeredAt"]).isoformat()
    listed = {"devices": plain} if document.get("devices") is not None else {}
    return PrintDeviceList.from_dict({**{k: v for k, v in document.items() if k != "devices"}, **listed})


def keeps_the_contract(document: Any) -> bool:
    """Tell whether all is of the type that the contract names, or null."""
    try:
        devices = [device for device in document.get("devices") or () if device is not None]
        for time in [device.get("registeredAt") for device in devices]:
            assert time is None or read_time(time)
        return isinstance(document.get("devices"), list | None) and all(
            isinstance(device.get(name), str | None) for device in devices for name in TEXTS
        )
    except (AttributeError, OverflowError, TypeError, ValueError):
        return False


@settings(max_examples=EXAMPLES)
@given(documents)
def test_both_ways_agree_on_every_document(document: Any) -> None:
    kept = copy.deepcopy(document)
    try:
        read = decoded(PrintDeviceList, document)
    except UnreadableError:
        assert not keeps_the_contract(kept)
    else:
        assert read == generated(kept)
        assert read == PrintDeviceList.from_dict(read.to_dict())


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except APIResponseValidationError as error:
        return error.path, str(error)


@settings(max_examples=EXAMPLES // 10)
@given(st.lists(fields(st.none()) | fields(extras), max_size=3))
def test_generated_function_gives_what_the_method_gives(listed: list[dict[str, Any]]) -> None:
    body = json.dumps({"devices": listed}).encode()
    own = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    with own, PrintOS("k", "s", http_client=own) as printos:

        def by_hand() -> Any:
            listed = list_devices.sync(client=printos.api)
            return listed and listed.devices

        assert outcome(printos.devices.list) == outcome(by_hand)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], ""),
        ({"devices": {}}, "devices"),
        ({"devices": [None, 7]}, "devices[1]"),
        ({"devices": [{}, {"id": 7}]}, "devices[1].id"),
        ({"devices": [{"registeredAt": "soon"}]}, "devices[0].registeredAt"),
    ],
)
def test_fault_is_told_with_its_place(document: Any, path: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        decoded(PrintDeviceList, document)

    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: " if path else "an object was expected")


def test_null_is_absent_and_what_nobody_knows_stays() -> None:
    device = decoded(
        PrintDevice, {"id": None, "registeredAt": "2026-01-02T05:04:05+02:00", "hall": None, "rip": {"v": 2}}
    )

    assert not device.id
    assert device.registered_at == dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert device.additional_properties == {"hall": None, "rip": {"v": 2}}
