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
DEEPEST_SAMPLE = 2
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
    """What a value must be like; `node` is the part of the document with every reference followed."""

    schemas: "Schemas"
    node: Mapping[str, Any]
    checker: Draft202012Validator

    def faults(self, value: Any) -> Iterator[ValidationError]:
        """Yield what is wrong with a value."""
        try:
            yield from self.checker.iter_errors(value)
        except OverflowError:
            yield ValidationError("a number in it is larger than can be compared")

    def takes(self, value: Any) -> bool:
        """Tell whether nothing is wrong with a value."""
        return next(self.faults(value), None) is None

    @property
    def kinds(self) -> list[str]:
        """The types of JSON that it takes, as far as it says so."""
        kinds = self.node.get("type", [])
        return [kinds] if isinstance(kinds, str) else list(kinds)

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
        """Return an object with the fields that the document names: the known value where it fits, or a sample.

        A field that may be absent is, if no value can be made up for it.
        """
        completed = {}
        for name, schema in self.properties.items():
            if name in known and schema.takes(known[name]):
                completed[name] = known[name]
                continue
            try:
                completed[name] = schema.sample
            except ContractError:
                if name in self.node.get("required", ()):
                    raise
        if self.node.get("additionalProperties") is not False:
            completed |= {name: value for name, value in known.items() if name not in self.properties}
        return completed


class Schemas:
    """Those of one document, which may refer to each other."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Make every reference one that can be followed from anywhere."""
        self.document = _at_home(document)
        self._registry: Registry[Any] = Registry().with_resource(HOME, DRAFT202012.create_resource(self.document))

    def schema(self, node: Any) -> Schema:
        """Return the schema that a part of the document is."""
        Draft202012Validator.check_schema(node)
        checker = Draft202012Validator(node, registry=self._registry, format_checker=formats)
        return Schema(self, self.resolved(node), checker)

    def resolved(self, node: Any) -> Any:
        """Return a part of the document with what its reference stands for."""
        followed: list[str] = []
        while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
            if node["$ref"] in followed:
                raise ContractError(f"{node['$ref'].removeprefix(HOME)} stands for itself")
            followed.append(node["$ref"])
            beside = {name: value for name, value in node.items() if name != "$ref"}
            node = self._registry.resolver().lookup(followed[-1]).contents
            node = {**node, **beside} if beside else node
        return node if isinstance(node, Mapping) else {}

    def named_properties(self, node: Any) -> dict[str, Any]:
        """Return the fields that a schema names, those included that it takes over from others or could be."""
        node = self.resolved(node)
        others = [*node.get("allOf", ()), *node.get("oneOf", ())[:1], *node.get("anyOf", ())[:1]]
        fields = [*map(self.named_properties, others), node.get("properties", {})]
        return {name: field for named in fields for name, field in named.items()}

    def made_up(self, node: Any, depth: int = 0) -> Any:
        """Return a value for a schema: an example, or the smallest of its type."""
        node = self.resolved(node)
        told = [node[word] for word in ("example", "default", "const") if word in node]
        if values := [*node.get("examples", ()), *told, *node.get("enum", ())]:
            return values[0]
        if choices := [] if node.get("properties") else [*node.get("oneOf", ()), *node.get("anyOf", ())]:
            return self.made_up(choices[0], depth + 1)
        return self._smallest(node, depth)

    def _smallest(self, node: Mapping[str, Any], depth: int) -> Any:
        fields = self.named_properties(node)
        kinds = node.get("type", "object" if fields else "string")
        match kinds if isinstance(kinds, str) else next((kind for kind in kinds if kind != "null"), "null"):
            case "object":
                required = node.get("required", ())
                wanted = fields if depth < DEEPEST_SAMPLE else {name: fields.get(name, {}) for name in required}
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


def as_written(node: Any) -> Any:
    """Return a part of the document with its references as they were."""
    if isinstance(node, Mapping):
        return {
            name: value.removeprefix(HOME) if name == "$ref" and isinstance(value, str) else as_written(value)
            for name, value in node.items()
        }
    return [as_written(value) for value in node] if isinstance(node, list) else node


def _at_home(node: Any) -> Any:
    """Return a part of the document whose references can be followed from anywhere."""
    if isinstance(node, Mapping):
        return {
            name: HOME + value if name == "$ref" and isinstance(value, str) and value[:1] == "#" else _at_home(value)
            for name, value in node.items()
        }
    return [_at_home(value) for value in node] if isinstance(node, list) else node


def _smallest_number(node: Mapping[str, Any]) -> Any:
    above = node.get("exclusiveMinimum")
    highest = min(0, node.get("maximum", 0), node.get("exclusiveMaximum", 1) - 1)
    lowest = node.get("minimum", highest if above is None else above)
    step = node.get("multipleOf", 1)
    smallest = -(-lowest // step) * step
    return smallest + step if smallest == above else smallest
