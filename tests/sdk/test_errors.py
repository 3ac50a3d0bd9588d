"""What an error holds, and what it never shows."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from server import Arrived, Connection, Server, free_port, respond, respond_json, serving

from printos_ext import APIStatusError, InternalServerError, PrintOS, PrintOSError, SessionAuth

CANARY = "canary-7f3a9c-secret"


@pytest.fixture
def echo() -> Iterator[Server]:
    """A server that answers with everything it was sent, and hands out the canary as a token."""

    def answer(connection: Connection, arrived: Arrived) -> None:
        said = json.dumps({"detail": f"{arrived.headers} {arrived.body!r}"}).encode()
        code = 200 if arrived.path.endswith("login") else 418
        respond(code, said, set_cookie=f"Indigo-SmS-Auth-Token={CANARY}; Path=/")(connection, arrived)

    with serving(answer) as server:
        yield server


@pytest.mark.parametrize("auth", ["hmac", "session"])
@pytest.mark.parametrize("fault", ["echo", "refused", "reset"])
def test_canary_appears_nowhere(auth: str, fault: str, echo: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    if fault == "reset":
        behaviour = echo.behaviour
        echo.behaviour = lambda c, a: behaviour(c, a) if a.path.endswith("login") else c.reset()
    url = echo.url if fault != "refused" else f"http://127.0.0.1:{free_port()}"
    options: dict[str, Any] = (
        {"key": "key", "secret": CANARY} if auth == "hmac" else {"auth": SessionAuth("device-7", CANARY)}
    )
    with PrintOS(base_url=url, **options) as printos:
        with pytest.raises(PrintOSError) as caught:
            printos.devices.list()
        error: Any = caught.value
        shown = [repr(printos), repr(printos.devices), repr(printos.api), caplog.text, repr(error), str(error)]

    shown += traceback.format_exception(error)
    shown += [repr(vars(error)), pickle.dumps(error).decode("latin-1"), repr(error.request.headers.raw)]
    shown += [repr(error.request.content), repr(pickle.loads(pickle.dumps(error)).__dict__)]  # noqa: S301 - our own
    if isinstance(error, APIStatusError):
        shown += [repr(error.response.headers.raw), repr(error.response.content), repr(error.body)]
    if error.__cause__ is not None:
        shown.append(repr(error.__cause__.request.headers.raw))

    assert [text for text in shown if CANARY in text] == []


def test_signature_is_not_in_an_error() -> None:
    with serving(respond(500)) as server, PrintOS("key", "secret", base_url=server.url) as printos:
        with pytest.raises(InternalServerError) as caught:
            printos.devices.list()

    assert caught.value.request.headers["x-hp-hmac-authentication"] == "REDACTED"
    assert caught.value.request.headers["x-hp-hmac-algorithm"] == "SHA256"


def test_error_has_the_evidence_and_survives_pickling() -> None:
    problem = respond_json({"title": "Unknown model", "detail": "HP Indigo 7K\nis not listed"}, 422, x_request_id="r-7")
    with serving(problem) as server, PrintOS("k", "s", base_url=server.url) as printos:
        with pytest.raises(APIStatusError) as caught:
            printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")

    for error in (caught.value, pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):  # noqa: S301 - our own
        assert type(error) is type(caught.value)
        assert (error.status_code, error.request_id, error.attempts) == (422, "r-7", 1)
        assert error.body == {"title": "Unknown model", "detail": "HP Indigo 7K\nis not listed"}
        assert json.loads(error.request.content) == {"model": "HP Indigo 7K", "serialNumber": "41000042"}
        assert error.response.headers["content-type"] == "application/json"
        assert str(error).startswith(f"POST {server.url}/devices: 422 Some Reason after 1 attempt in 0.")
        assert str(error).endswith("s: Unknown model; HP Indigo 7K is not listed")


@pytest.mark.parametrize(
    ("content", "content_type", "told"),
    [
        (b"<html><style>p {}</style><body><h1>Bad &amp; worse</h1></body></html>", "text/html", ": Bad & worse"),
        (b'{"smsError": {"subCode": 7}}', "application/json", "'subCode': 7"),
        (b"\x1b[31mred\r\nalert", "text/plain", ": [31mred alert"),
        (b"x" * 5000, "text/plain", "x…"),
        (b"", "text/plain", " s"),
        (b"\xff\xfe", "text/plain", r"\xff\xfe"),
    ],
)
def test_what_the_server_said_is_quoted_in_one_line(content: bytes, content_type: str, told: str) -> None:
    answer = respond(400, content, content_type=content_type)
    with serving(answer) as server, PrintOS("k", "s", base_url=server.url) as printos:
        with pytest.raises(APIStatusError) as caught:
            printos.devices.list()

    assert str(caught.value).endswith(told) or told in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
