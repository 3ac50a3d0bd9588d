"""Sites and forwarders as real processes, with NATS between them and the sandbox behind: what people see of them."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from agent_processes import COMMAND, Running, written
from deliveries import fleet, status, taken
from fleets import jetstream
from nats_servers import NatsServer, nats_server
from server import free_port, until

from printos_ext import PrintOS, cli
from printos_ext import fleet as fleet_room
from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]

SHAPES = json.loads((Path(cli.__file__).parent / "shapes.json").read_text("utf-8"))
FAST = "sim://press?seed={}&speed=20000"
QUICKLY: dict[str, Any] = {"delivery": {"min_interval": 0.05, "timeout": 2}}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=fleet(10), journal=100_000) as sandbox:
        yield sandbox


def presses(count: int) -> dict[str, str]:
    return {f"d{n}": FAST.format(n) for n in range(count)}


def command(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, words)], capture_output=True, encoding="utf-8", check=False, timeout=60)


def fleet_status(process: Running) -> dict[str, Any]:
    done = command("fleet", "status", "--json", "-c", process.file)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_what_a_site_reads_is_sent_by_a_forwarder(start: Start, sandbox: Sandbox) -> None:
    start(sandbox, "forward", "run", **QUICKLY)
    start(sandbox, "agent", "run", devices=presses(5))

    assert until(lambda: len(taken(sandbox.journal)) == 5, 20)


def test_history_is_sent_in_its_order(start: Start, sandbox: Sandbox, nats: NatsServer, tmp_path: Path) -> None:
    async def put() -> None:
        async with jetstream(nats, tmp_path.name, history=True) as outbox:
            for pages in range(5):
                await outbox.put(*(status(device, pages) for device in range(3)))

    asyncio.run(put())
    start(sandbox, "forward", "run", outbox={"history": True}, **QUICKLY)

    assert until(lambda: taken(sandbox.journal) == {f"d{n}": [0, 1, 2, 3, 4] for n in range(3)}, 20)


def test_site_needs_no_key_of_printos(start: Start, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    start(sandbox, "forward", "run", **QUICKLY)
    monkeypatch.delenv("PRINTOS_API_KEY")
    monkeypatch.delenv("PRINTOS_API_SECRET")
    site = start(sandbox, "agent", "run", devices=presses(1))

    assert until(lambda: len(taken(sandbox.journal)) == 1, 20)
    (started,) = [event for event in site.events if event["event"] == "started"]
    assert started["server"] == started["outbox"]


def test_site_that_reads_one_time_leaves_its_statuses_on_nats(start: Start, sandbox: Sandbox) -> None:
    forwarder = start(sandbox, "forward", "run", **QUICKLY)
    forwarder.end()
    text = forwarder.file.read_text("utf-8")
    lines = [line for n in range(3) for line in ("[[device]]", f'id = "d{n}"', f'sources = ["{FAST.format(n)}"]')]
    forwarder.file.write_text(text + "\n".join(lines), encoding="utf-8")

    done = command("agent", "once", "-c", forwarder.file)

    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        0,
        "printos: 3 sent, 0 waiting, 0 of 3 devices unreadable",
    )
    assert fleet_status(forwarder)["pending"] == 3
    assert taken(sandbox.journal) == {}


@pytest.mark.parametrize("device", [{"id": "d1"}, {"model": "T250", "serial_number": "new"}])
def test_site_that_reads_one_time_while_nats_is_away_tells_that(
    sandbox: Sandbox, tmp_path: Path, device: dict[str, str]
) -> None:
    away, spool = {"path": f"nats://127.0.0.1:{free_port()}"}, {"spool": str(tmp_path / "spool.db")}
    devices = [{**device, "sources": [FAST.format(1)]}]
    file = written(sandbox, tmp_path, devices=devices, outbox=away, nats=spool)

    done = command("agent", "once", "-c", file)

    assert done.returncode == (6 if "id" in device else 1), done.stderr
    assert "is away" in done.stderr
    assert "Traceback" not in done.stderr
    assert "stumbled" not in done.stderr


def test_devices_that_many_sites_ask_for_are_registered_one_time(start: Start, sandbox: Sandbox) -> None:
    devices = [{"sources": [FAST.format(n)], "model": "T250", "serial_number": f"new-{n}"} for n in range(5)]
    for _ in range(3):
        start(sandbox, "agent", "run", devices=devices)
    for _ in range(2):
        start(sandbox, "forward", "run", **QUICKLY)

    assert until(lambda: len(taken(sandbox.journal)) == 5, 30)
    posts = [entry["request"]["body"]["serialNumber"] for entry in sandbox.journal if entry["method"] == "POST"]
    assert sorted(posts) == [f"new-{n}" for n in range(5)]


def test_site_does_its_work_with_the_permissions_of_the_page(start: Start, sandbox: Sandbox, tmp_path: Path) -> None:
    page = (Path(fleet_room.__file__).parent / "README.md").read_text("utf-8")
    (permissions,) = re.findall(r"^    (permissions = \{\n(?:      .*\n)+    \})", page, re.MULTILINE)
    allowed = permissions.replace("printos.", f"{tmp_path.name}.")
    users = f'{{ user: "forwarder", password: "f" }}, {{ user: "site", password: "s", {allowed} }}'
    devices = [{"sources": [FAST.format(1)], "model": "T250", "serial_number": "new"}]
    with nats_server(tmp_path / "nats", f"authorization {{ users = [ {users} ] }}") as own:
        for words, user in ((("forward", "run"), "forwarder"), (("agent", "run"), "site")):
            password = tmp_path / user
            password.write_text(user[0], encoding="utf-8")
            password.chmod(0o600)
            access = {"user": user, "password_file": str(password)}
            read = devices if user == "site" else {}
            running = start(sandbox, *words, server=own, nats=access, devices=read, **QUICKLY)

        assert until(lambda: len(taken(sandbox.journal)) == 1, 30)
        looked = command("fleet", "status", "-c", running.file)

    assert (looked.returncode, looked.stdout) == (1, "")
    assert f'permissions violation for subscription to "{tmp_path.name}.forwarders"' in looked.stderr.lower()


def test_device_that_got_another_id_is_reported_under_that(start: Start, sandbox: Sandbox) -> None:
    start(sandbox, "forward", "run", **QUICKLY)
    devices = [{"sources": [FAST.format(1)], "model": "T250", "serial_number": "new"}]
    start(sandbox, "agent", "run", devices=devices, reading={"every": 0.1, "timeout": 10})
    assert until(lambda: len(taken(sandbox.journal)) == 1, 30)

    with PrintOS(sandbox.key, sandbox.secret, base_url=sandbox.url) as printos:
        again = printos.devices.provision(model="T250", serial_number="new")

    assert until(lambda: again.id in taken(sandbox.journal), 30)
    posts = [entry for entry in sandbox.journal if entry["operation"] == "provisionDevice"]
    assert len(posts) == 2  # the first one, and ours


def test_device_that_printos_refuses_is_told_at_the_site(start: Start, sandbox: Sandbox) -> None:
    sandbox.fault("status", status=422, operation="provisionDevice", body="no such model")
    start(sandbox, "forward", "run", **QUICKLY)
    devices = [{"sources": [FAST.format(1)], "model": "Typewriter", "serial_number": "7"}]
    site = start(sandbox, "agent", "run", devices=devices, reading={"every": 0.1, "timeout": 10})

    assert until(lambda: any("no such model" in str(one.get("error")) for one in site.events), 20)


def test_status_tells_devices_what_waits_and_who_sends(start: Start, sandbox: Sandbox) -> None:
    forwarders = [start(sandbox, "forward", "run", **QUICKLY) for _ in range(2)]
    start(sandbox, "agent", "run", devices=presses(10))
    assert until(lambda: len(taken(sandbox.journal)) == 10, 20)

    told = fleet_status(forwarders[0])
    shown = command("fleet", "status", "-c", forwarders[0].file)

    jsonschema.validate(told, {**SHAPES, "$ref": "#/$defs/fleet"})
    assert {one["pid"] for one in told["forwarders"]} == {one.process.pid for one in forwarders}
    assert (told["devices"], sum(one["shares"] for one in told["forwarders"])) == (10, 64)
    assert (shown.returncode, "10 devices" in shown.stderr, "by 2 forwarders" in shown.stderr) == (0, True, True)


def test_forwarder_waits_for_a_jetstream(start: Start, sandbox: Sandbox, tmp_path: Path) -> None:
    own = NatsServer(tmp_path / "nats", has_jetstream=False)
    own.start()
    try:
        forwarder = start(sandbox, "forward", "run", server=own, awaited="waiting")
        told = command("fleet", "status", "-c", forwarder.file)
        assert forwarder.process.poll() is None
    finally:
        own.kill()

    assert told.returncode != 0
    assert "start nats-server with -js" in told.stderr


def test_status_of_a_fleet_without_nats_is_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(f'outbox = "nats://127.0.0.1:{free_port()}"\n', encoding="utf-8")

    done = command("fleet", "status", "-c", file)

    assert (done.returncode, done.stderr.count("\n"), "is away" in done.stderr) == (6, 1, True)


def test_forwarder_without_nats_in_its_configuration_says_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("", encoding="utf-8")

    done = command("forward", "run", "-c", file)

    assert (done.returncode, 'outbox = "nats://' in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [["forward", "run"], ["fleet", "status"], ["agent", "run"], ["outbox", "show"]])
def test_missing_extra_is_named(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('outbox = "nats://127.0.0.1"\n', encoding="utf-8")
    program = (
        "import sys; sys.modules['nats'] = None;"
        f"sys.argv = ['printos', *{words!r}, '-c', {str(file)!r}];"
        "from printos_ext.cli import main; sys.exit(main())"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False)

    assert (done.returncode, "pip install 'printos-device[agent,nats]'" in done.stderr) == (2, True)


def test_health_and_metrics_tell_when_nats_is_away(start: Start, sandbox: Sandbox, tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as own:
        page = {"page": f"127.0.0.1:{free_port()}"}
        forwarder = start(sandbox, "forward", "run", server=own, agent=page, **QUICKLY)
        assert until(lambda: "printos_shares 64.0" in forwarder.ask("metrics")[1], 20)
        assert forwarder.ask("healthz") == (200, "ok\n")

        own.kill()

        assert until(lambda: forwarder.ask("healthz")[0] == 503, 30)
        assert "NATS is away" in forwarder.ask("healthz")[1]
        own.start()
        assert until(lambda: forwarder.ask("healthz")[0] == 200, 20)


def test_refused_status_is_shown_sent_again_and_forgotten(start: Start, sandbox: Sandbox) -> None:
    forwarder = start(sandbox, "forward", "run", **QUICKLY)
    start(sandbox, "agent", "run", devices={"nobody": "sim://press?seed=1&speed=1"}, reading={"every": 60})
    assert until(lambda: forwarder.has_logged("refused"), 20)
    forwarder.end()

    (letter,) = json.loads(command("outbox", "show", "--json", "-c", forwarder.file).stdout)
    jsonschema.validate([letter], {**SHAPES, "$ref": "#/$defs/letters"})
    retried = command("outbox", "retry", letter["number"], "-c", forwarder.file)
    waiting = fleet_status(forwarder)["pending"]
    again = start(sandbox, "forward", "run", **QUICKLY)
    assert until(lambda: again.has_logged("refused"), 20)
    dropped = command("outbox", "drop", letter["number"], "-c", forwarder.file)

    assert (letter["device_id"], "there is no device 'nobody'" in letter["reason"]) == ("nobody", True)
    assert (retried.returncode, waiting, dropped.returncode) == (0, 1, 0)
    assert json.loads(command("outbox", "show", "--json", "-c", forwarder.file).stdout) == []


def test_forwarder_stops_soon_and_another_takes_over(start: Start, sandbox: Sandbox) -> None:
    first = start(sandbox, "forward", "run", **QUICKLY)
    start(sandbox, "agent", "run", devices=presses(3))
    assert until(lambda: len(taken(sandbox.journal)) == 3, 20)

    status, seconds = first.end()
    before = {name: len(pages) for name, pages in taken(sandbox.journal).items()}
    start(sandbox, "forward", "run", **QUICKLY)

    assert (status, seconds < 10) == (0, True)
    assert until(lambda: all(len(taken(sandbox.journal)[name]) > count for name, count in before.items()), 30)


def test_forwarder_reloads_and_keeps_its_shares(start: Start, sandbox: Sandbox) -> None:
    forwarder = start(sandbox, "forward", "run", **QUICKLY)
    start(sandbox, "agent", "run", devices=presses(1))
    assert until(lambda: bool(taken(sandbox.journal)), 20)

    forwarder.process.send_signal(signal.SIGHUP)
    assert until(lambda: forwarder.has_logged("reloaded"), 20)
    before = len(taken(sandbox.journal)["d0"])

    assert until(lambda: len(taken(sandbox.journal)["d0"]) > before, 20)


def test_stream_that_would_lose_statuses_is_refused_by_name(start: Start, sandbox: Sandbox) -> None:
    forwarder = start(sandbox, "forward", "run", **QUICKLY)
    text = forwarder.file.read_text("utf-8").replace("[outbox]", "[outbox]\nhistory = true")
    forwarder.file.write_text(text, encoding="utf-8")

    done = command("outbox", "show", "-c", forwarder.file)

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "max_msgs_per_subject is 1, not -1" in done.stderr


def test_checks_ask_nobody(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    port = free_port()
    file.write_text(f'outbox = "nats://127.0.0.1:{port}"\n[printos]\nbase_url = "{sandbox.url}"\n', encoding="utf-8")

    forward, site = command("forward", "check", "-c", file), command("agent", "check", "-c", file)

    assert (forward.returncode, forward.stdout) == (0, f"ok: delivered to {sandbox.url} from nats://127.0.0.1:{port}\n")
    assert (site.returncode, f"nats://127.0.0.1:{port}" in site.stdout) == (0, True)
