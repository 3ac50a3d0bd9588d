"""Where settings come from, and what is said when they are missing or wrong."""

import logging
from pathlib import Path
from typing import Any

import pytest
from server import in_turn, platform, respond, serving

from printos_ext import APIConnectionError, ConfigurationError, PrintOS, SessionAuth
from printos_ext.profiles import config_file
from printos_ext.settings import BASE_URL, read_settings


def base_url(**options: Any) -> str:
    return str(read_settings(**options).base_url).rstrip("/")


def write(clean_environment: Path, text: str, mode: int = 0o600) -> Path:
    file = clean_environment / "printos" / "config.toml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_default_server_is_that_of_the_contract(contract: Any) -> None:
    assert contract["servers"][0]["url"] == BASE_URL
    assert base_url(key="k", secret="s") == BASE_URL


def test_argument_beats_environment_beats_profile_beats_default(
    clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        clean_environment,
        '[default]\nkey = "file"\nsecret = "s"\nbase_url = "http://file"\n[stage]\nbase_url = "http://stage"',
    )

    assert base_url() == "http://file"
    assert base_url(key="k", secret="s", profile="stage") == "http://stage"
    monkeypatch.setenv("PRINTOS_PROFILE", "stage")
    assert base_url(key="k", secret="s") == "http://stage"
    monkeypatch.setenv("PRINTOS_BASE_URL", "http://environment")
    assert base_url(key="k", secret="s") == "http://environment"
    assert base_url(key="k", secret="s", base_url="http://argument") == "http://argument"


@pytest.mark.parametrize("name", ["key", "secret"])
def test_missing_setting_is_named_with_where_it_was_looked_for(name: str) -> None:
    others: dict[str, Any] = {"key": "k", "secret": "s"}
    del others[name]

    with pytest.raises(ConfigurationError) as caught:
        PrintOS(**others)

    assert f"no API {name}" in str(caught.value)
    assert f"PRINTOS_API_{name.upper()}" in str(caught.value)
    assert str(config_file()) in str(caught.value)
    assert "Example: " in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_file_with_a_secret_that_others_may_read_is_refused(mode: int, clean_environment: Path) -> None:
    write(clean_environment, '[default]\nkey = "k"\nsecret = "s"', mode)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        PrintOS()


def test_file_without_a_secret_may_be_read_by_others(clean_environment: Path) -> None:
    write(clean_environment, '[default]\nbase_url = "http://file"', 0o644)

    assert "http://file" in repr(PrintOS("k", "s"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[default", "cannot be read"),
        ("default = 7", "no table"),
        ("[default]\nkye = 'k'", "unknown setting 'kye'"),
        ("[default]\nkey = 7", "'key'"),
        ("\udcff", "cannot be read"),
    ],
)
def test_broken_file_is_told_with_its_path(text: str, told: str, clean_environment: Path) -> None:
    file = write(clean_environment, "")
    file.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(ConfigurationError, match=told) as caught:
        PrintOS("k", "s")

    assert str(file) in str(caught.value)


def test_unknown_profile_is_told() -> None:
    with pytest.raises(ConfigurationError, match="no profile 'stage'"):
        PrintOS("k", "s", profile="stage")


@pytest.mark.parametrize(
    "url",
    [
        "printos.api.hp.com",
        "ftp://host",
        "http://",
        "https://u:p@host",
        "http://host?x=1",
        "http://h:x",
        "http://h#f",
        " ",
    ],
)
def test_impossible_base_url_is_told_with_an_example(url: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Example: .*{BASE_URL}"):
        PrintOS("k", "s", base_url=url)


def test_base_url_may_be_ipv6_with_a_port() -> None:
    with PrintOS("k", "s", base_url="http://[::1]:1/prefix/", max_retries=0) as printos:
        with pytest.raises(APIConnectionError, match=r"PUT http://\[::1\]:1/prefix/devices/7/status: "):
            printos.devices.update_status("7", "DS_ON")


@pytest.mark.parametrize(
    "option",
    [
        {"deadline": 0},
        {"deadline": "60"},
        {"timeout": -1},
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"max_response_bytes": 0},
    ],
)
def test_impossible_option_is_told_by_name(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(option)) if "timeout" not in option else "timeout"):
        PrintOS("k", "s", **option)


def test_credentials_of_two_kinds_exclude_each_other() -> None:
    with pytest.raises(ConfigurationError, match="exclude"):
        PrintOS("k", "s", auth=SessionAuth("l", "p"))


def test_log_of_the_environment_shows_one_line_an_attempt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("printos_ext")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "level", log.level)
    monkeypatch.setenv("PRINTOS_LOG", "debug")
    with serving(in_turn(respond(503, x_request_id="r-1"), platform)) as server:
        with PrintOS("key", "secret", base_url=server.url) as printos:
            printos.devices.list()

    first, second = [line for line in capsys.readouterr().err.splitlines() if "attempt" in line]
    assert "attempt 1: 503" in first
    assert "x-request-id='r-1'" in first
    assert "again in" in first
    assert "attempt 2: 200" in second


def test_wrong_log_level_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRINTOS_LOG", "loud")
    with pytest.raises(ConfigurationError, match="PRINTOS_LOG is 'loud'"):
        PrintOS("k", "s")
