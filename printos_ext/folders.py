"""Where a user's files are, on each system: configuration, and what is remembered between two runs."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def config_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of our configuration, whether or not it is there."""
    return _folder(environment, "XDG_CONFIG_HOME", (".config",), "APPDATA", ("AppData", "Roaming"))


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what we remember, whether or not it is there."""
    return _folder(environment, "XDG_STATE_HOME", (".local", "state"), "LOCALAPPDATA", ("AppData", "Local"))


def _folder(
    environment: Mapping[str, str], variable: str, place: tuple[str, ...], on_windows: str, there: tuple[str, ...]
) -> Path:
    home = Path(environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - Path.home() fails for a user without one
    if sys.platform == "win32":
        folder = Path(environment.get(on_windows) or home.joinpath(*there))
    elif sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(environment.get(variable) or home.joinpath(*place))
    return folder / "printos"
