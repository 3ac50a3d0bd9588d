"""Where settings come from: arguments, the environment, a profile in a file, defaults; the most specific wins.

Nothing is read before a client is made, and a file only if it is there.
"""

import logging
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from attrs import Attribute, evolve, field, frozen

from .auth import HmacAuth
from .errors import ConfigurationError
from .profiles import DEFAULT_PROFILE, config_file, read_profile

BASE_URL = "https://printos.api.hp.com"
VARIABLES = {"key": "PRINTOS_API_KEY", "secret": "PRINTOS_API_SECRET", "base_url": "PRINTOS_BASE_URL"}
LONGEST = 1e9
HIGHEST_PORT = 65_535
EXAMPLES = {
    "key": 'PrintOS(key="…", secret="…")',
    "secret": 'PrintOS(key="…", secret="…")',
    "base_url": f'PrintOS(base_url="{BASE_URL}")',
}


def _positive(_: object, option: "Attribute[Any]", value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST:
        raise ConfigurationError(f"{option.name} must be a number above zero and of sense, not {value!r}")


def _count(_: object, option: "Attribute[Any]", value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"{option.name} must be a whole number from zero, not {value!r}")


def _all_positive(policy: object, option: "Attribute[Any]", value: httpx.Timeout) -> None:
    for limit in value.as_dict().values():
        if limit is not None:
            _positive(policy, option, limit)


def _parts(timeout: float | httpx.Timeout) -> httpx.Timeout:
    return timeout if isinstance(timeout, httpx.Timeout) else httpx.Timeout(timeout)


@frozen
class Policy:
    """How a client calls; everything in seconds or bytes."""

    base_url: httpx.URL
    auth: httpx.Auth
    timeout: httpx.Timeout = field(converter=_parts, validator=_all_positive)
    deadline: float = field(validator=_positive)
    max_retries: int = field(validator=_count)
    max_response_bytes: int = field(validator=[_count, _positive])
    max_connections: int = field(validator=[_count, _positive])
    limits: Mapping[str, float] = field(init=False, eq=False)  # the timeout by the names of its parts

    @limits.default
    def _by_name(self) -> Mapping[str, float]:
        return {name: seconds or math.inf for name, seconds in self.timeout.as_dict().items()}

    def changed(
        self,
        timeout: float | httpx.Timeout | None,
        deadline: float | None,
        max_retries: int | None,
        max_response_bytes: int | None,
    ) -> "Policy":
        """Return the policy with those that are given."""
        given = {
            "timeout": timeout,
            "deadline": deadline,
            "max_retries": max_retries,
            "max_response_bytes": max_response_bytes,
        }
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return evolve(self, **changes)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What must never be shown, as far as the credentials know it."""
        return getattr(self.auth, "secrets", ())

    @property
    def base_path(self) -> bytes:
        """The prefix below which the API's paths begin."""
        return self.base_url.raw_path.rstrip(b"/")


@frozen
class Settings:
    """What a client needs to know before its first call."""

    base_url: httpx.URL
    auth: httpx.Auth = field(repr=False)


@frozen
class Setting:
    """A setting as it was found: what it says, and where that is from; neither, if it is nowhere."""

    value: str | None = field(repr=False)
    origin: str | None


def read_settings(
    *,
    key: str | None = None,
    secret: str | None = None,
    base_url: str | None = None,
    auth: httpx.Auth | None = None,
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Return complete settings, or say which one is missing or wrong, where it was looked for, and an example."""
    set_up_log(environment.get("PRINTOS_LOG"))
    arguments = {"key": key, "secret": secret, "base_url": base_url}
    found = look_up(arguments, profile=profile, environment=environment)
    url = checked_url(str(found["base_url"].value))
    if auth is not None:
        if key or secret:
            raise ConfigurationError("auth and key/secret exclude each other: give one of them")
        if not isinstance(auth, httpx.Auth):
            raise ConfigurationError(f"auth must be a SessionAuth or another httpx.Auth, not {type(auth).__name__}")
        return Settings(url, auth)
    return Settings(url, credentials(found, profile=profile, environment=environment))


def look_up(
    arguments: Mapping[str, str | None] = MappingProxyType({}),
    *,
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Setting]:
    """Return each setting with where it is from: an argument, the environment, a profile, or the default."""
    file, chosen = chosen_profile(profile, environment)
    is_complete = all(arguments.get(name) or environment.get(variable) for name, variable in VARIABLES.items())
    stored = {} if is_complete and not profile else read_profile(file, chosen)
    found = {}
    for name, variable in VARIABLES.items():
        places = (
            (arguments.get(name), "argument"),
            (environment.get(variable), variable),
            (stored.get(name), f"{file} [{chosen or DEFAULT_PROFILE}]"),
            (BASE_URL if name == "base_url" else None, "default"),
        )
        found[name] = next((Setting(value, origin) for value, origin in places if value), Setting(None, None))
    return found


def chosen_profile(profile: str | None, environment: Mapping[str, str] = os.environ) -> tuple[Path, str | None]:
    """Return the file with the profiles and the name of the one that was asked for, if one was."""
    return config_file(environment), profile or environment.get("PRINTOS_PROFILE")


def credentials(
    found: Mapping[str, Setting], *, profile: str | None = None, environment: Mapping[str, str] = os.environ
) -> HmacAuth:
    """Return what signs, or say which half of it is missing and where it was looked for."""
    file, chosen = chosen_profile(profile, environment)
    pair = []
    for name in ("key", "secret"):
        value = found[name].value
        if not value:
            where = f"the argument, {VARIABLES[name]}, and {file} [{chosen or DEFAULT_PROFILE}]"
            raise ConfigurationError(f"no API {name}: looked for {where}. Example: {EXAMPLES[name]}")
        pair.append(value)
    return HmacAuth(*pair)


def set_up_log(level: str | None) -> None:
    """Write what this package logs to stderr, from the level that the environment asks for."""
    if not level:
        return
    log = logging.getLogger("printos_ext")
    try:
        log.setLevel(level.upper())
    except ValueError:
        raise ConfigurationError(f"PRINTOS_LOG is {level!r}; it is one of debug, info, warning, error") from None
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        log.addHandler(handler)


def checked_url(text: str) -> httpx.URL:
    """Return the base URL without its trailing slash."""
    shown = shown_url(text)
    try:
        url = httpx.URL(str(text).strip())
        if ":" not in url.host:
            url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError, TypeError) as error:
        why = "" if "@" in str(text) else f": {error}"  # which may quote a password
        raise ConfigurationError(f"the base URL {shown!r} is none{why}. Example: {EXAMPLES['base_url']}") from None
    if url.userinfo:
        raise ConfigurationError(f"the base URL must not hold credentials. Example: {EXAMPLES['base_url']}")
    is_plain = not (url.query or url.fragment) and (url.port or 0) <= HIGHEST_PORT
    if url.scheme not in {"http", "https"} or not url.host or not is_plain:
        raise ConfigurationError(
            f"the base URL {shown!r} is not http(s)://host[:port][/prefix] and no more. Example: {EXAMPLES['base_url']}"
        )
    return url.copy_with(raw_path=url.raw_path.rstrip(b"/") or b"/")


def shown_url(text: str) -> str:
    """Return an address, which may be none, without what may be a secret in it."""
    return re.sub(r"//.*@", "//", str(text)).partition("?")[0].partition("#")[0]
