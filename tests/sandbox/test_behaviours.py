"""What HP's prose says: credentials, sessions, replacement, foreign serial numbers, the interval; each switched off."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from printos_ext import PrintOS, SessionAuth
from printos_ext.sandbox import Sandbox

Call = Callable[..., httpx.Response]
JSON = {"content-type": "application/json"}
PRESS = {"model": "HP Indigo 7K", "serialNumber": "41000042"}


def signed(sandbox: Sandbox, method: str, path: str, moment: dt.datetime | None = None) -> dict[str, str]:
    """Sign as HP's samples do, by no code of the project's."""
    date = (moment or dt.datetime.now(dt.UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = hmac.new(sandbox.secret.encode(), f"{method} {path}{date}".encode(), hashlib.sha256).hexdigest()
    return {
        "x-hp-hmac-date": date,
        "x-hp-hmac-algorithm": "SHA256",
        "x-hp-hmac-authentication": f"{sandbox.key}:{signature}",
    }


def test_known_answer_is_taken(call: Call) -> None:
    with Sandbox(key="key", secret="secret") as sandbox:
        sandbox.set_clock(dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC))
        headers = {
            "x-hp-hmac-date": "2026-01-02T03:04:05Z",
            "x-hp-hmac-algorithm": "SHA256",
            "x-hp-hmac-authentication": "key:1a834ef02623849620c3b1d43efb8b021f56ab6a2369686a47385e8ae0c97276",
        }

        assert call(sandbox, "GET", "/devices?page=2", headers=headers).status_code == 200


BROKEN: dict[str, dict[str, str | None]] = {
    "no signature": {"x-hp-hmac-authentication": None},
    "no date": {"x-hp-hmac-date": None},
    "no algorithm": {"x-hp-hmac-algorithm": None},
    "retired algorithm": {"x-hp-hmac-algorithm": "SHA1"},
    "another date than was signed": {"x-hp-hmac-date": "2026-01-02T03:04:06Z"},
    "date in another format": {"x-hp-hmac-date": "Fri, 02 Jan 2026 03:04:05 GMT"},
    "no key": {"x-hp-hmac-authentication": "0" * 64},
    "another key": {"x-hp-hmac-authentication": "other:" + "0" * 64},
    "no text": {"x-hp-hmac-authentication": "\u00fc:\u00fc"},
}


@pytest.mark.parametrize("fault", BROKEN)
def test_call_that_is_not_signed_right_is_unauthorized(fault: str, printos_sandbox: Sandbox, call: Call) -> None:
    headers = {**signed(printos_sandbox, "GET", "/devices"), **BROKEN[fault]}
    encoded = {name: value.encode() for name, value in headers.items() if value is not None}

    answer = call(printos_sandbox, "GET", "/devices", headers=encoded)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize(("method", "path"), [("POST", "/devices"), ("GET", "/devices/x")])
def test_signature_of_another_call_is_unauthorized(
    method: str, path: str, printos_sandbox: Sandbox, call: Call
) -> None:
    answer = call(printos_sandbox, "GET", "/devices", headers=signed(printos_sandbox, method, path))

    assert answer.status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(-290, 200), (290, 200), (-310, 401), (310, 401)])
def test_clock_may_be_off_by_five_minutes(seconds: float, status: int, printos_sandbox: Sandbox, call: Call) -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    headers = signed(printos_sandbox, "GET", "/devices", moment)

    assert call(printos_sandbox, "GET", "/devices", headers=headers).status_code == status
    printos_sandbox.switch("clock-tolerance", on=False)
    assert call(printos_sandbox, "GET", "/devices", headers=headers).status_code == 200


def test_without_credentials_everybody_is_let_in(printos_sandbox: Sandbox, call: Call) -> None:
    assert call(printos_sandbox, "GET", "/devices").status_code == 401

    printos_sandbox.switch("credentials", on=False)

    assert call(printos_sandbox, "GET", "/devices").status_code == 200


@pytest.mark.printos_sandbox(auth="session", session_seconds=60)
class TestSessions:
    def token(self, sandbox: Sandbox, call: Call, login: str = "sandbox", password: str = "sandbox-secret") -> Any:
        answer = call(sandbox, "POST", "/devices/login", json={"login": login, "password": password})
        return answer.headers.get("set-cookie", "").partition("=")[2].partition(";")[0] or answer.status_code

    @pytest.mark.parametrize("place", ["header", "cookie"])
    def test_token_lets_in_until_it_ends(self, place: str, printos_sandbox: Sandbox, call: Call) -> None:
        token = self.token(printos_sandbox, call)
        name = "Indigo-SmS-Auth-Token"
        headers = {name: token} if place == "header" else {"cookie": f"a=b; {name}={token}"}

        assert call(printos_sandbox, "GET", "/devices", headers=headers).status_code == 200
        printos_sandbox.move_clock(61)
        assert call(printos_sandbox, "GET", "/devices", headers=headers).status_code == 401
        printos_sandbox.switch("session-expiry", on=False)
        assert call(printos_sandbox, "GET", "/devices", headers=headers).status_code == 200

    @pytest.mark.parametrize("password", ["wrong", "", "s\x00"])
    def test_wrong_login_is_unauthorized(self, password: str, printos_sandbox: Sandbox, call: Call) -> None:
        assert self.token(printos_sandbox, call, password=password) == 401
        assert self.token(printos_sandbox, call, login=password) == 401

    def test_login_may_be_half_a_character(self, printos_sandbox: Sandbox, call: Call) -> None:
        body = rb'{"login": "\ud83d", "password": "\ud83d"}'

        assert call(printos_sandbox, "POST", "/devices/login", content=body, headers=JSON).status_code == 401

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"login": 7, "password": null}', b"\xff"])
    def test_login_that_is_none_is_a_bad_request(self, body: bytes, printos_sandbox: Sandbox, call: Call) -> None:
        assert call(printos_sandbox, "POST", "/devices/login", content=body, headers=JSON).status_code == 400
        assert call(printos_sandbox, "POST", "/devices/login", content=body).status_code == 415

    def test_device_gets_a_login_of_its_own_and_can_do_no_more_than_report(
        self, printos_sandbox: Sandbox, call: Call
    ) -> None:
        mine = {"Indigo-SmS-Auth-Token": self.token(printos_sandbox, call)}
        device = call(printos_sandbox, "POST", "/devices", json=PRESS, headers=mine).json()
        other = call(printos_sandbox, "POST", "/devices", json={}, headers=mine).json()
        own = {"Indigo-SmS-Auth-Token": self.token(printos_sandbox, call, device["login"], device["password"])}

        def statuses() -> list[int]:
            return [
                call(printos_sandbox, "PUT", f"/devices/{device['id']}/status", json={}, headers=own).status_code,
                call(printos_sandbox, "PUT", f"/devices/{other['id']}/status", json={}, headers=own).status_code,
                call(printos_sandbox, "POST", "/devices", json={}, headers=own).status_code,
            ]

        assert statuses() == [200, 403, 403]
        printos_sandbox.switch("device-sessions", on=False)
        assert statuses() == [200, 200, 201]

    def test_password_is_shown_this_once(self, printos_sandbox: Sandbox, call: Call) -> None:
        mine = {"Indigo-SmS-Auth-Token": self.token(printos_sandbox, call)}
        device = call(printos_sandbox, "POST", "/devices", json=PRESS, headers=mine).json()
        listed = call(printos_sandbox, "GET", "/devices", headers=mine).text

        shown = f"{listed} {printos_sandbox.devices} {printos_sandbox.journal}"
        for secret in (device["login"], device["password"], mine["Indigo-SmS-Auth-Token"], "sandbox-secret"):
            assert secret not in shown

    def test_device_that_was_replaced_is_logged_out(self, printos_sandbox: Sandbox, call: Call) -> None:
        mine = {"Indigo-SmS-Auth-Token": self.token(printos_sandbox, call)}
        device = call(printos_sandbox, "POST", "/devices", json=PRESS, headers=mine).json()
        own = {"Indigo-SmS-Auth-Token": self.token(printos_sandbox, call, device["login"], device["password"])}
        call(printos_sandbox, "POST", "/devices", json=PRESS, headers=mine)

        assert call(printos_sandbox, "GET", "/devices", headers=own).status_code == 401
        assert self.token(printos_sandbox, call, device["login"], device["password"]) == 401

    def test_token_is_nobody_elses_although_chance_begins_again(self, printos_sandbox: Sandbox, call: Call) -> None:
        def token() -> str:
            call(printos_sandbox, "POST", "/__sandbox__/seed", json={"random": 7})
            return str(self.token(printos_sandbox, call))

        assert token() != token()

    def test_sdk_and_sandbox_agree(self, printos_sandbox: Sandbox) -> None:
        auth = SessionAuth(printos_sandbox.key, printos_sandbox.secret)
        with PrintOS(auth=auth, base_url=printos_sandbox.url) as printos:
            assert printos.devices.list() == []


@pytest.mark.printos_sandbox(auth=None)
class TestProvisioning:
    def test_same_model_and_serial_number_replace_the_device(self, printos_sandbox: Sandbox, call: Call) -> None:
        first, second = (call(printos_sandbox, "POST", "/devices", json=PRESS).json() for _ in range(2))
        call(printos_sandbox, "POST", "/devices", json={**PRESS, "model": "HP Indigo 12K"})

        assert [device["serialNumber"] for device in printos_sandbox.devices] == ["41000042", "41000042"]
        assert first["id"] not in {device["id"] for device in printos_sandbox.devices}
        assert call(printos_sandbox, "PUT", f"/devices/{first['id']}/status", json={}).status_code == 404
        assert call(printos_sandbox, "PUT", f"/devices/{second['id']}/status", json={}).status_code == 200

    def test_report_renames_no_device(self, printos_sandbox: Sandbox, call: Call) -> None:
        device = call(printos_sandbox, "POST", "/devices", json=PRESS).json()
        call(
            printos_sandbox,
            "PUT",
            f"/devices/{device['id']}/status",
            json={"serialNumber": "F", "model": "G", "id": "H"},
        )

        assert call(printos_sandbox, "GET", "/devices").json()["devices"] == [device]

    def test_replacement_can_be_switched_off(self, printos_sandbox: Sandbox, call: Call) -> None:
        printos_sandbox.switch("replacement", on=False)

        for _ in range(2):
            call(printos_sandbox, "POST", "/devices", json=PRESS)

        assert len(printos_sandbox.devices) == 2

    @pytest.mark.parametrize(
        "incomplete", [{}, {"model": "T250"}, {"serialNumber": "7"}, {"model": "", "serialNumber": ""}]
    )
    def test_device_without_model_or_serial_number_replaces_none(
        self, incomplete: dict[str, str], printos_sandbox: Sandbox, call: Call
    ) -> None:
        for _ in range(2):
            call(printos_sandbox, "POST", "/devices", json=incomplete)

        assert len(printos_sandbox.devices) == 2

    def test_serial_number_of_another_organisation_is_a_conflict(self, printos_sandbox: Sandbox, call: Call) -> None:
        printos_sandbox.seed([{**PRESS, "id": "IL7", "organisation": "another"}])

        answer = call(printos_sandbox, "POST", "/devices", json={**PRESS, "model": "another model"})

        assert (answer.status_code, answer.json()["place"]) == (409, "body.serialNumber")
        assert call(printos_sandbox, "GET", "/devices").json() == {"devices": []}
        assert call(printos_sandbox, "PUT", "/devices/IL7/status", json={}).status_code == 404
        printos_sandbox.switch("foreign-serial-numbers", on=False)
        assert call(printos_sandbox, "POST", "/devices", json=PRESS).status_code == 201


@pytest.mark.printos_sandbox(auth=None, min_interval=90, seed=[{"id": "IL42"}, {"id": "IL43"}])
class TestInterval:
    def test_device_that_reports_too_often_is_told_when_to_come_again(
        self, printos_sandbox: Sandbox, call: Call
    ) -> None:
        def report(device: str, status: str) -> httpx.Response:
            return call(printos_sandbox, "PUT", f"/devices/{device}/status", json={"status": status})

        printos_sandbox.set_clock(dt.datetime(2026, 1, 2, tzinfo=dt.UTC))
        assert [report(device, "DS_ON").status_code for device in ("IL42", "IL43")] == [200, 200]

        printos_sandbox.move_clock(30)
        refused = report("IL42", "DS_PRINTING")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
        assert printos_sandbox.devices[0]["status"] == "DS_ON"

        printos_sandbox.move_clock(60)
        assert report("IL42", "DS_PRINTING").status_code == 200
        printos_sandbox.switch("min-interval", on=False)
        assert report("IL42", "DS_ERROR").status_code == 200


def test_every_behaviour_is_on_the_one_list(printos_sandbox: Sandbox, call: Call, root: Any) -> None:
    listed = call(printos_sandbox, "GET", "/__sandbox__/behaviours").json()
    page = (root / "printos_ext" / "sandbox" / "README.md").read_text(encoding="utf-8")

    assert {one["name"] for one in listed} == {
        "credentials",
        "clock-tolerance",
        "session-expiry",
        "device-sessions",
        "replacement",
        "foreign-serial-numbers",
        "min-interval",
    }
    assert all(one["does"] and one["source"] and one["on"] for one in listed)
    assert [one["name"] for one in listed if f"`{one['name']}`" not in page] == []


def test_behaviour_can_be_left_out_from_the_start(call: Call) -> None:
    with Sandbox(without=("credentials",)) as sandbox:
        assert call(sandbox, "GET", "/devices").status_code == 200
        sandbox.reset()
        assert call(sandbox, "GET", "/devices").status_code == 200

    with pytest.raises(ValueError, match="no behaviour is called 'x'; there are credentials"):
        Sandbox(without=("x",)).start()
