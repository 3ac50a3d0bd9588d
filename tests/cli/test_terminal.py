"""What a terminal shows that a pipe does not: a table, colours, how long ago, a bar."""

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from printos_ext.cli.output import since
from printos_ext.sandbox import Sandbox

OnTerminal = Callable[..., tuple[int, str]]

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def test_table_has_colours_and_relative_times(on_terminal: OnTerminal, printos_sandbox: Sandbox) -> None:
    registered = dt.datetime.now(dt.UTC) - dt.timedelta(days=3, hours=1)
    printos_sandbox.seed([{"id": "IL42", "status": "DS_ERROR", "registeredAt": registered.isoformat()}])

    status, shown = on_terminal("devices", "list")

    assert (status, "3 days ago" in shown, str(registered.year) in shown) == (0, True, False)
    assert re.search(r"\x1b\[[0-9;]*31m\s*DS_ERROR", shown)


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}, {}])
def test_colours_can_be_switched_off(
    setting: dict[str, str], on_terminal: OnTerminal, printos_sandbox: Sandbox
) -> None:
    printos_sandbox.seed([{"id": "IL42", "status": "DS_ERROR"}])

    status, shown = on_terminal("devices", "list", *([] if setting else ["--no-color"]), **setting)

    assert (status, "DS_ERROR" in shown, "\x1b" in shown) == (0, True, False)


def test_empty_no_color_says_nothing(on_terminal: OnTerminal, printos_sandbox: Sandbox) -> None:
    printos_sandbox.seed([{"id": "IL42", "status": "DS_ERROR"}])

    assert "\x1b" in on_terminal("devices", "list", NO_COLOR="")[1]


def test_no_device_can_disturb_the_terminal(on_terminal: OnTerminal, printos_sandbox: Sandbox) -> None:
    printos_sandbox.seed([{"id": "IL43", "model": "\x1b[31mred\x07[/bold]", "serialNumber": "1\t2"}])

    status, shown = on_terminal("devices", "list", "--no-color")

    assert (status, "\x1b" in shown, "\x07" in shown) == (0, False, False)
    assert r"\x1b[31mred\x07[/bold]" in shown
    assert "serialNumber" in shown


def test_narrow_terminal_shows_all_there_is(on_terminal: OnTerminal, printos_sandbox: Sandbox) -> None:
    printos_sandbox.seed([{"id": "0123456789" * 4, "model": "HP Indigo 7K Digital Press"}])

    _, shown = on_terminal("devices", "list", "--no-color", COLUMNS="50")

    assert max(map(len, shown.splitlines())) <= 50
    assert all(part in re.sub(r"\s", "", shown) for part in ("Indigo", "Press"))
    assert "…" not in shown


def test_json_is_the_same_on_a_terminal(on_terminal: OnTerminal, printos_sandbox: Sandbox) -> None:
    printos_sandbox.seed([{"id": "IL42"}])

    assert on_terminal("devices", "list", "--json", "id") == (0, '[{"id": "IL42"}]\r\n')


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_import_shows_a_bar_where_one_can_be_drawn(term: str, on_terminal: OnTerminal, tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("model,serial\nT250,1\nT250,2\n", encoding="utf-8")

    status, shown = on_terminal("devices", "import", file, TERM=term)

    assert (status, "\x1b" in shown, "2 provisioned" in shown) == (0, term != "dumb", True), shown


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("2026-03-01T11:59:40+00:00", "now"),
        ("2026-03-01T11:59:00+00:00", "1 minute ago"),
        ("2026-03-01T10:00:00+00:00", "2 hours ago"),
        ("2026-02-27T12:00:00+00:00", "2 days ago"),
        ("2026-01-01T12:00:00+00:00", "1 month ago"),
        ("2024-01-01T12:00:00+00:00", "2 years ago"),
        ("2026-03-02T12:00:00+00:00", "in 1 day"),
        ("2026-03-01T11:00:00", "2026-03-01T11:00:00"),
        ("yesterday", "yesterday"),
        ("", ""),
    ],
)
def test_how_long_ago_is_told_as_people_say_it(date: str, told: str) -> None:
    assert since(date, NOW) == told
