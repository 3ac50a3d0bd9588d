"""The contract as the sandbox serves it, read from the YAML at start: what there is to call, and what may be sent.

A field or an operation that is added to the document is served after a restart.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from attrs import frozen
from jsonschema.exceptions import SchemaError, ValidationError
from referencing.exceptions import Unresolvable

from .problems import MEDIA_TYPE, Problem
from .reading import read_json, said, shortened
from .schemas import ContractError, Schema, Schemas, as_written

NAME = "hp-printos-device-api-openapi.yml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MOST_FAULTS = 10


@frozen
class Parameter:
    """A value outside the body."""

    name: str
    place: str
    required: bool
    schema: Schema


@frozen
class Operation:
    """One thing to call."""

    name: str
    method: str
    template: str
    parameters: tuple[Parameter, ...] = ()
    bodies: Mapping[str, Schema] | None = None
    needs_body: bool = False
    status: int = 200
    answer: Schema | None = None
    answer_type: str = ""


@frozen
class Call:
    """A request for an operation, with what stands in its path."""

    operation: Operation
    path: Mapping[str, str]


@frozen
class Request:
    """A request as it came; `path` is as it was sent, below the server's own path."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies, by name."""
        return dict(part.strip().partition("=")[::2] for part in self.headers.get("cookie", "").split(";"))

    @property
    def media_type(self) -> str:
        """What the body says it is."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Contract:
    """An OpenAPI document, version 3.1."""

    def __init__(self, text: bytes) -> None:
        """Read the document, and fail where it cannot be served."""
        try:
            document = json.loads(json.dumps(yaml.load(text, yaml.CSafeLoader), default=dt.date.isoformat))
        except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
            raise ContractError(f"it is no YAML that JSON can say: {' '.join(str(error).split())}") from error
        if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3.1"):
            raise ContractError("it is not an OpenAPI document of version 3.1")
        self.document = document
        self.schemas = Schemas(document)
        try:
            self.prefix = _prefix(document.get("servers") or [{"url": ""}])
            self.operations = list(self._operations())
        except (Unresolvable, SchemaError) as error:
            raise ContractError(f"a schema of it cannot be used: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ContractError(f"it is not as OpenAPI says: {type(error).__name__}: {error}") from error
        paths: dict[str, dict[str, Operation]] = {}
        for operation in self.operations:
            paths.setdefault(operation.template, {})[operation.method] = operation
        # A path without parameters goes before one that would take it.
        self._paths = [(_pattern(path), paths[path]) for path in sorted(paths, key=lambda path: path.count("{"))]

    def find(self, method: str, path: str) -> Call:
        """Return what a request asks for."""
        for pattern, operations in self._paths:
            if match := pattern.fullmatch(path):
                if operation := operations.get(method):
                    names = re.findall(r"\{([^{}]+)\}", operation.template)
                    return Call(operation, dict(zip(names, map(_decoded, match.groups()), strict=True)))
                allowed = ", ".join(sorted(operations))
                raise Problem(405, f"{path} takes {allowed}, not {method}", headers={"allow": allowed})
        raise Problem(404, f"the contract has no path {path}")

    def check(self, call: Call, request: Request) -> Any:
        """Return the body of a request that is as the contract says."""
        self._check_parameters(call, request)
        return self._check_body(call.operation, request)

    def described(self, security: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document with what the sandbox adds to it: credentials, and answers to what it refuses."""
        refused = {
            "description": "Refused: the body says what was wrong, and where (RFC 9457)",
            "content": {MEDIA_TYPE: {"schema": {"type": "object", "required": ["title", "status", "detail"]}}},
        }
        paths: dict[str, Any] = {}
        for path, method, item, node in self._nodes():
            operation = as_written(node)
            operation["responses"] = {**operation.get("responses", {}), "4XX": refused}
            paths.setdefault(path, as_written(item))[method] = operation
        described = {**self.document, "paths": paths}
        if security:
            described["components"] = {**described.get("components", {}), "securitySchemes": dict(security)}
            described["security"] = [{name: [] for name in security}]
        return described

    def _operations(self) -> Iterator[Operation]:
        for path, method, item, node in self._nodes():
            parameters = {}
            for each in [*item.get("parameters", ()), *node.get("parameters", ())]:
                parameter = self.schemas.resolved(each)
                name, place = parameter["name"], parameter["in"]
                required = bool(parameter.get("required", place == "path"))
                schema = self.schemas.schema(parameter.get("schema", {}))
                parameters[place, name.lower()] = Parameter(name, place, required, schema)
            body = self.schemas.resolved(node.get("requestBody", {}))
            codes = {str(code): answer for code, answer in node.get("responses", {}).items()}
            code = min((code for code in codes if code[:1] == "2"), default="200")
            answer = self.schemas.resolved(codes.get(code))
            answers = {media: one for media, one in answer.get("content", {}).items() if _is_json(media)}
            answer_type = next(iter(answers), "")
            yield Operation(
                name=node.get("operationId", f"{method.upper()} {path}"),
                method=method.upper(),
                template=path,
                parameters=tuple(parameters.values()),
                bodies={
                    media.lower(): self.schemas.schema(one.get("schema", {})) for media, one in body["content"].items()
                }
                if body
                else None,
                needs_body=bool(body.get("required", False)),
                status=int(code.upper().replace("X", "0")),
                answer=self.schemas.schema(answers[answer_type].get("schema", {})) if answers else None,
                answer_type=answer_type,
            )

    def _nodes(self) -> Iterator[tuple[str, str, Any, Any]]:
        for path, each in (self.schemas.document.get("paths") or {}).items():
            item = self.schemas.resolved(each)
            for method in METHODS:
                if path.startswith("/") and method in item:
                    yield path, method, item, item[method]

    def _check_parameters(self, call: Call, request: Request) -> None:
        query = parse_qs(request.query, keep_blank_values=True)
        found: Mapping[str, Mapping[str, Any]] = {
            "path": call.path,
            "query": query,
            "header": request.headers,
            "cookie": request.cookies,
        }
        for one in call.operation.parameters:
            value = found[one.place].get(one.name.lower() if one.place == "header" else one.name)
            if value is None:
                if one.required:
                    raise Problem(400, f"{one.place}.{one.name} is missing", place=f"{one.place}.{one.name}")
                continue
            # What a text stands for is what the parameter takes, or else what has the right type at least.
            readings = _readings(value)
            taken = next(filter(one.schema.takes, readings), None)
            if taken is None:
                nearest = min(readings, key=lambda reading: [f.validator == "type" for f in one.schema.faults(reading)])
                _refuse(400, one.schema.faults(nearest), f"{one.place}.{one.name}")

    def _check_body(self, operation: Operation, request: Request) -> Any:
        if operation.bodies is None:
            return None
        if not request.body and not operation.needs_body:
            return None
        media = request.media_type
        accepted = next(
            (name for name in (media, f"{media.partition('/')[0]}/*", "*/*") if name in operation.bodies), None
        )
        if accepted is None or request.headers.get("content-encoding", "identity") != "identity":
            taken = ", ".join(operation.bodies)
            raise Problem(
                415, f"the body must be {taken}, as it is, not {media or 'of no type'}", place="header.content-type"
            )
        if not _is_json(media):
            return None
        body = read_json(request.body)
        _refuse(422, operation.bodies[accepted].faults(body), "body")
        return body


