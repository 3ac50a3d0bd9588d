"""Where settings come from: arguments, the environment, a profile in a file, defaults; the most specific wins.

Nothing is read before a client is made, and a file only if it is there.
"""

import logging
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from attrs import Attribute, field, frozen

from .auth import HmacAuth
from .errors import ConfigurationError

BASE_URL = "https://printos.api.hp.com"
VARIABLES = {"key": "PRINTOS_API_KEY", "secret": "PRINTOS_API_SECRET", "base_url": "PRINTOS_BASE_URL"}
DEFAULT_PROFILE = "default"
LONGEST = 1e9
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


@frozen
class Policy:
    """How a client calls; everything in seconds or bytes."""

    base_url: httpx.URL
    auth: httpx.Auth
    timeout: httpx.Timeout = field(validator=_all_positive)
    deadline: float = field(validator=_positive)
    max_retries: int = field(validator=_count)
    max_response_bytes: int = field(validator=[_count, _positive])

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
    _set_up_log(environment.get("PRINTOS_LOG"))
    file = config_file(environment)
    chosen = profile or environment.get("PRINTOS_PROFILE")
    stored = _stored(file, chosen)
    looked = f"the argument, {{variable}}, and {file} [{chosen or DEFAULT_PROFILE}]"

    def find(name: str, argument: str | None) -> str | None:
        return argument or environment.get(VARIABLES[name]) or stored.get(name)

    url = _checked_url(find("base_url", base_url) or BASE_URL)
    if auth is not None:
        if key or secret:
            raise ConfigurationError("auth and key/secret exclude each other: give one of them")
        if not isinstance(auth, httpx.Auth):
            raise ConfigurationError(f"auth must be a SessionAuth or another httpx.Auth, not {type(auth).__name__}")
        return Settings(url, auth)
    pair = []
    for name, argument in (("key", key), ("secret", secret)):
        value = find(name, argument)
        if not value:
            where = looked.format(variable=VARIABLES[name])
            raise ConfigurationError(f"no API {name}: looked for {where}. Example: {EXAMPLES[name]}")
        pair.append(value)
    return Settings(url, HmacAuth(*pair))


def _set_up_log(level: str | None) -> None:
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


def config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of `config.toml` in the user's config folder, whether or not it is there."""
    home = Path(environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - Path.home() fails for a user without one
    if sys.platform == "win32":
        folder = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return folder / "printos" / "config.toml"


def _stored(file: Path, chosen: str | None) -> dict[str, str]:
    """Return one profile of the file: a table with `key`, `secret` and `base_url`."""
    import tomllib  # noqa: PLC0415 - most processes have no such file

    try:
        text = file.read_text(encoding="utf-8")
        profiles = tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        profiles = {}
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it is no TOML: {error}"
        # Without its cause, which may hold the text and so the secret.
        raise ConfigurationError(f"{file} cannot be read: {why}. Example: {_example(chosen)}") from None
    profile = profiles.get(chosen or DEFAULT_PROFILE, {})
    if chosen and chosen not in profiles:
        raise ConfigurationError(f"no profile {chosen!r} in {file}. Example: {_example(chosen)}")
    _check_profile(profile, file, chosen or DEFAULT_PROFILE)
    if "secret" in profile and sys.platform != "win32" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{file} holds a secret and others may read it: chmod 600 {file}")
    return dict(profile)


def _check_profile(profile: Any, file: Path, name: str) -> None:
    if not isinstance(profile, dict):
        raise ConfigurationError(f"{name!r} in {file} is no table. Example: {_example(name)}")
    for setting, value in profile.items():
        if setting not in VARIABLES:
            known = ", ".join(VARIABLES)
            raise ConfigurationError(f"unknown setting {setting!r} in {file} [{name}]: there are {known}")
        if not isinstance(value, str):
            raise ConfigurationError(f"{setting!r} in {file} [{name}] is no text. Example: {_example(name)}")


def _example(profile: str | None) -> str:
    return f'[{profile or DEFAULT_PROFILE}]\\nkey = "…"\\nsecret = "…"'


def _checked_url(text: str) -> httpx.URL:
    """Return the base URL without its trailing slash."""
    try:
        url = httpx.URL(str(text).strip())
        if ":" not in url.host:
            url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError, TypeError) as error:
        raise ConfigurationError(f"the base URL {text!r} is none: {error}. Example: {EXAMPLES['base_url']}") from None
    if url.userinfo:
        raise ConfigurationError(f"the base URL must not hold credentials. Example: {EXAMPLES['base_url']}")
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise ConfigurationError(
            f"the base URL {text!r} is not http(s)://host[:port][/prefix] and no more. Example: {EXAMPLES['base_url']}"
        )
    return url.copy_with(raw_path=url.raw_path.rstrip(b"/") or b"/")
