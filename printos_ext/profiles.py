"""The file with the profiles, `config.toml`: where it is, what it says, and how one setting in it is changed.

Each table is a profile with `key`, `secret` and `base_url`. A file that holds a secret must be its owner's alone.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import files
from .errors import ConfigurationError
from .folders import config_folder

DEFAULT_PROFILE = "default"
SETTINGS = ("key", "secret", "base_url")


def config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of `config.toml` in the user's config folder, whether or not it is there."""
    return config_folder(environment) / "config.toml"


def read_profile(file: Path, chosen: str | None) -> dict[str, str]:
    """Return the settings of one profile, or none if there is no file and none was asked for."""
    profiles = _parsed(_text(file, chosen), file, chosen)
    profile = profiles.get(chosen or DEFAULT_PROFILE, {})
    if chosen and chosen not in profiles:
        raise ConfigurationError(f"no profile {chosen!r} in {file}. Example: {_example(chosen)}")
    _check(profile, file, chosen or DEFAULT_PROFILE)
    if "secret" in profile:
        files.keep_private(file)
    return dict(profile)


def read_table(file: Path, *names: str) -> dict[str, str]:
    """Return a table of secrets that is no profile, as `[snmp.user]`; none if it is not there."""
    table: Any = _parsed(_text(file, None), file, None)
    for name in names:
        table = table.get(name, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise ConfigurationError(f"[{'.'.join(names)}] in {file} is no table of texts")
    if table:
        files.keep_private(file)
    return dict(table)


def write_profile(file: Path, name: str, changes: Mapping[str, str]) -> None:
    """Change settings of a profile and leave all else in the file as it is; an empty value takes one out.

    The file is replaced as a whole, so that neither a kill nor a full disk leaves half of it.
    """
    if not name.isprintable():
        raise ConfigurationError(f"{name!r} is no name for a profile")
    text = _text(file, name)
    before = _parsed(text, file, name)
    profile = before.get(name, {})
    _check(profile, file, name)
    for setting, value in changes.items():
        if not value.isprintable():
            raise ConfigurationError(f"the {setting} holds characters that none has: copy it again")
        text = _edited(text, name, setting, value)
        profile = {**profile, setting: value}
    wanted = {**before, name: {setting: value for setting, value in profile.items() if value}}
    if _reads_as(text) != wanted:
        raise ConfigurationError(
            f"{file} is written in a way that only a person can change: put it into [{name}] by hand"
        )
    try:
        files.replace(file, text)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written, and is as it was: {error.strerror}") from None


def _text(file: Path, chosen: str | None) -> str:
    try:
        files.refuse_other_than_file(file)
        return file.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        raise _unreadable(file, error, chosen) from None


def _parsed(text: str, file: Path, chosen: str | None) -> dict[str, Any]:
    try:
        return _loads(text)
    except RecursionError:
        raise _unreadable(file, ValueError("nested too deep"), chosen) from None
    except ValueError as error:
        # Without its cause, which may hold the text and so the secret.
        raise _unreadable(file, error, chosen) from None


def _unreadable(file: Path, error: OSError | ValueError, chosen: str | None) -> ConfigurationError:
    why = error.strerror if isinstance(error, OSError) else f"it is no TOML: {error}"
    return ConfigurationError(f"{file} cannot be read: {why}. Example: {_example(chosen)}")


def _check(profile: Any, file: Path, name: str) -> None:
    if not isinstance(profile, dict):
        raise ConfigurationError(f"{name!r} in {file} is no table. Example: {_example(name)}")
    for setting, value in profile.items():
        if setting not in SETTINGS:
            raise ConfigurationError(f"unknown setting {setting!r} in {file} [{name}]: there are {', '.join(SETTINGS)}")
        if not isinstance(value, str):
            raise ConfigurationError(f"{setting!r} in {file} [{name}] is no text. Example: {_example(name)}")


def _example(profile: str | None) -> str:
    return f'[{profile or DEFAULT_PROFILE}]\\nkey = "…"\\nsecret = "…"'


def _edited(text: str, name: str, setting: str, value: str) -> str:
    """Change one line of a table, or add the line, or the table; the caller checks what came of it."""
    lines = text.removesuffix("\n").split("\n") if text else []
    quoted = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
    is_header = re.compile(rf"\s*\[{re.escape(quoted)}\]\s*(#.*)?")
    header = next((n for n, line in enumerate(lines) if is_header.fullmatch(line)), None)
    if header is None:
        lines += [""] * bool(lines) + [f"[{quoted}]"]
        header = len(lines) - 1
    ends = next((n for n in range(header + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    place = next((n for n in range(header + 1, ends) if re.match(rf"\s*{setting}\s*=", lines[n])), None)
    if place is None:
        place = max(n for n in range(header, ends) if lines[n].strip()) + 1
        lines.insert(place, "")
    lines[place : place + 1] = [f"{setting} = {json.dumps(value, ensure_ascii=False)}"] * bool(value)
    return "\n".join(lines) + "\n"


def _reads_as(text: str) -> dict[str, Any] | None:
    try:
        return _loads(text)
    except (ValueError, RecursionError):
        return None


def _loads(text: str) -> dict[str, Any]:
    if not text:
        return {}
    import tomllib  # noqa: PLC0415 - most processes have no such file

    return tomllib.loads(text)
