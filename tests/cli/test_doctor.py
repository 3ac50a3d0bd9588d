"""`printos doctor`: each broken link is the one that is named, with what to do."""

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from server import free_port, respond_json, serving

from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

CHECKS = [
    "settings",
    "server",
    "credentials",
    "proxy",
    "name",
    "connection",
    "certificate",
    "clock",
    "login",
    "devices",
]


def found(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {finding["check"]: finding for finding in json.loads(result.stdout)}


def broken(result: subprocess.CompletedProcess[str]) -> list[str]:
    return [check for check, finding in found(result).items() if finding["ok"] is False]


def test_all_is_well_in_ten_lines(run: Run) -> None:
    result = run("doctor")

    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [["✓", check] for check in CHECKS]


def test_json_has_each_finding_in_order(run: Run) -> None:
    assert list(found(run("doctor", "--json"))) == CHECKS


@pytest.mark.printos_sandbox(tls=True)
def test_certificate_is_checked(run: Run, printos_sandbox: Sandbox) -> None:
    good = run("doctor", "--json", SSL_CERT_FILE=str(printos_sandbox.ca_file))
    bad = run("doctor", "--json")

    assert (good.returncode, broken(good)) == (0, [])
    assert "TLSv1.3" in found(good)["certificate"]["found"]
    assert (bad.returncode, broken(bad)) == (6, ["certificate"])
    assert "SSL_CERT_FILE" in found(bad)["certificate"]["advice"]


def test_wrong_credentials_are_not_taken(run: Run) -> None:
    result = run("doctor", "--json", PRINTOS_API_SECRET="hunter2hunter2")

    assert (result.returncode, broken(result)) == (4, ["login"])
    assert "hunter2" not in result.stdout


def test_missing_credentials_leave_the_network_to_be_tried(run: Run) -> None:
    result = run("doctor", "--json", PRINTOS_API_SECRET="")

    assert (result.returncode, broken(result), found(result)["connection"]["ok"]) == (2, ["credentials"], True)
    assert "printos config login" in found(result)["credentials"]["advice"]


def test_wrong_clock_is_named(run: Run, printos_sandbox: Sandbox) -> None:
    printos_sandbox.move_clock(3600)

    result = run("doctor", "--json")

    assert (result.returncode, broken(result)) == (4, ["clock", "login"])
    assert "1 h behind" in found(result)["clock"]["found"] or "59 min" in found(result)["clock"]["found"]


def test_nobody_at_the_port(run: Run) -> None:
    result = run("doctor", "--json", PRINTOS_BASE_URL=f"http://127.0.0.1:{free_port()}")

    assert (result.returncode, broken(result)) == (6, ["connection"])


def test_name_that_is_none(run: Run) -> None:
    result = run("doctor", "--json", PRINTOS_BASE_URL="http://no-such-name.invalid")

    assert (result.returncode, broken(result)) == (6, ["name"])


def test_base_url_that_is_none(run: Run) -> None:
    result = run("doctor", "--json", PRINTOS_BASE_URL="ftp://x")

    assert (result.returncode, broken(result)) == (2, ["server"])
    assert "PRINTOS_BASE_URL" in found(result)["server"]["advice"]


def test_file_that_others_may_read(run: Run, environment: dict[str, str]) -> None:
    file = Path(environment["XDG_CONFIG_HOME"]) / "printos" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[default]\nsecret = "x"\n', encoding="utf-8")
    file.chmod(0o644)

    result = run("doctor", "--json", PRINTOS_API_SECRET="")

    assert (result.returncode, broken(result)) == (2, ["settings"])
    assert "chmod 600" in found(result)["settings"]["found"]


def test_server_in_trouble(run: Run, printos_sandbox: Sandbox) -> None:
    printos_sandbox.fault("status", status=503)

    result = run("doctor", "--json")

    assert (result.returncode, broken(result), len(printos_sandbox.journal)) == (5, ["devices"], 1)


def test_server_that_never_answers(run: Run, printos_sandbox: Sandbox) -> None:
    printos_sandbox.fault("stall")

    result = run("doctor", "--json", "--timeout", 0.5)

    assert (result.returncode, broken(result)) == (6, ["devices"])


def test_port_that_speaks_something_else(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        result = run("doctor", "--json", "--timeout", 0.5, PRINTOS_BASE_URL=url)

    assert (result.returncode, broken(result)) == (6, ["certificate"])


def test_answer_that_cannot_be_read(run: Run) -> None:
    with serving(respond_json({"devices": 7})) as server:
        result = run("doctor", "--json", PRINTOS_BASE_URL=server.url)

    assert (result.returncode, broken(result)) == (5, ["devices"])


def test_proxy_is_named_without_its_password_and_connected_to(run: Run, printos_sandbox: Sandbox) -> None:
    proxy = f"http://user:hunter2@127.0.0.1:{free_port()}"

    through = run("doctor", "--json", http_proxy=proxy, PRINTOS_BASE_URL="http://printos.invalid")
    past = run("doctor", "--json", http_proxy=proxy, no_proxy="127.0.0.1")

    assert (through.returncode, broken(through)) == (6, ["connection"])
    assert proxy.rpartition("@")[2] in found(through)["proxy"]["found"]
    assert "hunter2" not in through.stdout
    assert past.returncode == 0
    assert printos_sandbox.journal


def test_bundle_holds_what_helps_and_no_secret(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    bundle = tmp_path / "support.json"
    proxy = "http://user:hunter2@127.0.0.1:9"

    result = run("doctor", "--support", bundle, https_proxy=proxy)

    text = bundle.read_text("utf-8")
    document = json.loads(text)
    assert (result.returncode, bundle.stat().st_mode & 0o777) == (0, 0o600)
    assert [finding["check"] for finding in document["findings"]] == CHECKS
    assert any("GET" in line and "200" in line for line in document["log"])
    assert document["packages"]["httpx"]
    assert "hunter2" not in text
    assert printos_sandbox.secret not in text
    assert "listDevices" in {exchange["operation"] for exchange in printos_sandbox.journal}


def test_bundle_replaces_no_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("mine", encoding="utf-8")

    result = run("doctor", "--support", tmp_path / "thesis")

    assert (result.returncode, (tmp_path / "thesis").read_text("utf-8")) == (1, "mine")
    assert "File exists" in result.stderr
