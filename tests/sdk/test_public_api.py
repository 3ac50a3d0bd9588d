"""The twins agree, and every public name says what it is."""

import inspect
from typing import Any

import pytest

import printos_ext
from printos_ext import client, decoding, devices


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


def test_every_answer_that_the_contract_promises_is_read_before_generated_code_is(contract: Any) -> None:
    promised = {
        (method.upper(), path): response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path, item in contract["paths"].items()
        for method, operation in item.items()
        for response in operation["responses"].values()
        if "content" in response
    }

    assert {call: model.__name__ for call, model in decoding.RESULTS.items()} == promised


@pytest.mark.parametrize("model", decoding.RESULTS.values())
def test_every_field_of_an_answer_can_be_read(model: Any, contract: Any) -> None:
    schema = contract["components"]["schemas"][model.__name__]

    assert decoding._fields(model).keys() == schema["properties"].keys()


def test_names_are_found_where_they_are_said_to_be() -> None:
    assert set(printos_ext.__all__) <= set(dir(printos_ext))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = printos_ext.nonsense
