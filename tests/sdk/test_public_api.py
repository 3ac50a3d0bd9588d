"""The twins agree, and every public name says what it is."""

import inspect
from typing import Any

import pytest

import printos_ext
from printos_ext import client, devices


def signatures(twin: type[Any]) -> dict[str, list[tuple[Any, ...]]]:
    methods = inspect.getmembers(twin, lambda member: inspect.isfunction(member) or isinstance(member, property))
    return {
        name.replace("aclose", "close"): [
            (p.name, p.kind, p.default) for p in inspect.signature(getattr(member, "fget", member)).parameters.values()
        ]
        for name, member in methods
        if not name.startswith("_") or name == "__init__"
    }


@pytest.mark.parametrize(
    ("name", "twin"), [("PrintOS", "AsyncPrintOS"), ("Devices", "AsyncDevices"), ("RawDevices", "AsyncRawDevices")]
)
def test_twins_have_the_same_names_and_signatures(name: str, twin: str) -> None:
    room = client if name == "PrintOS" else devices

    assert signatures(getattr(room, name)) == signatures(getattr(room, twin))


@pytest.mark.parametrize("name", printos_ext.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    member = getattr(printos_ext, name)
    if name == "__version__":
        return
    assert inspect.getdoc(member)
    for part, value in vars(member).items() if inspect.isclass(member) else ():
        if not part.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{part}"
