"""Who calls: HP's two kinds of credentials, as its samples and its provisioning guide describe them."""

import datetime as dt
import hashlib
import hmac
import json
from random import Random
from typing import Any, Literal

from attrs import define, field, frozen

from .behaviours import Switches
from .clock import Clock
from .contract import Operation, Request
from .problems import Problem
from .reading import read_json
from .store import Device, Store

LOGIN = Operation("login", "POST", "/devices/login")
SESSION_TOKEN = "Indigo-SmS-Auth-Token"  # noqa: S105 - the name of a header, not its value
SIGNATURE = ("x-hp-hmac-date", "x-hp-hmac-algorithm", "x-hp-hmac-authentication")
DATE = "%Y-%m-%dT%H:%M:%SZ"
ORGANISATION = "sandbox"

Kind = Literal["hmac", "session"] | None


@frozen
class Caller:
    """On whose behalf a call is made; `device_id` is there if it is a device's own session."""

    organisation: str = ORGANISATION
    device_id: str | None = None


@frozen
class Session:
    """What a token stands for, and until when."""

    caller: Caller
    ends: dt.datetime


@define
class Access:
    """Lets calls in. With the kind None everybody is let in."""

    kind: Kind
    key: str
    secret: str
    clock: Clock
    switches: Switches
    store: Store
    chance: Random
    clock_tolerance: float
    session_seconds: float
    sessions: dict[str, Session] = field(factory=dict, init=False)

    def caller(self, request: Request) -> Caller:
        """Return who calls, or refuse."""
        if self.kind is None or not self.switches["credentials"]:
            return Caller()
        return self._signed(request) if self.kind == "hmac" else self._in_session(request)

    def log_in(self, request: Request) -> str:
        """Return a new token for a login and its password, an administrator's or a device's."""
        if request.media_type != "application/json":
            raise Problem(415, "a login is application/json", place="header.content-type")
        sent = read_json(request.body)
        login, password = (sent.get("login"), sent.get("password")) if isinstance(sent, dict) else (None, None)
        if not (isinstance(login, str) and isinstance(password, str)):
            raise Problem(400, 'a login is {"login": "…", "password": "…"}', place="body")
        caller = self._who(login, password)
        now = self.clock.now()
        while self.switches["session-expiry"] and self.sessions and next(iter(self.sessions.values())).ends <= now:
            del self.sessions[next(iter(self.sessions))]
        token = ""
        while not token or token in self.sessions:  # chance may begin again, sessions go on
            token = f"{self.chance.getrandbits(128):032x}"
        self.sessions[token] = Session(caller, now + dt.timedelta(seconds=self.session_seconds))
        return token

    def forget(self, device: Device) -> None:
        """End the sessions of a device that is no more."""
        self.sessions = {token: one for token, one in self.sessions.items() if one.caller.device_id != device.id}

    def give_login(self, device: Device) -> dict[str, str]:
        """Give a device credentials of its own, and return them this once."""
        password = f"{self.chance.getrandbits(96):024x}"
        device.login, device.password = f"device-{device.id}", _digest(password)
        return {"login": device.login, "password": password}

    def described(self) -> dict[str, Any]:
        """Return the credentials as OpenAPI describes them."""
        if self.kind is None:
            return {}
        names = SIGNATURE if self.kind == "hmac" else (SESSION_TOKEN,)
        return {name: {"type": "apiKey", "in": "header", "name": name} for name in names}

    def _signed(self, request: Request) -> Caller:
        date, algorithm, authentication = (request.headers.get(name) for name in SIGNATURE)
        if not (date and algorithm and authentication):
            raise _unauthorized(f"a signed call has the headers {', '.join(SIGNATURE)}")
        if algorithm.upper() != "SHA256":
            raise _unauthorized(f"the algorithm must be SHA256, not {algorithm}")
        self._check_date(date)
        key, _, signature = authentication.rpartition(":")
        message = f"{request.method} {request.path}{date}"
        expected = hmac.digest(self.secret.encode(), message.encode("latin-1"), "sha256").hex()
        if not (_same(key, self.key) and _same(signature, expected)):
            raise _unauthorized(f"no key that is known here signed {message!r} so")
        return Caller()

    def _check_date(self, date: str) -> None:
        try:
            moment = dt.datetime.strptime(date, DATE).replace(tzinfo=dt.UTC)
        except ValueError:
            raise _unauthorized(f"x-hp-hmac-date must look like 2026-01-02T03:04:05Z, not {date}") from None
        ahead = (moment - self.clock.now()).total_seconds()
        if self.switches["clock-tolerance"] and abs(ahead) > self.clock_tolerance:
            side = "ahead" if ahead > 0 else "behind"
            raise _unauthorized(
                f"the clock that signed is {abs(ahead):,.0f} s {side}: no more than {self.clock_tolerance} is taken"
            )

    def _in_session(self, request: Request) -> Caller:
        token = request.headers.get(SESSION_TOKEN.lower()) or request.cookies.get(SESSION_TOKEN)
        session = self.sessions.get(token or "")
        if session is None:
            raise _unauthorized(
                f"the header {SESSION_TOKEN} is missing, or no session has that token: log in at {LOGIN.template}"
            )
        if self.switches["session-expiry"] and self.clock.now() >= session.ends:
            raise _unauthorized(f"the session ended: log in again at {LOGIN.template}")
        return session.caller

    def _who(self, login: str, password: str) -> Caller:
        if _same(login, self.key) and _same(password, self.secret):
            return Caller()
        device = self.store.with_login(login) if is_text(login) else None
        if device is None or not _same(device.password or "", _digest(password)):
            raise _unauthorized("the login is unknown, or the password is wrong")
        return Caller(device.organisation, device.id)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(json.dumps(one), json.dumps(other))


def _digest(password: str) -> str:
    return hashlib.sha256(json.dumps(password).encode()).hexdigest()


def is_text(text: str) -> bool:
    """Tell whether a text is of whole characters, as SQLite and headers take it."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _unauthorized(detail: str) -> Problem:
    return Problem(401, detail, headers={"www-authenticate": "PrintOS"})