def bundled() -> Path:
    """Return the document that is in the package, or else the one of the checkout that the package is used from."""
    packaged = Path(str(resources.files(__package__))) / NAME
    return packaged if packaged.exists() else Path(__file__).parents[2] / "spec" / NAME


def _refuse(status: int, faults: Iterable[ValidationError], place: str) -> None:
    told = [
        {"place": place + fault.json_path.removeprefix("$"), "message": shortened(fault.message)}
        for fault, _ in zip(faults, range(MOST_FAULTS), strict=False)
    ]
    if told:
        raise Problem(status, "; ".join(f"{one['place']}: {one['message']}" for one in told), errors=told)


def _is_json(media: str) -> bool:
    return media.partition(";")[0].strip().lower().endswith(("/json", "+json"))


def _pattern(template: str) -> re.Pattern[str]:
    literal = re.split(r"\{[^{}]+\}", template)
    return re.compile("([^/]+)".join(map(re.escape, literal)))


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Problem(400, f"{text} in the path is not UTF-8", place="path") from error


def _readings(value: Any) -> list[Any]:
    """Return what a text outside the body may stand for: itself, what it says in JSON, a list of either."""
    texts = value if isinstance(value, list) else [value]
    parts = texts if len(texts) > 1 else texts[0].split(",")
    return [texts[-1], said(texts[-1]), parts, [said(part) for part in parts]]


def _prefix(servers: Any) -> str:
    """Return the path that stands before every path, from the address of the first server."""
    server = servers[0]
    defaults = {name: str(variable.get("default", "")) for name, variable in server.get("variables", {}).items()}
    url = re.sub(r"\{([^{}]+)\}", lambda match: defaults.get(match[1], ""), server["url"])
    path = urlsplit(url).path.strip("/")
    return f"/{path}" if path else ""
