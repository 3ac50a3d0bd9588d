"""`printos config`: the file with the profiles, and how secrets get into it."""

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from printos_ext import ConfigurationError
from printos_ext.profiles import write_profile
from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

NO_CREDENTIALS = {"PRINTOS_API_KEY": "", "PRINTOS_API_SECRET": ""}


@pytest.fixture
def file(environment: dict[str, str]) -> Path:
    return Path(environment["XDG_CONFIG_HOME"]) / "printos" / "config.toml"


def test_path_is_told_whether_or_not_it_is_there(run: Run, file: Path) -> None:
    assert run("config", "path").stdout == f"{file}\n"


def test_show_says_where_each_setting_is_from_and_no_secret(run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text('[stage]\nkey = "k"\nsecret = "hunter2"\n', encoding="utf-8")
    file.chmod(0o600)

    shown = run("config", "show", "--profile", "stage", PRINTOS_API_SECRET="", PRINTOS_BASE_URL="")
    told = json.loads(run("config", "show", "--json", PRINTOS_API_KEY="").stdout)

    assert shown.stdout.splitlines() == [
        "key\tsandbox\tPRINTOS_API_KEY",
        f"secret\t(set)\t{file} [stage]",
        "base_url\thttps://printos.api.hp.com\tdefault",
    ]
    assert told["key"] == {"value": None, "from": None}
    assert told["secret"] == {"value": "(set)", "from": "PRINTOS_API_SECRET"}


def test_login_stores_what_the_server_takes_for_its_owner_alone(run: Run, file: Path, printos_sandbox: Sandbox) -> None:
    pair = f"{printos_sandbox.key}\n{printos_sandbox.secret}\n"

    result = run("config", "login", stdin=pair, **NO_CREDENTIALS)

    assert (result.returncode, result.stdout) == (0, "")
    assert tomllib.loads(file.read_text("utf-8")) == {
        "default": {"key": printos_sandbox.key, "secret": printos_sandbox.secret}
    }
    assert file.stat().st_mode & 0o777 == 0o600
    assert run("devices", "list", **NO_CREDENTIALS).returncode == 0


def test_login_that_is_refused_stores_nothing(run: Run, file: Path) -> None:
    result = run("config", "login", "--key", "sandbox", stdin="hunter2hunter2\n", **NO_CREDENTIALS)

    assert (result.returncode, file.exists(), "hunter2" in result.stderr) == (4, False, False)


def test_login_without_check_needs_no_server(run: Run, file: Path) -> None:
    words = ("config", "login", "--key", "k", "--no-check", "--profile", "hall 2", "--base-url", "http://127.0.0.1:9")

    assert run(*words, stdin="a-long-secret\n", **NO_CREDENTIALS).returncode == 0
    assert tomllib.loads(file.read_text("utf-8")) == {
        "hall 2": {"base_url": "http://127.0.0.1:9", "key": "k", "secret": "a-long-secret"}
    }


def test_nothing_is_asked_without_a_terminal(run: Run, file: Path) -> None:
    for words in (["config", "login"], ["config", "set", "secret"], ["config", "set", "key"]):
        result = run(*words, **NO_CREDENTIALS)
        assert (result.returncode, result.stderr.count("\n"), file.exists()) == (2, 1, False)
        assert "as a line of stdin" in result.stderr


def test_terminal_is_asked_and_shows_no_secret(
    on_terminal: Callable[..., tuple[int, str]], file: Path, printos_sandbox: Sandbox
) -> None:
    answers = {"API key: ": printos_sandbox.key, "API secret: ": "hunter2hunter2"}

    status, shown = on_terminal("config", "login", "--no-check", answers=answers, **NO_CREDENTIALS)

    assert (status, file.exists()) == (0, True), shown
    assert "hunter2" not in shown


def test_secret_is_never_taken_from_the_command_line(run: Run, file: Path) -> None:
    result = run("config", "set", "secret", "hunter2")

    assert (result.returncode, file.exists()) == (2, False)
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("base_url", "ftp://x"), ("base_url", "http://a:b@c"), ("key", "hä"), ("colour", "red")]
)
def test_value_that_cannot_be_right_is_refused(name: str, value: str, run: Run, file: Path) -> None:
    result = run("config", "set", name, value)

    assert (result.returncode, file.exists(), "Traceback" in result.stderr) == (2, False, False)


def test_setting_is_changed_added_and_taken_out_and_all_else_stays(run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text('# ours\n[default]  # all\nkey = "old"  # was\n\n[stage]\nkey = "s"\n', encoding="utf-8")

    assert run("config", "set", "key", "new").returncode == 0
    assert run("config", "set", "base_url", "http://x").returncode == 0
    assert run("config", "set", "key", "", "--profile", "stage").returncode == 0

    assert file.read_text("utf-8") == '# ours\n[default]  # all\nkey = "new"\nbase_url = "http://x"\n\n[stage]\n'


@pytest.mark.parametrize(
    "text",
    [
        'default.key = "x"\n',
        'default = {key = "x"}\n',
        '[default]\nkey = """\nx"""\n',
        '[default]\n"key" = "x"\n',
        '["default"]\nkey = "x"\n',
    ],
)
def test_file_that_only_a_person_can_change_stays_as_it_is(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match="by hand"):
        write_profile(file, "default", {"key": "new"})

    assert file.read_text("utf-8") == text


def test_file_that_cannot_be_written_is_as_it_was(run: Run, file: Path) -> None:
    file.parent.parent.mkdir(parents=True)
    file.parent.write_text("a file where the folder should be", encoding="utf-8")

    result = run("config", "set", "key", "new")

    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "as it was" in result.stderr


def test_link_to_the_file_stays_a_link(file: Path, run: Run, tmp_path: Path) -> None:
    file.parent.mkdir(parents=True)
    file.symlink_to(tmp_path / "elsewhere.toml")

    assert run("config", "set", "key", "new").returncode == 0
    assert (file.is_symlink(), (tmp_path / "elsewhere.toml").read_text("utf-8")) == (True, '[default]\nkey = "new"\n')


def test_broken_file_is_told_and_kept(run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("[default\nsecret = hunter2", encoding="utf-8")

    for words in (["config", "show"], ["config", "set", "key", "new"], ["devices", "list"]):
        result = run(*words, PRINTOS_API_SECRET="")
        assert (result.returncode, result.stderr.count("\n"), "hunter2" in result.stderr) == (2, 1, False)
    assert file.read_text("utf-8") == "[default\nsecret = hunter2"
