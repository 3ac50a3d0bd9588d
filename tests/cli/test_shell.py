"""`printos devices …` as a real process: what it writes where, and with which status it ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from server import free_port, until

from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

DEVICE = {
    "id": "IL42",
    "model": "HP Indigo 7K",
    "serialNumber": "41000042",
    "status": "DS_ON",
    "registeredAt": "2026-01-02T03:04:05Z",
}
pytestmark = pytest.mark.printos_sandbox(seed=[DEVICE])


def test_list_gives_a_pipe_one_line_for_each_device(run: Run) -> None:
    result = run("devices", "list")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "IL42\tHP Indigo 7K\t41000042\tDS_ON\t2026-01-02T03:04:05+00:00\n"


def test_list_gives_a_program_json(run: Run) -> None:
    written = {**DEVICE, "registeredAt": "2026-01-02T03:04:05+00:00"}

    assert json.loads(run("devices", "list", "--json").stdout) == [written]
    assert json.loads(run("devices", "list", "--json", "id,status").stdout) == [{"id": "IL42", "status": "DS_ON"}]
    assert json.loads(run("devices", "get", "IL42", "--json").stdout) == written


def test_list_gives_a_spreadsheet_csv(run: Run, printos_sandbox: Sandbox) -> None:
    printos_sandbox.seed([{"id": "IL43", "model": 'a "quoted", model\nin two lines', "hall": 2}])

    lines = run("devices", "list", "--csv").stdout

    assert lines.startswith("id,model,serialNumber,status,registeredAt,hall\nIL42,")
    assert 'IL43,"a ""quoted"", model\nin two lines",' in lines


def test_json_may_stand_before_the_id(run: Run) -> None:
    assert run("devices", "get", "--json", "IL42").stdout == run("devices", "get", "IL42", "--json").stdout
    assert run("devices", "get", "--json", "id", "IL42").stdout == '{"id": "IL42"}\n'
    assert run("devices", "get", "--json").returncode == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--base-url", "URL", "devices", "list"],
        ["devices", "--base-url", "URL", "list"],
        ["devices", "list", "--base-url=URL"],
        ["devices", "list", "--timeout", "5", "-v", "--base-url", "URL"],
    ],
)
def test_options_of_printos_itself_may_stand_anywhere(words: list[str], run: Run, printos_sandbox: Sandbox) -> None:
    words = [word.replace("URL", printos_sandbox.url) for word in words]

    assert run(*words, PRINTOS_BASE_URL="http://127.0.0.1:9").stdout.startswith("IL42\t")


def test_dry_run_shows_the_request_without_its_secrets_and_sends_nothing(run: Run, printos_sandbox: Sandbox) -> None:
    status = run("devices", "status", "IL 42", "DS_ON", "--pages", 7, "--dry-run")
    ensure = run("--dry-run", "devices", "ensure", "--model", "T250", "--serial", "7", "--json")

    assert (status.returncode, status.stderr, ensure.returncode, ensure.stderr) == (0, "", 0, "")
    first, *headers = status.stdout.splitlines()
    assert first == f"PUT {printos_sandbox.url}/devices/IL%2042/status"
    assert "x-hp-hmac-authentication: REDACTED" in headers
    assert '{"status": "DS_ON", "metrics": {"pagesTotal": 7}}' in headers
    assert [line for line in ensure.stdout.splitlines() if line.startswith(("GET", "POST"))] == [
        f"GET {printos_sandbox.url}/devices",
        f"POST {printos_sandbox.url}/devices",
    ]
    assert printos_sandbox.journal == []


@pytest.mark.parametrize("words", [["list"], ["list", "--csv"], ["get", "IL7"], ["get", "IL7", "--json"]])
def test_dry_run_of_a_look_shows_the_request_alone(words: list[str], run: Run, printos_sandbox: Sandbox) -> None:
    result = run("devices", *words, "--dry-run")

    assert (result.returncode, result.stderr, result.stdout.count("HTTP"), result.stdout.count("GET")) == (0, "", 0, 1)
    assert printos_sandbox.journal == []


def test_attempts_are_shown_on_stderr(run: Run, printos_sandbox: Sandbox) -> None:
    printos_sandbox.fault("status", status=503, count=1)

    result = run("-v", "devices", "list", "--json", "id")

    assert (result.returncode, result.stdout) == (0, '[{"id": "IL42"}]\n')
    assert ["attempt 1: 503" in result.stderr, "attempt 2: 200" in result.stderr] == [True, True]
    assert "Traceback" not in run("-v", "devices", "get", "IL7").stderr


def test_every_locale_gets_utf_8(run: Run, printos_sandbox: Sandbox) -> None:
    printos_sandbox.seed([{"id": "IL43", "model": "Größe \ud800 漢"}])

    for locale in ({"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "latin-1"}):
        result = run("devices", "list", "--json", "model", **locale)
        assert (result.returncode, json.loads(result.stdout)[1]) == (0, {"model": "Größe \ud800 漢"}), result.stderr


def test_unknown_field_is_a_usage_error(run: Run) -> None:
    result = run("devices", "list", "--json", "id,colour")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("printos: no field is called 'colour'; there are id, model")


def test_provision_ensure_and_status(run: Run, printos_sandbox: Sandbox) -> None:
    provisioned = run(
        "devices", "provision", "--model", "T250", "--serial", "7", "--location", "Hall 2", "--json", "id"
    )
    ensured = run("devices", "ensure", "--model", "T250", "--serial", "7", "--json", "id")
    device_id = json.loads(ensured.stdout)["id"]
    metrics = ["--pages", 7, "--ink", 42.5, "--metric", "tray=A4", "--metric", "h=3"]
    reported = run("devices", "status", device_id, "DS_PRINTING", *metrics)

    assert provisioned.stdout == ensured.stdout
    assert (reported.returncode, reported.stdout, reported.stderr) == (0, "", "")
    (device,) = [device for device in printos_sandbox.devices if device["id"] == device_id]
    assert device["request"] == {"model": "T250", "serialNumber": "7", "location": "Hall 2"}
    assert device["report"] == {
        "status": "DS_PRINTING",
        "metrics": {"pagesTotal": 7, "inkLevel": 42.5, "tray": "A4", "h": 3},
    }


def test_metric_may_have_any_name(run: Run, printos_sandbox: Sandbox) -> None:
    names = ["device_id", "pages_total", "self", "status"]
    result = run("devices", "status", "IL42", "DS_ON", *(f"--metric={name}=1" for name in names))

    assert (result.returncode, result.stderr) == (0, "")
    assert printos_sandbox.devices[0]["report"]["metrics"] == dict.fromkeys(names, 1)


class TestErrors:
    """One line on stderr, nothing on stdout, and a status that says whose fault it is."""

    def failed(self, result: subprocess.CompletedProcess[str], status: int) -> str:
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (status, "", 1), result.stderr
        assert result.stderr.startswith("printos: ")
        return result.stderr

    def test_device_that_is_not_there(self, run: Run) -> None:
        assert "'IL7'" in self.failed(run("devices", "get", "IL7"), 1)
        assert "404" in self.failed(run("devices", "status", "IL7", "DS_ON"), 1)

    def test_argument_that_makes_no_sense(self, run: Run) -> None:
        self.failed(run("devices", "get", ".."), 2)
        self.failed(run("devices", "provision", "--model", "", "--serial", "7"), 2)

    def test_no_credentials(self, run: Run) -> None:
        assert "PRINTOS_API_SECRET" in self.failed(run("devices", "list", PRINTOS_API_SECRET=""), 2)

    def test_wrong_credentials(self, run: Run) -> None:
        told = self.failed(run("devices", "list", PRINTOS_API_SECRET="hunter2"), 4)

        assert "401" in told
        assert "hunter2" not in told

    @pytest.mark.parametrize("status", [500, 520, 429])
    def test_server_in_trouble(self, status: int, run: Run, printos_sandbox: Sandbox) -> None:
        printos_sandbox.fault("status", status=status, body="\x1b[31m")

        told = self.failed(run("--timeout", 3, "devices", "list"), 5)

        assert str(status) in told
        assert "\x1b" not in told

    def test_nobody_there(self, run: Run) -> None:
        self.failed(run("--base-url", f"http://127.0.0.1:{free_port()}", "--timeout", 2, "devices", "list"), 6)

    def test_no_answer_in_time(self, run: Run, printos_sandbox: Sandbox) -> None:
        printos_sandbox.fault("stall")

        self.failed(run("--timeout", 0.5, "devices", "list"), 6)

    def test_usage(self, run: Run) -> None:
        for words in (["devices", "sing"], ["devices", "list", "--bad"], ["devices", "get"], ["--timeout", "x"]):
            result = run(*words)
            assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
            assert result.stderr.startswith("printos: ")
            assert "see printos" in result.stderr

    def test_full_disk(self, environment: dict[str, str]) -> None:
        command = [
            sys.executable,
            "-c",
            "import sys; from printos_ext.cli import main; sys.exit(main())",
            "devices",
            "list",
        ]
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            result = subprocess.run(
                command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False, env=environment
            )

        assert (result.returncode, result.stderr) == (1, "printos: cannot write the result: No space left on device\n")

    def test_interrupt(self, environment: dict[str, str], printos_sandbox: Sandbox) -> None:
        printos_sandbox.fault("stall")
        program = (  # a shell lets jobs in its background ignore the signal; this one is in front
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
            "from printos_ext.cli import main; sys.exit(main())"
        )
        command = [sys.executable, "-c", program, "devices", "list"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8", env=environment) as process:
            assert until(lambda: bool(printos_sandbox.journal), 30)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate()

        assert (process.returncode, "Traceback" in told) == (130, False)

    def test_traceback_only_if_asked_for(self, run: Run) -> None:
        assert "Traceback" in run("devices", "get", "IL7", PRINTOS_LOG="debug").stderr


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_reader_that_has_seen_enough_is_no_error(
    form: list[str], environment: dict[str, str], printos_sandbox: Sandbox
) -> None:
    printos_sandbox.seed([{"id": f"{n}", "model": "x" * 100} for n in range(2000)])
    words = " ".join([sys.executable, "-m", "printos_ext.cli", "devices", "list", *form])
    script = f"set -o pipefail; {words} | head -c 10 > /dev/null"
    result = subprocess.run(
        ["bash", "-c", script],  # noqa: S607 - any bash will do
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")


def test_version_needs_neither_httpx_nor_rich_nor_the_sandbox() -> None:
    program = (
        "import sys; sys.argv = ['printos', '--version']; from printos_ext.cli import main; status = main();"
        "print(status, sorted({'httpx', 'rich', 'starlette', 'attrs'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)

    assert result.stdout.splitlines()[1] == "0 []"


def test_missing_extra_is_named() -> None:
    program = "import sys; sys.modules['typer'] = None; from printos_ext.cli import main; sys.exit(main())"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False)

    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "pip install 'printos-device[cli]'" in result.stderr
