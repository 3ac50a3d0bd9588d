"""The programs that the READMEs show run as they stand, against a server of our own or their own sandbox."""

import re
from pathlib import Path

import pytest
from server import Server

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "printos_ext" / "sandbox" / "README.md"]
PROGRAMS = [
    program for page in PAGES for program in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_program_runs(program: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRINTOS_API_KEY", "key")
    monkeypatch.setenv("PRINTOS_API_SECRET", "secret")
    monkeypatch.setenv("PRINTOS_BASE_URL", server.url)

    exec(program.replace("https://printos.api.hp.com", server.url), {})  # noqa: S102 - our own words

    assert server.arrived or "Sandbox" in program


def test_readme_shows_the_sdk_the_sandbox_and_the_generated_client() -> None:
    assert ["from printos_ext" in program for program in PROGRAMS] == [True, True, True, False, True]
