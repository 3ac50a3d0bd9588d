"""The agent as a real process: it delivers, reloads, stops, hangs and is killed, over real sockets."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from agent_processes import COMMAND, Running, started, written
from deliveries import fleet, spacing, taken
from server import free_port, respond_json, serving, until

from printos_ext import cli
from printos_ext.agent.outbox import Outbox
from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]

FAST = "sim://press?seed={}&speed=20000"
IN_FLIGHT = 8
SHAPES = json.loads((Path(cli.__file__).parent / "shapes.json").read_text("utf-8"))


def presses(count: int) -> dict[str, str]:
    """Return simulated presses of which every reading is another one."""
    return {f"d{n}": FAST.format(n) for n in range(count)}


def reports(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [entry for entry in sandbox.journal if entry["operation"] == "updateDeviceStatus"]


def states(sandbox: Sandbox, device: str) -> list[str]:
    return [entry["request"]["body"]["status"] for entry in reports(sandbox) if entry["device"] == device]


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A device that says what stands in a file."""
    file = tmp_path / "device.jsonl"
    file.write_text('{"status": "DS_STANDBY", "pages_total": 7}\n', encoding="utf-8")
    return file


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=fleet(50), journal=100_000) as sandbox:
        yield sandbox


def test_every_device_is_reported_soon_and_again(sandbox: Sandbox, start: Start) -> None:
    start(sandbox, devices=presses(10))

    assert until(lambda: all(len(states(sandbox, f"d{n}")) > 2 for n in range(10)), 20)


def test_stop_takes_no_time_says_off_and_loses_nothing(sandbox: Sandbox, start: Start) -> None:
    agent = start(sandbox, devices=presses(50), delivery={"min_interval": 60})
    assert until(lambda: len(sandbox.journal) >= 50, 20)

    status, seconds = agent.end()

    assert (status, seconds < 10, agent.has_logged("stopped")) == (0, True, True)
    assert all(states(sandbox, f"d{n}")[-1] == "DS_OFF" for n in range(50))


def test_stop_says_nothing_if_the_device_goes_on(sandbox: Sandbox, start: Start, device: Path) -> None:
    agent = start(sandbox, devices={"d0": f"jsonl:{device}"}, reading={"off_when_stopping": False})
    assert until(lambda: states(sandbox, "d0") == ["DS_STANDBY"], 20)

    agent.end()

    assert states(sandbox, "d0") == ["DS_STANDBY"]


def test_stop_ends_within_ten_seconds_although_the_server_hangs(sandbox: Sandbox, start: Start) -> None:
    agent = start(sandbox, devices=presses(10), delivery={"timeout": 30})
    assert until(lambda: len(sandbox.journal) > 10, 20)
    sandbox.fault("stall")
    stalled = len(sandbox.journal)
    assert until(lambda: len(sandbox.journal) > stalled, 20)

    status, seconds = agent.end()

    assert (status, seconds < 10) == (0, True)


