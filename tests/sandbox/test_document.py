"""The sandbox serves the document: what it names is there, what it forbids is refused, and a change needs no code."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from printos_ext.sandbox import Sandbox

Call = Callable[..., httpx.Response]
Serve = Callable[..., Sandbox]

pytestmark = pytest.mark.printos_sandbox(auth=None, seed=[{"id": "IL42", "model": "HP Indigo 7K"}])
JSON = {"content-type": "application/json"}
DEEP = b"[" * 100_000 + b"]" * 100_000


def test_three_operations_answer_as_the_document_says(printos_sandbox: Sandbox, call: Call) -> None:
    provisioned = call(printos_sandbox, "POST", "/devices", json={"model": "T250", "serialNumber": "7", "hall": 2})
    reported = call(
        printos_sandbox, "PUT", "/devices/IL42/status", json={"status": "DS_ON", "metrics": {"pagesTotal": 1}}
    )
    listed = call(printos_sandbox, "GET", "/devices")

    assert provisioned.status_code == 201
    assert provisioned.json().keys() == {"id", "model", "serialNumber", "status", "registeredAt"}
    assert (reported.status_code, reported.content) == (200, b"")
    assert [(device["id"], device["status"]) for device in listed.json()["devices"]] == [
        ("IL42", "DS_ON"),
        (provisioned.json()["id"], "DS_OFF"),
    ]


REFUSED: dict[str, tuple[int, str, dict[str, Any]]] = {
    "status that is a number": (422, "body.status", {"json": {"status": 7}}),
    "metric that is a text": (422, "body.metrics.pagesTotal", {"json": {"metrics": {"pagesTotal": "7"}}}),
    "half a page": (422, "body.metrics.pagesTotal", {"json": {"metrics": {"pagesTotal": 1.5}}}),
    "page that is true": (422, "body.metrics.pagesTotal", {"json": {"metrics": {"pagesTotal": True}}}),
    "null": (422, "body.status", {"json": {"status": None}}),
    "list": (422, "body", {"json": []}),
    "nothing": (400, "body", {"headers": JSON}),
    "no JSON": (400, "body", {"content": b"{", "headers": JSON}),
    "not a number": (400, "body", {"content": b'{"metrics": {"inkLevel": NaN}}', "headers": JSON}),
    "number without end": (400, "body", {"content": b"1" * 10_000, "headers": JSON}),
    "no UTF-8": (400, "body", {"content": b'{"status": "\xff"}', "headers": JSON}),
    "too deep": (400, "body", {"content": DEEP, "headers": JSON}),
    "too much": (413, "body", {"content": b" " * 1_000_001, "headers": JSON}),
    "text": (415, "header.content-type", {"content": b"{}", "headers": {"content-type": "text/plain"}}),
    "no type": (415, "header.content-type", {"content": b"{}"}),
    "compressed": (415, "header.content-type", {"content": b"{}", "headers": {**JSON, "content-encoding": "gzip"}}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_request_is_refused_with_its_place(case: str, printos_sandbox: Sandbox, call: Call) -> None:
    status, place, sent = REFUSED[case]

    answer = call(printos_sandbox, "PUT", "/devices/IL42/status", **sent)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert place in {problem.get("place"), *(one["place"] for one in problem.get("errors", []))}
    assert len(answer.content) < 2000
    assert printos_sandbox.devices[0]["report"] is None


@pytest.mark.parametrize("path", ["/", "/devices/", "/devices//status", "/devices/IL42", "/devices/a/b/status", "/x"])
def test_path_that_is_not_in_the_document_is_not_found(path: str, printos_sandbox: Sandbox, call: Call) -> None:
    answer = call(printos_sandbox, "PUT" if path == "/devices//status" else "POST", path, json={})

    assert answer.status_code == (405 if path == "/" else 404)
    assert answer.headers["content-type"] == "application/problem+json"


def test_method_that_is_not_in_the_document_is_not_allowed(printos_sandbox: Sandbox, call: Call) -> None:
    answer = call(printos_sandbox, "PATCH", "/devices")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("odd", ["a/b", "ü", "a b", "?#", "%2F", "..x", "😀", "'; DROP TABLE devices", "a\nb"])
def test_device_id_may_be_any_text(odd: str, printos_sandbox: Sandbox, call: Call) -> None:
    printos_sandbox.seed([{"id": odd}])

    answer = call(printos_sandbox, "PUT", f"/devices/{quote(odd, safe='')}/status", json={"status": "DS_ON"})

    assert answer.status_code == 200
    assert printos_sandbox.devices[-1]["status"] == "DS_ON"


@pytest.mark.parametrize("text", ["\ud800", "\x00", "a" * 100_000, "\u202e", "</script>"])
def test_field_may_hold_any_text(text: str, printos_sandbox: Sandbox, call: Call) -> None:
    body = json.dumps({"model": text, "serialNumber": text, "location": text})

    for _ in range(2):
        answer = call(printos_sandbox, "POST", "/devices", content=body, headers=JSON)

    assert answer.status_code == 201
    assert json.loads(call(printos_sandbox, "GET", "/devices").content)["devices"][-1]["model"] == text
    assert len(printos_sandbox.devices) == 2


class TestChangedDocument:
    """A restart is all that a new version of the document needs."""

    def test_new_field_is_asked_for_kept_and_served(self, serve: Serve, call: Call, contract: Any) -> None:
        schemas = contract["components"]["schemas"]
        schemas["DeviceProvisionRequest"]["properties"]["firmware"] = {"type": "string", "minLength": 3}
        schemas["DeviceProvisionRequest"]["required"] = ["firmware"]
        schemas["PrintDevice"]["properties"] |= {
            "firmware": {"type": "string"},
            "kind": {"enum": ["press", "finisher"]},
        }
        schemas["PrintDevice"]["required"] = ["firmware", "kind"]
        sandbox = serve(contract)

        refused = call(sandbox, "POST", "/devices", json={"model": "T250"})
        provisioned = call(sandbox, "POST", "/devices", json={"model": "T250", "firmware": "1.2.3"})

        assert refused.status_code == 422
        assert "'firmware' is a required property" in refused.json()["detail"]
        assert provisioned.json().items() >= {"firmware": "1.2.3", "kind": "press"}.items()
        assert call(sandbox, "GET", "/devices").json()["devices"] == [provisioned.json()]

    def test_new_field_of_the_status_is_kept_and_served(self, serve: Serve, call: Call, contract: Any) -> None:
        schemas = contract["components"]["schemas"]
        for name in ("DeviceStatusUpdate", "PrintDevice"):
            schemas[name]["properties"]["jobs"] = {"type": "integer", "minimum": 0}
        sandbox = serve(contract, seed=[{"id": "IL42"}])

        assert call(sandbox, "GET", "/devices").json()["devices"][0]["jobs"] == 0
        assert call(sandbox, "PUT", "/devices/IL42/status", json={"jobs": -1}).status_code == 422
        assert call(sandbox, "PUT", "/devices/IL42/status", json={"jobs": 7}).status_code == 200
        assert call(sandbox, "GET", "/devices").json()["devices"][0]["jobs"] == 7

    def test_devices_of_an_older_document_are_served_as_the_new_one_says(
        self, serve: Serve, call: Call, contract: Any, tmp_path: Path
    ) -> None:
        before = serve(contract, db=tmp_path / "db", seed=[{"id": "IL42", "model": "T250"}])
        before.stop()
        contract["components"]["schemas"]["PrintDevice"]["properties"]["hall"] = {"type": "integer", "default": 3}

        after = serve(contract, db=tmp_path / "db")

        assert call(after, "GET", "/devices").json()["devices"][0].items() >= {"id": "IL42", "hall": 3}.items()

    def test_new_operations_on_a_device_are_served(self, serve: Serve, call: Call, contract: Any) -> None:
        device = {"$ref": "#/components/schemas/PrintDevice"}
        answer = {"200": {"description": "it", "content": {"application/json": {"schema": device}}}}
        contract["components"]["parameters"] = {
            "Id": {**contract["paths"]["/devices/{deviceId}/status"]["put"]["parameters"][0]}
        }
        contract["paths"]["/devices/{deviceId}"] = {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {"responses": answer},
            "patch": {"requestBody": {"content": {"application/json": {"schema": device}}}, "responses": answer},
            "delete": {"responses": {"204": {"description": "gone"}}},
        }
        sandbox = serve(contract, seed=[{"id": "IL42", "model": "T250"}])

        assert call(sandbox, "GET", "/devices/IL42").json()["model"] == "T250"
        assert call(sandbox, "PATCH", "/devices/IL42", json={"model": "T260"}).json()["model"] == "T260"
        assert call(sandbox, "PATCH", "/devices/IL42", json={"model": 7}).status_code == 422
        assert call(sandbox, "DELETE", "/devices/IL42").status_code == 204
        assert call(sandbox, "GET", "/devices/IL42").status_code == 404

    def test_new_operation_on_anything_else_checks_its_parameters_and_makes_an_answer_up(
        self, serve: Serve, call: Call, contract: Any
    ) -> None:
        contract["paths"]["/jobs/{number}"] = {
            "get": {
                "parameters": [
                    {"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}},
                    {"name": "state", "in": "query", "required": True, "schema": {"enum": ["held", "done"]}},
                    {"name": "X-Shop", "in": "header", "schema": {"type": "string", "pattern": "^[A-Z]+$"}},
                    {"name": "tags", "in": "query", "schema": {"type": "array", "maxItems": 2}},
                ],
                "responses": {
                    "200": {
                        "description": "a job",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["due", "copies", "owner"],
                                    "properties": {
                                        "due": {"type": "string", "format": "date-time"},
                                        "copies": {"type": "integer", "exclusiveMinimum": 4, "multipleOf": 5},
                                        "owner": {"type": ["null", "string"], "examples": ["Ada"]},
                                        "pages": {"type": "array", "minItems": 2, "items": {"type": "boolean"}},
                                    },
                                }
                            }
                        },
                    }
                },
            }
        }
        sandbox = serve(contract)
        good: dict[str, Any] = {"headers": {"X-Shop": "ABC"}, "params": {"state": "held", "tags": ["a", "b"]}}

        answer = call(sandbox, "GET", "/jobs/7", **good)

        assert answer.json()["owner"] == "Ada"
        assert answer.json()["pages"] == [False, False]
        faulty: list[tuple[str, dict[str, Any], str]] = [
            ("/jobs/x", {}, "path.number"),
            ("/jobs/7", {"params": {}}, "query.state"),
            ("/jobs/7", {"params": {"state": "lost"}}, "query.state"),
            ("/jobs/7", {"params": {"state": "held", "tags": ["a", "b", "c"]}}, "query.tags"),
            ("/jobs/7", {"headers": {"X-Shop": "abc"}}, "header.X-Shop"),
        ]
        for path, wrong, place in faulty:
            refused = call(sandbox, "GET", path, **{**good, **wrong})
            assert (refused.status_code, place in refused.json()["detail"]) == (400, True), refused.text

    def test_document_may_say_the_same_in_many_ways(self, serve: Serve, call: Call, contract: Any) -> None:
        schemas = contract["components"]["schemas"]
        device = schemas["PrintDevice"]
        device["required"] = ["id", "serialNumber"]
        device["properties"] |= {
            "id": {"type": "integer"},
            "serialNumber": {"type": "string", "pattern": "^[A-Z0-9]+$"},
            "code": {"type": "string", "pattern": "^[A-Z]{9}$"},
            "anything": True,
            "due": {"type": "string", "example": dt.date(2026, 1, 1)},
            "parent": {"$ref": "#/components/schemas/PrintDevice", "deprecated": True},
            "balance": {"type": "number", "exclusiveMaximum": 0},
        }
        schemas["PrintDeviceList"]["properties"]["devices"]["type"] = ["array", "null"]
        contract["paths"]["x-note"] = "no path"
        answers = contract["paths"]["/devices"]["post"]["responses"]
        answers["2XX"] = answers.pop("201")
        contract["components"]["pathItems"] = {"Ping": {"get": {"operationId": "ping"}}}
        contract["paths"]["/ping"] = {"$ref": "#/components/pathItems/Ping"}
        contract["paths"]["/devices/{deviceId}/jobs/{jobId}"] = {"delete": {}}
        sandbox = serve(contract)

        answer = call(sandbox, "POST", "/devices", json={"serialNumber": "A1"})
        assert answer.status_code == 200, answer.text
        device = answer.json()

        assert isinstance(device["id"], int)
        assert (device["serialNumber"], device["due"]) == ("A1", "2026-01-01")
        assert "code" not in device
        assert call(sandbox, "PUT", f"/devices/{device['id']}/status", json={"status": "DS_ON"}).status_code == 200
        assert call(sandbox, "DELETE", f"/devices/{device['id']}/jobs/7").status_code == 200
        assert [one["status"] for one in call(sandbox, "GET", "/devices").json()["devices"]] == ["DS_ON"]
        assert call(sandbox, "GET", "/ping").status_code == 200
        assert call(sandbox, "GET", "/openapi.json").json()["paths"]["/ping"]["get"]["operationId"] == "ping"

    @pytest.mark.parametrize(
        ("schema", "query", "status"),
        [
            ({"type": ["string", "null"]}, "q=123", 200),
            ({"type": "string"}, "q=true", 200),
            ({"type": "integer", "minimum": 1}, "q=0", 400),
            ({"enum": [1, 2]}, "q=2", 200),
            ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "q=7", 200),
            ({"type": "array", "items": {"type": "integer"}}, "q=1&q=2", 200),
            ({"type": "array", "items": {"type": "integer"}}, "q=1,2", 200),
            ({"type": "array", "items": {"type": "integer"}}, "q=1&q=x", 400),
            ({"type": "boolean"}, "q=1", 400),
            (True, "q=1", 200),
        ],
    )
    def test_parameter_is_read_as_its_schema_has_it(  # noqa: PLR0917 - what is tried, and with what
        self, schema: Any, query: str, status: int, serve: Serve, call: Call, contract: Any
    ) -> None:
        contract["paths"]["/devices"]["get"]["parameters"] = [{"name": "q", "in": "query", "schema": schema}]

        assert call(serve(contract), "GET", f"/devices?{query}").status_code == status

    def test_path_of_the_server_stands_before_every_path(self, serve: Serve, call: Call, contract: Any) -> None:
        contract["servers"] = [{"url": "https://example.com/platform/v2/"}]

        sandbox = serve(contract)

        assert sandbox.url.endswith("/platform/v2")
        assert call(sandbox, "GET", "/devices").status_code == 200

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("openapi: 3.0.3\npaths: {}", "version 3.1"),
            ("][", "no YAML"),
            ("[]", "version 3.1"),
            ("openapi: 3.1.0\npaths: {/x: {get: [7]}}", "not as OpenAPI says"),
            ("openapi: 3.1.0\npaths: {/x: {get: {responses: {200: {$ref: '#/x'}}}}}", "cannot be used"),
            ("openapi: 3.1.0\npaths: {}", "listDevices"),
        ],
    )
    def test_document_that_cannot_be_served_is_named_at_start(self, text: str, why: str, tmp_path: Path) -> None:
        spec = tmp_path / "spec.yml"
        spec.write_text(text, encoding="utf-8")

        with pytest.raises(Exception, match=f"cannot serve .*spec.yml: .*{why}"):
            Sandbox(spec=spec).start()

    def test_value_that_cannot_be_made_up_is_named_at_start(self, serve: Serve, contract: Any) -> None:
        device = contract["components"]["schemas"]["PrintDevice"]
        device["properties"]["code"] = {"type": "string", "pattern": "^[A-Z]{9}$"}
        device["required"] = ["code"]

        with pytest.raises(Exception, match="give it an example"):
            serve(contract)


def test_description_is_the_document_and_says_what_is_refused(
    printos_sandbox: Sandbox, call: Call, contract: Any
) -> None:
    described = call(printos_sandbox, "GET", "/openapi.json").json()

    assert described["servers"] == [{"url": printos_sandbox.url}]
    put = described["paths"]["/devices/{deviceId}/status"]["put"]
    assert put["requestBody"] == contract["paths"]["/devices/{deviceId}/status"]["put"]["requestBody"]
    assert put["responses"].keys() == {"200", "4XX"}
