"""The programs that README shows run as they stand, against a server of our own."""

import re
from pathlib import Path

import pytest
from server import Server

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_program_runs(program: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRINTOS_API_KEY", "key")
    monkeypatch.setenv("PRINTOS_API_SECRET", "secret")
    monkeypatch.setenv("PRINTOS_BASE_URL", server.url)

    exec(program.replace("https://printos.api.hp.com", server.url), {})  # noqa: S102 - our own words

    assert server.arrived


def test_readme_shows_the_sdk_and_the_generated_client() -> None:
    assert ["from printos_ext" in program for program in PROGRAMS] == [True, False]