def test_stop_ends_within_ten_seconds_although_a_device_hangs(sandbox: Sandbox, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        agent = start(sandbox, devices={"d0": address, "d1": FAST.format(1)})
        assert until(lambda: bool(states(sandbox, "d1")), 20)

        status, seconds = agent.end()

    assert (status, seconds < 10) == (0, True)


def test_device_that_fails_three_times_is_off_and_the_others_go_on(sandbox: Sandbox, start: Start) -> None:
    said = {"status": "DS_ON", "pages_total": 7}
    with serving(respond_json(said)) as device:
        agent = start(sandbox, devices={"d0": device.url, "d1": FAST.format(1)})
        assert until(lambda: states(sandbox, "d0") == ["DS_ON"], 20)
    assert until(lambda: states(sandbox, "d0") == ["DS_ON", "DS_OFF"], 20)
    assert len([one for one in agent.events if one["event"] == "unreadable"]) == 1
    before = len(states(sandbox, "d1"))
    assert until(lambda: len(states(sandbox, "d1")) > before, 20)


def test_heartbeat_says_the_same_again(sandbox: Sandbox, start: Start, device: Path) -> None:
    start(sandbox, devices={"d0": f"jsonl:{device}"}, delivery={"heartbeat": 0.5})

    assert until(lambda: states(sandbox, "d0")[:3] == ["DS_STANDBY"] * 3, 20)


def test_interval_is_kept_to(sandbox: Sandbox, start: Start) -> None:
    start(sandbox, devices=presses(5), delivery={"min_interval": 0.5}, reading={"every": 0.1})
    assert until(lambda: len(reports(sandbox)) > 30, 30)

    assert spacing(reports(sandbox)) >= 0.5


def test_broken_configuration_changes_nothing_and_a_good_one_all(sandbox: Sandbox, start: Start) -> None:
    agent = start(sandbox, devices=presses(2))
    assert until(lambda: bool(states(sandbox, "d1")), 20)
    good = agent.file.read_text("utf-8")

    agent.file.write_text(good.replace("every = 0.1", "every = never"), encoding="utf-8")
    agent.process.send_signal(signal.SIGHUP)
    assert until(lambda: agent.has_logged("not reloaded"), 20)
    before = len(states(sandbox, "d1"))
    assert until(lambda: len(states(sandbox, "d1")) > before, 20)

    agent.file.write_text(good.replace('id = "d0"', 'id = "d7"'), encoding="utf-8")
    agent.process.send_signal(signal.SIGHUP)
    assert until(lambda: bool(states(sandbox, "d7")), 20)
    assert agent.has_logged("reloaded")
    after = len(states(sandbox, "d0"))
    before = len(states(sandbox, "d1"))
    assert until(lambda: len(states(sandbox, "d1")) > before + 3, 20)
    assert len(states(sandbox, "d0")) <= after + 2  # one on its way, and one that waited


def test_configuration_that_does_not_fit_what_needs_a_restart_is_refused(sandbox: Sandbox, start: Start) -> None:
    agent = start(sandbox, devices=presses(1), agent={"watchdog": 5}, delivery={"timeout": 4})

    written(sandbox, agent.file.parent, devices=presses(1), agent={"watchdog": 40}, delivery={"timeout": 20})
    agent.process.send_signal(signal.SIGHUP)

    assert until(lambda: agent.has_logged("not reloaded") or agent.has_logged("reloaded"), 20)
    assert not agent.has_logged("reloaded")


def test_configuration_with_a_thousand_faults_does_not_keep_the_agent_from_its_devices(
    sandbox: Sandbox, start: Start
) -> None:
    agent = start(sandbox, devices=presses(1), agent={"watchdog": 2}, delivery={"timeout": 1})

    agent.file.write_text('[[device]]\nsources = ["sim://press"]\nevry = 5\n' * 1000, encoding="utf-8")
    agent.process.send_signal(signal.SIGHUP)

    assert until(lambda: agent.has_logged("not reloaded") or agent.process.poll() is not None, 30)
    before = len(states(sandbox, "d0"))
    assert until(lambda: len(states(sandbox, "d0")) > before, 20)


STUCK_SOURCE = """
import asyncio
import time

from printos_ext import cli
from printos_ext.agent.outbox import Outbox
from printos_ext.sources.simulated import SimulatedSource


async def forever(*_):
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass


def stuck(address):
    what = address.partition(":")[2]
    if what == "outbox":
        Outbox.ack = forever
    elif what == "disk":
        Outbox.put = forever
    source = SimulatedSource("sim://press")
    if what == "process":
        source.read = lambda: time.sleep(1000)
    elif what == "reading":
        source.read = forever
    elif what == "thread":
        source.read = lambda: asyncio.to_thread(time.sleep, 1000)
    return source
"""


def installed(folder: Path) -> dict[str, str]:
    """Install a package with sources that hang; return the environment that finds it."""
    (folder / "stuck-1.dist-info").mkdir(parents=True)
    (folder / "stuck_source.py").write_text(STUCK_SOURCE, encoding="utf-8")
    (folder / "stuck-1.dist-info" / "METADATA").write_text("Name: stuck\nVersion: 1\n", encoding="utf-8")
    (folder / "stuck-1.dist-info" / "entry_points.txt").write_text(
        "[printos_ext.sources]\nstuck = stuck_source:stuck\n", encoding="utf-8"
    )
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("what", ["process", "outbox", "disk"])
def test_agent_that_lives_and_does_not_deliver_ends_by_itself_and_says_where_it_hangs(
    what: str, sandbox: Sandbox, start: Start, tmp_path: Path
) -> None:
    agent = start(
        sandbox,
        devices={"d0": f"stuck:{what}"},
        agent={"watchdog": 2},
        delivery={"timeout": 1},
        reading={"timeout": 1},
        environment=installed(tmp_path / "packages"),
    )

    begun = time.monotonic()
    assert agent.process.wait(20) != 0
    assert time.monotonic() - begun < 10
    assert "stuck_source.py" in agent.log.read_text("utf-8") if what == "process" else agent.has_logged("stuck")


def test_second_agent_on_the_same_outbox_is_refused(sandbox: Sandbox, start: Start) -> None:
    agent = start(sandbox, devices=presses(1))

    result = subprocess.run(
        [*COMMAND, "agent", "run", "-c", str(agent.file)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=30,
    )

    assert (result.returncode, result.stderr.count("\n"), "outbox.db" in result.stderr) == (1, 1, True)


def test_systemd_is_told_when_it_runs_lives_and_stops(sandbox: Sandbox, start: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        agent = start(
            sandbox, devices=presses(1), agent={"watchdog": 2}, delivery={"timeout": 1}, environment=environment
        )
        told = {systemd.recv(100) for _ in range(2)}
        agent.process.terminate()
        while b"STOPPING=1" not in told:
            told.add(systemd.recv(100))

    assert told == {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}


def test_systemd_is_told_that_a_reload_is_over_although_it_failed(
    sandbox: Sandbox, start: Start, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        agent = start(sandbox, devices=presses(1), environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        agent.file.write_text(f"x = {'[' * 3000}{']' * 3000}", encoding="utf-8")
        agent.process.send_signal(signal.SIGHUP)
        while systemd.recv(100) != b"RELOADING=1":
            pass
        while systemd.recv(100) != b"READY=1":
            pass

    assert agent.has_logged("not reloaded")


def test_no_secret_is_logged(sandbox: Sandbox, start: Start) -> None:
    agent = start(
        sandbox,
        devices={"d0": f"http://user:hunter2@127.0.0.1:{free_port()}/?k=hunter3", "d1": FAST.format(1)},
        environment={"PRINTOS_LOG": "debug"},
    )
    assert until(lambda: agent.has_logged("unreadable") and agent.has_logged("sent"), 20)
    agent.end()

    logged = agent.log.read_text("utf-8")
    assert not any(word in logged for word in ("hunter2", "hunter3", sandbox.secret))


def kill(sandbox: Sandbox, folder: Path, *, times: int, wait: Callable[[Sandbox], None]) -> int:
    """Kill an agent with fifty devices again and again, each time after a wait; return how many reports came twice.

    Every reading is another one: the presses print for days between two of them.
    """
    presses = {f"d{n}": f"sim://press?seed={n}&speed=1000000" for n in range(50)}
    for _ in range(times):
        agent = started(sandbox, folder, devices=presses, delivery={"min_interval": 0.02, "concurrency": IN_FLIGHT})
        wait(sandbox)
        agent.kill()
        sandbox.clear_faults()
    waiting = asyncio.run(waiting_in(folder / "outbox.db"))
    last = {device: pages[-1] for device, pages in taken(sandbox.journal).items()} | waiting
    agent = started(sandbox, folder)
    assert until(lambda: {device: pages[-1] for device, pages in taken(sandbox.journal).items()} == last, 30)
    agent.kill()
    assert set(last) == set(presses)
    for device, pages in taken(sandbox.journal).items():
        assert pages == sorted(pages), device
    return sum(a == b for pages in taken(sandbox.journal).values() for a, b in pairwise(pages))


def at_random() -> Callable[[Sandbox], None]:
    """Return a wait that ends at any moment."""
    chance = random.Random(7)
    return lambda _: time.sleep(chance.uniform(0.0, 0.5))


def during_a_call(*, is_carried_out: bool) -> Callable[[Sandbox], None]:
    """Return a wait that ends when calls are under way that never get an answer."""

    def wait(sandbox: Sandbox) -> None:
        assert until(lambda: len(taken(sandbox.journal)) == 50, 20)
        sandbox.fault("stall", after=is_carried_out)
        begun = len(sandbox.journal)
        assert until(lambda: any(entry["fault"] for entry in sandbox.journal[begun:]), 20)

    return wait


async def waiting_in(file: Path) -> dict[str, int]:
    """Return the pages that wait to be reported of each device."""
    async with Outbox(file) as outbox:
        letters = [outbox.next(device) for device in outbox.waiting()]
        return {one.status.device_id: one.status.pages_total or 0 for one in letters if one}


STEPS = {
    "before the server acts": during_a_call(is_carried_out=False),
    "before the answer": during_a_call(is_carried_out=True),
}


def test_agent_that_is_killed_loses_nothing_and_keeps_the_order(sandbox: Sandbox, tmp_path: Path) -> None:
    repeats = kill(sandbox, tmp_path, times=5, wait=at_random())

    assert repeats <= 5 * IN_FLIGHT


@pytest.mark.torture
def test_agent_is_killed_a_thousand_times(tmp_path: Path) -> None:
    with Sandbox(seed=fleet(50), journal=1_000_000) as sandbox:
        repeats = kill(sandbox, tmp_path, times=1000, wait=at_random())

    print(f"1,000 kills, 50 devices, {IN_FLIGHT} calls at once: 0 lost, 0 out of order, {repeats} repeated")  # noqa: T201 - the figures
    assert repeats <= 1000 * IN_FLIGHT


@pytest.mark.parametrize("step", STEPS)
def test_agent_that_is_killed_during_a_call_loses_nothing(step: str, sandbox: Sandbox, tmp_path: Path) -> None:
    repeats = kill(sandbox, tmp_path, times=2, wait=STEPS[step])

    assert repeats <= 2 * IN_FLIGHT


@pytest.mark.torture
@pytest.mark.parametrize("step", STEPS)
def test_agent_is_killed_fifty_times_during_a_call(step: str, sandbox: Sandbox, tmp_path: Path) -> None:
    repeats = kill(sandbox, tmp_path, times=50, wait=STEPS[step])

    print(f"50 kills {step}, 50 devices: 0 lost, 0 out of order")  # noqa: T201 - the figures
    assert repeats <= 50 * IN_FLIGHT


def test_interval_is_kept_to_however_often_the_agent_is_killed(sandbox: Sandbox, tmp_path: Path) -> None:
    for _ in range(4):
        agent = started(
            sandbox, tmp_path, devices=presses(5), delivery={"min_interval": 3, "timeout": 1}, reading={"every": 0.1}
        )
        before = len(reports(sandbox))
        assert until(lambda before=before: len(reports(sandbox)) > before, 20)  # type: ignore[misc]  # a default
        agent.kill()

    assert spacing(reports(sandbox)) >= 3


def test_waiting_statuses_survive_a_kill_and_arrive_before_newer_ones(
    sandbox: Sandbox, start: Start, device: Path
) -> None:
    sandbox.fault("status", status=503)
    agent = start(sandbox, devices={"d0": f"jsonl:{device}"}, outbox={"history": True})
    assert until(lambda: agent.has_logged("not sent"), 20)
    agent.kill()
    sandbox.clear_faults()
    device.write_text('{"status": "DS_ERROR", "pages_total": 8}\n', encoding="utf-8")

    start(sandbox, devices={"d0": f"jsonl:{device}"}, outbox={"history": True})

    assert until(lambda: taken(sandbox.journal).get("d0") == [7, 8], 20)


def command(*words: object, environment: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "printos_ext.cli", *map(str, words)],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_once_reads_delivers_and_says_what_came_of_it(sandbox: Sandbox, tmp_path: Path) -> None:
    devices = {**presses(3), "d9": f"http://127.0.0.1:{free_port()}/"}

    good = command("agent", "once", "-c", written(sandbox, tmp_path, devices=presses(3)))
    partly = command("agent", "once", "-c", written(sandbox, tmp_path, devices=devices))

    assert (good.returncode, good.stderr.splitlines()[-1]) == (
        0,
        "printos: 3 sent, 0 waiting, 0 of 3 devices unreadable",
    )
    assert (partly.returncode, "1 of 4 devices unreadable" in partly.stderr) == (1, True)
    assert sorted(taken(sandbox.journal)) == ["d0", "d1", "d2"]


def test_once_keeps_what_it_cannot_deliver(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path, devices=presses(3))
    sandbox.fault("status", status=503)

    in_vain = command("agent", "once", "-c", file)
    shown = command("outbox", "show", "-c", file)

    assert (in_vain.returncode, "0 sent, 3 waiting" in in_vain.stderr) == (6, True)
    assert "3 waiting, 0 refused" in shown.stderr


def test_once_keeps_to_the_interval_and_finds_nothing_wrong_with_that(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path, devices=presses(2), delivery={"min_interval": 60})

    first, second = command("agent", "once", "-c", file), command("agent", "once", "-c", file)

    assert ("2 sent, 0 waiting" in first.stderr, "0 sent, 2 waiting" in second.stderr) == (True, True)
    assert (first.returncode, second.returncode, len(reports(sandbox))) == (0, 0, 2)


@pytest.mark.parametrize("what", ["reading", "thread"])
def test_once_ends_although_a_reading_does_not(what: str, sandbox: Sandbox, tmp_path: Path) -> None:
    environment = installed(tmp_path / "packages")

    file = written(sandbox, tmp_path, devices={"d7": f"stuck:{what}", **presses(2)}, reading={"timeout": 0.5})
    done = command("agent", "once", "-c", file, environment=environment)

    assert (done.returncode, "2 sent, 0 waiting, 1 of 3 devices unreadable" in done.stderr) == (1, True), done.stderr


def test_refused_status_is_shown_sent_again_and_forgotten(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path, devices={"nobody": FAST.format(1)})
    command("agent", "once", "-c", file)

    (letter,) = json.loads(command("outbox", "show", "--json", "-c", file).stdout)
    jsonschema.validate([letter], {**SHAPES, "$ref": "#/$defs/letters"})
    retried = command("outbox", "retry", letter["number"], "-c", file)
    shown = command("outbox", "show", "-c", file)
    unknown = command("outbox", "drop", 4711, "-c", file)

    assert (letter["device_id"], "there is no device 'nobody'" in letter["reason"]) == ("nobody", True)
    assert (retried.returncode, "1 waiting, 0 refused" in shown.stderr) == (0, True)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    command("agent", "once", "-c", written(sandbox, tmp_path))
    (letter,) = json.loads(command("outbox", "show", "--json", "-c", file).stdout)
    assert command("outbox", "drop", letter["number"], "-c", file).returncode == 0
    assert json.loads(command("outbox", "show", "--json", "-c", file).stdout) == []


def test_check_asks_nobody_and_says_what_is_wrong_with_line_and_key(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path, devices=presses(3))
    good = command("agent", "check", "-c", file)
    file.write_text(file.read_text("utf-8") + "evry = 7\n", encoding="utf-8")
    broken = command("agent", "check", "-c", file)

    lines = len(file.read_text("utf-8").splitlines())
    assert (good.returncode, good.stdout.startswith("ok: 3 devices"), sandbox.journal) == (0, True, [])
    assert (broken.returncode, f"agent.toml, line {lines}: device[2].evry" in broken.stderr) == (2, True)


def test_check_warns_of_secrets_that_everybody_may_read(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path, devices={"d0": "snmp://hunter2@127.0.0.1"})
    file.chmod(0o644)

    done = command("agent", "check", "-c", file)

    assert (done.returncode, done.stdout.startswith("ok: 1 devices"), "hunter2" in done.stderr) == (0, True, False)
    assert f"{file} holds secrets and everybody may read it" in done.stderr


def test_missing_extra_and_a_dry_run_are_told(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path, devices=presses(1))
    program = (
        "import sys; sys.modules['prometheus_client'] = None;"
        f"sys.argv = ['printos', 'agent', 'once', '-c', {str(file)!r}];"
        "from printos_ext.cli import main; sys.exit(main())"
    )
    without = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False)
    dry = command("agent", "once", "--dry-run", "-c", file)

    assert (without.returncode, "printos-device[agent]" in without.stderr) == (2, True)
    assert (dry.returncode, "--dry-run" in dry.stderr, sandbox.journal) == (2, True, [])


def test_devices_that_are_attached_need_no_configuration(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRINTOS_BASE_URL", sandbox.url)
    command("attach", "sim://press?serial=IL42")

    assert command("agent", "once").returncode == 0
    assert len(taken(sandbox.journal)) == 1


def test_device_without_an_id_is_looked_up_and_never_registered(sandbox: Sandbox, tmp_path: Path) -> None:
    devices = [{"sources": ["sim://press?serial=S7"]}, {"sources": ["sim://press?serial=nobodys"]}]

    result = command("agent", "once", "-c", written(sandbox, tmp_path, devices=devices))

    assert (result.returncode, "printos attach" in result.stderr) == (1, True)
    assert list(taken(sandbox.journal)) == ["d7"]
    assert [entry["operation"] for entry in sandbox.journal].count("listDevices") == 1


def test_check_tells_of_attached_devices_of_another_server(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    command("attach", "sim://press?serial=IL42", "--base-url", sandbox.url)
    monkeypatch.setenv("PRINTOS_BASE_URL", "http://127.0.0.1:9999")

    done = command("agent", "check")

    assert (done.returncode, done.stdout.startswith("ok: 0 devices")) == (0, True)
    assert f"1 attached here are devices of {sandbox.url}, and not read" in done.stderr


def credentials(unit: str) -> list[str]:
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith("LoadCredential=")]


def test_unit_loads_the_credentials_that_the_configuration_names(tmp_path: Path) -> None:
    site, odd = tmp_path / "site.toml", tmp_path / "odd.toml"
    site.write_text('[nats]\npassword_file = "$CREDENTIALS_DIRECTORY/nats"\n', encoding="utf-8")
    odd.write_text('[nats]\npassword_file = "$CREDENTIALS_DIRECTORY/."\n', encoding="utf-8")

    said = ["--secret", tmp_path / "key"]
    usual = command("agent", "unit", *said).stdout
    of_site = command("agent", "unit", *said, "--config", site)
    of_odd = command("agent", "unit", *said, "--config", odd).stdout

    assert credentials(usual) == [f"secret:{tmp_path}/key"]
    assert credentials(of_site.stdout) == [f"nats:{tmp_path}/nats"]
    assert credentials(of_odd) == []
    assert credentials(command("agent", "unit", "--secret", "/", "--config", site).stdout) == ["nats:/nats"]
    assert f"--config {site} " in of_site.stdout
    assert f"the service does not see {site}" in of_site.stderr


@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="needs systemd: apt-get install systemd")
@pytest.mark.parametrize("words", ["agent", "forward"])
def test_systemd_finds_nothing_to_mend_in_the_unit(words: str, tmp_path: Path) -> None:
    unit = tmp_path / "printos.service"
    unit.write_text(command(words, "unit").stdout, encoding="utf-8")

    verified = subprocess.run(
        ["/usr/bin/systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    text = unit.read_text("utf-8")

    assert (verified.returncode, verified.stderr) == (0, "")
    assert all(line in text for line in ("Type=notify", "NoNewPrivileges=yes", f"{words} run --config"))
