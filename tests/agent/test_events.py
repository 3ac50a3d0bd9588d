"""The agent's log, of which each line is an event, whoever wrote it."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import logging, warnings
from printos_ext.agent.events import event, log_to_stderr
log_to_stderr(as_json=AS_JSON)
event("sent", device="IL42")
event("looked", device="IL42", level="debug")
logging.getLogger("httpx").info("a call")
logging.getLogger("asyncio").error("of TLS\\nin two lines", exc_info=OSError("reset"))
warnings.warn("old")
"""


def lines(*, as_json: bool, level: str = "") -> list[str]:
    command = [sys.executable, "-c", SCRIPT.replace("AS_JSON", str(as_json))]
    environment = {**os.environ, "PRINTOS_LOG": level}
    done = subprocess.run(command, stderr=subprocess.PIPE, encoding="utf-8", check=True, env=environment)
    return done.stderr.splitlines()


def test_what_other_packages_warn_of_is_json_too() -> None:
    own, another, warning = map(json.loads, lines(as_json=True))

    assert (own["event"], own["device"], "logger" in own) == ("sent", "IL42", False)
    assert (another["level"], another["event"], another["logger"]) == ("error", "of TLS\nin two lines", "asyncio")
    assert another["exception"] == "OSError: reset"
    assert (warning["logger"], "old" in warning["event"]) == ("py.warnings", True)


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("error", 2)])
def test_environment_may_ask_for_more_or_less(level: str, count: int) -> None:
    assert len(lines(as_json=True, level=level)) == count


@pytest.mark.parametrize("text", ["sent device=IL42", "of TLS in two lines logger=asyncio", "logger=py.warnings"])
def test_what_other_packages_warn_of_is_a_line_each_for_people_too(text: str) -> None:
    assert len([line for line in lines(as_json=False) if text in line]) == 1
    assert len(lines(as_json=False)) == 3
