"""What happens to the shell when its surroundings are not as they should be: each case once went wrong."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from server import DEVICE, respond, serving, until

from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

PRINTOS = f"{sys.executable} -m printos_ext.cli"


def posts(sandbox: Sandbox) -> int:
    return sum(exchange["operation"] == "provisionDevice" for exchange in sandbox.journal)


@pytest.fixture
def in_shell(environment: dict[str, str], tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """A line for bash, with printos as `printos`."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f'printos() {{ {PRINTOS} "$@"; }}; {line}'],  # noqa: S607 - any bash
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("printos devices list >&-", 1),
        ("printos devices list --json >&-", 1),
        ("printos devices import missing.csv >&-", 2),
        ("printos devices import - <&-", 2),
        ("printos devices report - <&-", 0),
        ("printos config login <&-", 2),
        ("printos config set key <&-", 2),
        ("printos devices list 2>&-", 0),
        ("printos --help >/dev/full", 1),
        ("printos completion bash >/dev/full", 1),
        ("printos devices list --timeout -1", 2),
        ("printos doctor --timeout nan", 2),
        ("printos doctor --timeout 1e300", 2),
        ("printos doctor --support ''", 1),
        ("printos doctor --support /dev/null/x", 1),
        ("printos doctor --support $(printf 'x%.0s' {1..300})", 1),
        ("LC_ALL=$'\\xff' printos doctor --support b.json", 0),
        ("printos doctor --dry-run", 2),
        ("printos devices import - --results '' <<< model,serial", 2),
        ("printos devices import - --results / <<< model,serial", 2),
        ("printos devices import - --concurrency 0 <<< model,serial", 2),
        ("printos devices list --json --csv", 2),
        ("printos devices status IL1 DS_ON --pages 5 --metric pagesTotal=7", 2),
        ("printos --profile $'\\xff' config set key abc", 2),
        ("printos --base-url http://127.0.0.1:73927 devices list", 2),
    ],
)
def test_what_is_odd_is_told_in_few_words(
    line: str, status: int, in_shell: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    result = in_shell(line)

    assert (result.returncode, "Traceback" in result.stderr) == (status, False), result.stderr


def test_config_that_nests_without_end_or_never_ends_is_told(run: Run, environment: dict[str, str]) -> None:
    file = Path(environment["XDG_CONFIG_HOME"]) / "printos" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("x = " + "[" * 100_000, encoding="utf-8")
    deep = run("config", "show", PRINTOS_API_SECRET="")
    file.unlink()
    file.symlink_to("/dev/full")
    endless = run("config", "show", PRINTOS_API_SECRET="")

    assert (deep.returncode, endless.returncode) == (2, 2)
    assert (deep.stderr.count("\n"), endless.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    "line", ["[" * 99_999, '{"event": "begun", "model": "T250", "serialNumber": "1", "at": NaN}', "\x00"]
)
def test_odd_line_of_a_journal_is_no_obstacle(line: str, run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "r.journal").write_text(line, encoding="utf-8")

    assert run("devices", "import", "-", "--results", tmp_path / "r", stdin="model,serial\nT250,1\n").returncode == 0
    assert len(printos_sandbox.devices) == 1


def test_journal_that_the_disk_takes_a_part_of_stops_the_run(
    in_shell: Callable[[str], subprocess.CompletedProcess[str]], printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("model,serial\nT250,1\n", encoding="utf-8")
    (tmp_path / "t.csv.results.ndjson.journal").write_text("x" * 960, encoding="utf-8")

    result = in_shell("ulimit -f 1; printos devices import t.csv")

    assert (result.returncode, posts(printos_sandbox)) == (1, 0)


def test_field_that_is_not_there_is_told_before_anything_changes(run: Run, printos_sandbox: Sandbox) -> None:
    for word in ("provision", "ensure"):
        result = run("devices", word, "--model", "T250", "--serial", "1", "--json", "id,bogus")
        assert (result.returncode, printos_sandbox.journal) == (2, [])


def test_two_imports_to_a_server_do_not_run_at_once(
    environment: dict[str, str], run: Run, printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("model,serial\nT250,1\n", encoding="utf-8")
    printos_sandbox.fault("stall", operation="provisionDevice")
    command = [*PRINTOS.split(), "devices", "import", str(tmp_path / "t.csv")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        assert until(lambda: bool(printos_sandbox.journal), 20)
        result = run("devices", "import", tmp_path / "t.csv", "--results", tmp_path / "other")
        process.kill()

    assert (result.returncode, "another import is under way" in result.stderr) == (1, True)


def test_results_replace_neither_table_nor_better_results(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("model,serial\nT250,1\n", encoding="utf-8")
    assert run("devices", "import", table).returncode == 0
    before = (tmp_path / "t.csv.results.ndjson").read_text("utf-8")

    refused = run("devices", "import", table, "--results", table)
    away = run("--base-url", "http://127.0.0.1:9", "--timeout", "1", "devices", "import", table)

    assert (refused.returncode, away.returncode, len(printos_sandbox.devices)) == (2, 6, 1)
    assert table.read_text("utf-8") == "model,serial\nT250,1\n"
    assert (tmp_path / "t.csv.results.ndjson").read_text("utf-8") == before


def test_answer_that_cannot_be_read_is_looked_up(run: Run, tmp_path: Path) -> None:
    registered = []

    def behave(connection: object, arrived: object) -> None:
        if arrived.method == "POST":  # type: ignore[attr-defined]
            registered.append(DEVICE)
            respond(201, b'{"id": 7}', content_type="application/json")(connection, arrived)  # type: ignore[arg-type]
        else:
            body = json.dumps({"devices": registered}).encode()
            respond(200, body, content_type="application/json")(connection, arrived)  # type: ignore[arg-type]

    with serving(behave) as server:
        table = f"model,serial\n{DEVICE['model']},{DEVICE['serialNumber']}\n"
        words = ("devices", "import", "-", "--results", tmp_path / "r")
        result = run(*words, stdin=table, PRINTOS_BASE_URL=server.url)

    told = json.loads((tmp_path / "r").read_text("utf-8"))
    assert (result.returncode, told["result"], told["id"], len(registered)) == (0, "provisioned", DEVICE["id"], 1)


@pytest.mark.parametrize(
    "row",
    [
        '{"model": ["a"], "serialNumber": "1"}',
        '{"model": "T", "serialNumber": 1.5}',
        '{"model": "T", "serialNumber": true}',
        '{"model": "T", "serialNumber": NaN}',
        '{"model": "T", "serialNumber": "1", "serial": "2"}',
        '{"model": "T\\u0000", "serialNumber": "1"}',
        '"x"',
    ],
)
def test_json_that_is_no_device_is_none(row: str, run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin=f"[{row}]")

    assert (result.returncode, printos_sandbox.devices) == (1, [])


def test_line_for_a_spreadsheet_is_passed_over(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin="sep=;\nmodel;serial\nT250;1\n")

    assert (result.returncode, printos_sandbox.devices[0]["serialNumber"]) == (0, "1")
    assert json.loads((tmp_path / "r").read_text("utf-8"))["row"] == 3


def test_dry_run_of_a_report_shows_one_request_after_the_other(run: Run) -> None:
    updates = [json.dumps({"id": f"IL{number}", "status": "DS_ON"}) for number in range(200)]

    shown = run("devices", "report", "-", "--dry-run", stdin="\n".join(updates)).stdout

    requests = [part for part in shown.split("\n\n") if part]
    assert [part.split(" ")[0] for part in requests[::2]] == ["PUT"] * 200
    assert [json.loads(part)["status"] for part in requests[1::2]] == ["DS_ON"] * 200


@pytest.mark.printos_sandbox(seed=[{"id": "IL1"}])
def test_reported_text_is_as_it_was_or_refused(run: Run, printos_sandbox: Sandbox) -> None:
    marked = run("devices", "report", "-", stdin='\ufeff{"id": "IL1", "status": "DS_ON"}\n')
    latin = run("devices", "report", "-", stdin='{"id": "IL1", "status": "Größe"}\n'.encode("latin-1"))
    long = b'{"id": "IL1", "status": "DS_OFF"}' + b" " * 2_500_000 + b'\n{"id": "IL7", "status": "DS_ON"}\n'
    cut = run("devices", "report", "-", stdin=long)

    assert (marked.returncode, latin.returncode, cut.returncode) == (0, 1, 1)
    assert [line.partition(":")[2].partition(":")[0].strip() for line in cut.stderr.splitlines()[:2]] == [
        "line 1",
        "line 2",
    ]
    assert printos_sandbox.devices[0]["status"] == "DS_ON"


def test_secret_with_a_broken_character_is_not_stored(run: Run, environment: dict[str, str]) -> None:
    nothing = {"PRINTOS_API_KEY": "", "PRINTOS_API_SECRET": ""}
    result = run("config", "login", "--no-check", stdin=b"k\nabc\xffdef1234\n", **nothing)

    assert (result.returncode, (Path(environment["XDG_CONFIG_HOME"]) / "printos").exists()) == (2, False)


def test_login_makes_the_profile_that_the_environment_names(run: Run, printos_sandbox: Sandbox) -> None:
    nothing = {"PRINTOS_API_KEY": "", "PRINTOS_API_SECRET": "", "PRINTOS_PROFILE": "new"}
    result = run("config", "login", stdin=f"{printos_sandbox.key}\n{printos_sandbox.secret}\n", **nothing)

    assert (result.returncode, run("devices", "list", **nothing).returncode) == (0, 0), result.stderr


@pytest.mark.parametrize(
    "setting",
    [
        {"PRINTOS_BASE_URL": "http://user:hunter2@host:bad"},
        {"PRINTOS_BASE_URL": "http://user:hunter2@host"},
        {"PRINTOS_BASE_URL": "http://host/?token=hunter2"},
        {"PRINTOS_PASSWORD": "hunter2", "PRINTOS_TOKEN": "hunter2"},
        {"http_proxy": "http://user:hun/ter2@h:8080", "PRINTOS_TOKEN": "hunter2"},
        {"http_proxy": "http://h:8080/?pass=hunter2"},
    ],
)
def test_no_secret_of_the_environment_is_shown(setting: dict[str, str], run: Run, tmp_path: Path) -> None:
    told = [run(*words, "--timeout", 1, **setting) for words in (["devices", "list"], ["config", "show"])]
    told.append(run("doctor", "--timeout", 1, "--support", tmp_path / "s.json", **setting))

    shown = "".join(result.stdout + result.stderr for result in told) + (tmp_path / "s.json").read_text("utf-8")
    assert "hunter2" not in shown
    assert "ter2" not in shown


@pytest.mark.parametrize("level", ["warning", "debug", ""])
def test_bundle_has_the_attempt_whatever_is_logged(level: str, run: Run, tmp_path: Path) -> None:
    assert run("doctor", "--support", tmp_path / "s.json", PRINTOS_LOG=level).returncode == 0
    assert any("GET" in line for line in json.loads((tmp_path / "s.json").read_text("utf-8"))["log"])


INTERRUPTIBLE = (  # a shell lets jobs in its background ignore the signal; this one is in front
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from printos_ext.cli import main; sys.exit(main())"
)


@pytest.mark.printos_sandbox(seed=[{"id": "IL1"}])
@pytest.mark.parametrize("words", [["status", "IL1", "DS_ON"], ["report", "-"]])
def test_interrupt_ends_a_report_at_once(
    words: list[str], environment: dict[str, str], printos_sandbox: Sandbox
) -> None:
    printos_sandbox.fault("stall", operation="updateDeviceStatus")
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "devices", *words],
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin
        process.stdin.write('{"id": "IL1", "status": "DS_ON"}\n')
        process.stdin.flush()
        assert until(lambda: bool(printos_sandbox.journal), 30)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)

    assert (process.returncode, "Traceback" in told) == (130, False), told
    assert time.monotonic() - begun < 5
    assert ("0 sent" in told) == (words[0] == "report")


def test_terminal_obeys_no_device_in_any_form(
    on_terminal: Callable[..., tuple[int, str]], printos_sandbox: Sandbox
) -> None:
    printos_sandbox.seed([{"id": "IL1", "model": "\x1b[31m\u202e\x9b \ud800"}])

    for form in ("--csv", "--json"):
        status, shown = on_terminal("devices", "list", form)
        assert (status, [one for one in shown if one in "\x1b\u202e\x9b"]) == (0, [])
