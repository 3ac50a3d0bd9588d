"""The schemas of the contract: what a value must be like, and what is made up where nobody knows a value."""

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from attrs import frozen
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

HOME = "contract:"
DEEPEST_SAMPLE = 8
TEXTS = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "email": "nobody@example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uri": "http://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

formats = FormatChecker()


@formats.checks("date-time", ValueError)
def _is_moment(value: object) -> bool:
    """Tell whether a text is a time with its zone."""
    return not isinstance(value, str) or (value[10:11] in "Tt " and dt.datetime.fromisoformat(value).tzinfo is not None)


class ContractError(Exception):
    """The document cannot be served; the message says which part of it, and why."""


@frozen(slots=False)
class Schema:
    """What a value must be like."""

    schemas: "Schemas"
    node: Mapping[str, Any]
    checker: Draft202012Validator

    def faults(self, value: Any) -> Iterator[ValidationError]:
        """Yield what is wrong with a value."""
        return self.checker.iter_errors(value)

    def takes(self, value: Any) -> bool:
        """Tell whether nothing is wrong with a value."""
        return bool(self.checker.is_valid(value))

    @cached_property
    def properties(self) -> dict[str, "Schema"]:
        """The fields that the document names."""
        return {name: self.schemas.schema(node) for name, node in self.schemas.named_properties(self.node).items()}

    @cached_property
    def sample(self) -> Any:
        """The document's example, or else a small value that the schema takes."""
        value = self.schemas.made_up(self.node)
        for fault in self.faults(value):
            raise ContractError(f"{fault.message} is all that can be made up for {dict(self.node)}: give it an example")
        return value

    def completed(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return an object with every field that the document names: the known value where it fits, or a sample."""
        named = {
            name: known[name] if name in known and schema.takes(known[name]) else schema.sample
            for name, schema in self.properties.items()
        }
        return {**named, **{name: value for name, value in known.items() if name not in named}}


class Schemas:
    """Those of one document, which may refer to each other."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Make every reference one that can be followed from anywhere."""
        self.document = _at_home(document)
        self._registry: Registry[Any] = Registry().with_resource(HOME, DRAFT202012.create_resource(self.document))

    def schema(self, node: Mapping[str, Any]) -> Schema:
        """Return the schema that a part of the document is."""
        node = self.resolved(node)
        Draft202012Validator.check_schema(node)
        return Schema(self, node, Draft202012Validator(node, registry=self._registry, format_checker=formats))

    def named_properties(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that a schema names, those that it takes over from others included."""
        node = self.resolved(node)
        taken_over = [self.named_properties(part) for part in node.get("allOf", ())]
        return {name: field for fields in [*taken_over, node.get("properties", {})] for name, field in fields.items()}

    def made_up(self, node: Any, depth: int = 0) -> Any:
        """Return a value for a schema: an example, or the smallest of its type."""
        node = self.resolved(node) if isinstance(node, Mapping) else {}
        told = [node[word] for word in ("example", "default", "const") if word in node]
        choices = [*node.get("oneOf", ()), *node.get("anyOf", ())]
        if values := [*node.get("examples", ()), *told, *node.get("enum", ())]:
            return values[0]
        return self.made_up(choices[0], depth + 1) if choices else self._smallest(node, depth)

    def _smallest(self, node: Mapping[str, Any], depth: int) -> Any:
        fields = self.named_properties(node)
        kinds = node.get("type", "object" if fields else "string")
        match kinds if isinstance(kinds, str) else next((kind for kind in kinds if kind != "null"), "null"):
            case "object":
                wanted = fields if depth < DEEPEST_SAMPLE else {name: fields[name] for name in node.get("required", ())}
                return {name: self.made_up(field, depth + 1) for name, field in wanted.items()}
            case "array":
                return [self.made_up(node.get("items", {}), depth + 1) for _ in range(node.get("minItems", 0))]
            case "integer" | "number":
                return _smallest_number(node)
            case "boolean":
                return False
            case "null":
                return None
        return TEXTS.get(node.get("format", ""), "").ljust(node.get("minLength", 0), "x")

    def resolved(self, node: Mapping[str, Any]) -> Any:
        """Return what a reference stands for, or else the part of the document itself."""
        while isinstance(node.get("$ref"), str) and len(node.keys() - {"summary", "description"}) == 1:
            node = self._registry.resolver().lookup(node["$ref"]).contents
        return node


def _at_home(node: Any) -> Any:
    """Return a part of the document whose references can be followed from anywhere."""
    if isinstance(node, dict):
        return {
            name: HOME + value if name == "$ref" and isinstance(value, str) and value[:1] == "#" else _at_home(value)
            for name, value in node.items()
        }
    return [_at_home(value) for value in node] if isinstance(node, list) else node


def _smallest_number(node: Mapping[str, Any]) -> Any:
    above = node.get("exclusiveMinimum")
    lowest = node.get("minimum", min(0, node.get("maximum", 0)) if above is None else above)
    step = node.get("multipleOf", 1)
    smallest = -(-lowest // step) * step
    return smallest + step if smallest == above else smallest
