"""What the agent shows: the page as somebody sees it in Chromium, its health, its metrics."""

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_processes import Running
from browser import Page, browsing, found
from deliveries import fleet
from prometheus_client.parser import text_string_to_metric_families
from server import free_port, until

from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]

HACK = '<img src=x onerror="window.hacked=1">'
in_chromium = pytest.mark.skipif(found() is None, reason="needs Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with browsing() as page:
        yield page


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=fleet(5)) as sandbox:
        yield sandbox


@pytest.fixture
def device(tmp_path: Path) -> Path:
    file = tmp_path / "device.jsonl"
    said = {"model": f"Folder {HACK}", "serial_number": "F-17", "status": "DS_PRINTING", "pages_total": 4711}
    file.write_text(json.dumps(said) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def shown(sandbox: Sandbox, start: Start, device: Path) -> Running:
    """An agent with a device that is read, and one that is not."""
    devices = {"d0": f"jsonl:{device}", "d1": f"http://user:hunter2@127.0.0.1:{free_port()}/"}
    return start(sandbox, devices=devices, agent={"page": f"127.0.0.1:{free_port()}"})


def metrics(agent: Running) -> dict[str, float]:
    families = text_string_to_metric_families(agent.ask("metrics")[1])
    return {sample.name: sample.value for family in families for sample in family.samples}


def text_of(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})?.textContent"


@in_chromium
def test_page_shows_devices_readings_where_they_are_from_and_errors(tab: Page, shown: Running, root: Path) -> None:
    tab.errors.clear()
    tab.resize(1280, 900)
    assert shown.page
    tab.open(shown.page)

    tile = tab.until(f"{text_of('[data-id=d0]')}?.includes('taken') && {text_of('[data-id=d0]')}")
    broken = tab.until(f"{text_of('.tile.ill[data-id=d1] .error')}")

    assert all(word in tile for word in (HACK, "4711", "jsonl:", "pages_total", "DS_PRINTING"))
    assert "connection" in broken
    assert "hunter2" not in tab.evaluate("document.body.textContent")
    assert tab.evaluate("window.hacked") is None
    assert tab.evaluate(text_of("#health")) == "ok"
    tab.screenshot(root / ".artefacts" / "agent-1280.png", 1280, 900)
    tab.screenshot(root / ".artefacts" / "agent-390.png", 390, 844)
    assert tab.evaluate("document.documentElement.scrollWidth <= 390")
    tab.open("about:blank")
    assert tab.errors == []


@in_chromium
def test_page_follows_what_happens_and_says_when_the_agent_is_gone(tab: Page, shown: Running, device: Path) -> None:
    tab.errors.clear()
    assert shown.page
    tab.open(shown.page)
    tab.until(f"{text_of('[data-id=d0]')}?.includes('4711')")
    device.write_text(device.read_text("utf-8").replace("4711", "4712"), encoding="utf-8")
    tab.until(f"{text_of('[data-id=d0]')}?.includes('4712')", 10)

    shown.end()

    assert tab.until(f"{text_of('#health')} === 'the agent does not answer'", 10)
    tab.open("about:blank")


def test_metrics_are_what_prometheus_reads(shown: Running) -> None:
    assert until(lambda: metrics(shown).get("printos_statuses_taken_total", 0) >= 1, 20)
    assert until(lambda: metrics(shown)["printos_devices_unreadable"] == 1, 20)

    told = metrics(shown)
    assert (told["printos_devices"], told["printos_healthy"], told["printos_outbox_dead"]) == (2, 1, 0)
    assert told["printos_readings_failed_total"] >= 1
    assert told["process_resident_memory_bytes"] > 1e6


def test_health_is_not_ok_when_nothing_gets_through_and_ok_again_when_it_does(
    sandbox: Sandbox, start: Start, device: Path
) -> None:
    agent = start(
        sandbox,
        devices={"d0": f"jsonl:{device}"},
        delivery={"heartbeat": 0.5, "timeout": 0.5},
        agent={"page": f"127.0.0.1:{free_port()}"},
    )
    assert until(lambda: agent.ask("healthz") == (200, "ok\n"), 20)
    sandbox.fault("status", status=503, body="closed for today")

    assert until(lambda: agent.ask("healthz")[0] == 503, 20)
    assert "nothing got through" in agent.ask("healthz")[1]
    assert "503" in agent.ask("healthz")[1]
    sandbox.clear_faults()
    assert until(lambda: agent.ask("healthz")[0] == 200, 30)


def test_page_on_loopback_is_for_loopback(shown: Running) -> None:
    assert shown.page
    connection = http.client.HTTPConnection(shown.page.removeprefix("http://").rstrip("/"))
    connection.request("GET", "/facts", headers={"Host": "attacker.example"})

    assert connection.getresponse().status == 403
    connection.close()
    assert shown.ask("nothing")[0] == 404


@pytest.mark.parametrize("host", ["[", "a b", "127.0.0.1:99999999", "127.0.0.1:x", ""])
def test_host_that_is_none_is_refused(host: str, shown: Running) -> None:
    assert shown.page
    connection = http.client.HTTPConnection(shown.page.removeprefix("http://").rstrip("/"))
    connection.request("GET", "/facts", headers={"Host": host})

    assert connection.getresponse().status in {400, 403}
    connection.close()


def test_agent_delivers_although_somebody_else_has_its_port(
    sandbox: Sandbox, start: Start, shown: Running, device: Path
) -> None:
    assert shown.page
    taken = shown.page.removeprefix("http://").rstrip("/")

    agent = start(sandbox, devices={"d3": f"jsonl:{device}"}, agent={"page": taken}, outbox={"path": f"{device}.db"})

    assert until(lambda: any(entry["device"] == "d3" for entry in sandbox.journal), 20)
    assert [one["page"] for one in agent.events if one["event"] == "no page"] == [taken]
    shown.end()
    assert until(lambda: agent.has_logged("page"), 20)
    assert agent.ask("healthz") == (200, "ok\n")
