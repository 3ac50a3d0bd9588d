"""The generated models against the schemas of the contract: every field, every document that the contract allows."""

import datetime as dt
import operator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from printos_client import models
from printos_client.types import UNSET

CONTRACT = Path(__file__).resolve().parents[2] / "spec" / "hp-printos-device-api-openapi.yml"
SCHEMAS: dict[str, Any] = yaml.safe_load(CONTRACT.read_bytes())["components"]["schemas"]
every_schema = pytest.mark.parametrize("name", SCHEMAS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
DATE_TIMES = st.builds(
    "{:%Y-%m-%dT%H:%M:%S}{}{}".format,
    st.datetimes(min_value=dt.datetime(1000, 1, 1)),  # noqa: DTZ001 - the zone is written beside it
    st.just("") | st.from_regex(r"\A\.[0-9]{1,9}\Z"),
    st.just("Z") | st.from_regex(r"\A[+-]([01][0-9]|2[0-3]):[0-5][0-9]\Z"),
)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def documents(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Every document that a schema of the contract allows, with fields that it does not name."""
    schema = resolved(schema)
    assert schema.keys() <= {"type", "format", "properties", "items"}, f"teach this test the other words of {schema}"
    match schema["type"], schema.get("format"):
        case "object", None:
            named = {name: documents(field) for name, field in schema["properties"].items()}
            unnamed = st.dictionaries(st.text().filter(lambda name: name not in named), JSON, max_size=3)
            return st.builds(operator.or_, st.fixed_dictionaries({}, optional=named), unnamed)
        case "array", None:
            return st.lists(documents(schema["items"]), max_size=4)
        case "number", None:
            return st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        case kind:
            return {
                ("string", None): st.text(),
                ("string", "date-time"): DATE_TIMES,
                ("integer", None): st.integers(),
                ("boolean", None): st.booleans(),
            }[kind]


def fields(schema: dict[str, Any]) -> Any:
    """One value of the right type for every field that a schema names, the objects below included."""
    schema = resolved(schema)
    match schema["type"], schema.get("format"):
        case "object", None:
            return {name: fields(field) for name, field in schema["properties"].items()}
        case "array", None:
            return [fields(schema["items"])]
        case kind:
            return {
                ("string", None): "text",
                ("string", "date-time"): "2026-01-02T03:04:05+00:00",
                ("integer", None): 7,
                ("number", None): 4.5,
                ("boolean", None): True,
            }[kind]


@every_schema
@given(data=st.data())
def test_no_document_that_the_schema_allows_is_refused_or_changed(name: str, data: st.DataObject) -> None:
    model = getattr(models, name)
    document = data.draw(documents(SCHEMAS[name]))

    parsed = model.from_dict(document)

    assert model.from_dict(parsed.to_dict()) == parsed
    assert without_dates(parsed.to_dict()) == without_dates(document)


def without_dates(value: Any) -> Any:
    """Leave out what may be written in more than one way."""
    if isinstance(value, dict):
        return {key: without_dates(item) for key, item in value.items() if key != "registeredAt"}
    return [without_dates(item) for item in value] if isinstance(value, list) else value


@every_schema
def test_every_field_of_the_schema_is_an_attribute(name: str) -> None:
    document = fields(SCHEMAS[name])

    parsed = getattr(models, name).from_dict(document)

    assert parsed.additional_properties == {}
    assert parsed.to_dict() == document


@every_schema
def test_every_field_is_optional(name: str) -> None:
    model = getattr(models, name)

    assert model().to_dict() == {}
    assert model.from_dict({}) == model()


@every_schema
def test_fields_the_schema_does_not_name_survive_a_round_trip(name: str) -> None:
    document = {**fields(SCHEMAS[name]), "firmware": {"version": [1, None]}}

    parsed = getattr(models, name).from_dict(document)

    assert parsed["firmware"] == {"version": [1, None]}
    assert "firmware" in parsed
    assert parsed.additional_keys == ["firmware"]
    assert parsed.to_dict() == document


def test_fields_have_the_types_of_the_contract() -> None:
    device = models.PrintDevice.from_dict(fields(SCHEMAS["PrintDevice"]))
    update = models.DeviceStatusUpdate.from_dict(fields(SCHEMAS["DeviceStatusUpdate"]))

    assert device.registered_at == dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert isinstance(update.metrics, models.DeviceStatusUpdateMetrics)
    assert (update.metrics.pages_total, update.metrics.ink_level) == (7, 4.5)
    assert models.PrintDevice().registered_at is UNSET
    assert not UNSET


@pytest.mark.parametrize("written", ["2026-01-02T03:04:05z", "2016-12-31T23:59:60Z", "yesterday", 1767323045, None])
def test_dates_that_the_generated_client_refuses_are_known(written: object) -> None:
    """RFC 3339 allows the first two: whoever builds on the client has to read them first."""
    with pytest.raises((ValueError, TypeError)):
        models.PrintDevice.from_dict({"registeredAt": written})
