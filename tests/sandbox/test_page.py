"""The page of the sandbox, as somebody sees and uses it: in Chromium, over its own connection, with no error at all."""

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Page, browsing, found

from printos_ext import InternalServerError, PrintOS, RateLimitError
from printos_ext.sandbox import Sandbox

pytestmark = pytest.mark.skipif(found() is None, reason="there is no Chromium to see the page with")

SOON = 5.0  # on a machine that others use, too
CONTROL = "/__sandbox__/"
HACK = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">'
FLEET: tuple[tuple[str, str | None, str | None, dict[str, Any]], ...] = (
    ("HP Indigo 7K", "Halle 2, Tür 3", "DS_PRINTING", {"pages_total": 120_345, "ink_level": 64.5, "operator": "Ümit"}),
    ("HP Indigo 100K", "Halle 2", "DS_RIPPING", {"pages_total": 8_812_045, "ink_level": 88}),
    ("HP PageWide Web Press T250", None, "DS_ON", {"pages_total": 56_000_120, "ink_level": 71}),
    ("HP Latex 800 W", "Schaufenster", "DS_STANDBY", {"pages_total": 4_410, "ink_level": 33}),
    ("HP Indigo 6K", "Halle 1", "DS_ERROR", {"pages_total": 998_001, "ink_level": 7}),
    ("Horizon StitchLiner Mark IV", "Weiterverarbeitung", "DS_OFF", {}),
    ("HP DesignJet Z9⁺", "Büro", "DS_WARMING_UP", {"ink_level": 100, "fuserHours": 12, "trays": {"A4": 120}}),
    ("HP Scitex 17000", None, None, {}),
)


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with browsing() as page:
        yield page


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(**getattr(request, "param", {})) as sandbox:
        yield sandbox


@pytest.fixture
def page(tab: Page, sandbox: Sandbox) -> Iterator[Page]:
    """The page of the sandbox, live; whatever a test does with it, it has no error."""
    tab.errors.clear()
    tab.resize(1280, 1100)
    tab.open(sandbox.url)
    tab.until("document.getElementById('connection').textContent === 'live'")
    tab.until("document.getElementById('count').textContent !== 'Devices'")
    yield tab
    tab.open("about:blank")
    assert tab.errors == []


@pytest.fixture
def printos(sandbox: Sandbox) -> Iterator[PrintOS]:
    with PrintOS(sandbox.key, sandbox.secret, base_url=sandbox.url, max_retries=0) as printos:
        yield printos


def all_of(selector: str) -> str:
    """Return a script for the texts of what is there."""
    return f"[...document.querySelectorAll({json.dumps(selector)})].map(found => found.textContent)"


def tile_has(text: str) -> str:
    return f"document.querySelector('.tile')?.textContent.includes({json.dumps(text)})"


def asked(sandbox: Sandbox, path: str) -> Any:
    with urllib.request.urlopen(f"{sandbox.url}{CONTROL}{path}") as answer:  # noqa: S310 - it is our own server
        return json.load(answer)


def is_on(sandbox: Sandbox, behaviour: str) -> bool:
    return next(bool(one["on"]) for one in asked(sandbox, "behaviours") if one["name"] == behaviour)


def kept(root: Path, name: str) -> Path:
    return Path(os.environ.get("PRINTOS_ARTEFACTS") or root / ".artefacts") / name


def provision_fleet(printos: PrintOS) -> None:
    for number, (model, location, state, metrics) in enumerate(FLEET):
        device = printos.devices.provision(model=model, serial_number=f"4100{number:04}", location=location)
        if state is not None:
            printos.devices.update_status(str(device.id), state, **metrics)


def test_device_that_is_provisioned_appears(page: Page, printos: PrintOS) -> None:
    assert page.evaluate(all_of(".tile")) == []
    assert page.evaluate("document.getElementById('none').checkVisibility()")

    printos.devices.provision(model="HP Indigo 7K", serial_number="41000042", location="Halle 2, Tür 3")

    page.until(tile_has("HP Indigo 7K"), SOON)
    assert page.evaluate(tile_has("41000042 · Halle 2, Tür 3"))
    assert page.evaluate(all_of("#count")) == ["1 device"]
    assert not page.evaluate("document.getElementById('none').checkVisibility()")


def test_report_changes_the_tile(page: Page, printos: PrintOS) -> None:
    device = printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")
    page.until(tile_has("never reported"), SOON)

    printos.devices.update_status(str(device.id), "DS_PRINTING", pages_total=1234, ink_level=40.5, fuserHours=12)

    page.until(tile_has("DS_PRINTING"), SOON)
    assert page.evaluate(all_of(".tile dt")) == ["pages", "ink", "fuserHours"]
    assert page.evaluate(all_of(".tile dd")) == ["1,234", "40.5 %", "12"]
    assert page.evaluate("document.querySelector('.tile meter').value") == 40.5
    assert not page.evaluate(tile_has("never reported"))


def test_report_is_shown_within_a_second(page: Page, printos: PrintOS) -> None:
    device = printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")

    def seconds_until_shown(state: str) -> float:
        begun = time.monotonic()
        printos.devices.update_status(str(device.id), state)
        page.until(tile_has(state), SOON)
        return time.monotonic() - begun

    states = ["DS_ON", "DS_OFF", "DS_STANDBY", "DS_PRINTING", "DS_ERROR"]
    assert min(map(seconds_until_shown, states)) < 1  # in the others somebody else may have used the machine


def test_device_that_is_replaced_has_one_tile(page: Page, printos: PrintOS) -> None:
    old = printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")
    printos.devices.provision(model="HP Indigo 7K", serial_number="41000043")
    page.until("document.querySelectorAll('.tile').length === 2", SOON)

    new = printos.devices.provision(model="HP Indigo 7K", serial_number="41000042", location="new")

    page.until("[...document.querySelectorAll('.tile')].some(tile => tile.textContent.includes('new'))", SOON)
    shown = page.evaluate("[...document.querySelectorAll('.tile')].map(tile => tile.dataset.device)")
    assert len(shown) == 2
    assert new.id in shown
    assert old.id not in shown


def test_what_a_device_says_stays_text(page: Page, printos: PrintOS) -> None:
    device = printos.devices.provision(model=HACK, serial_number=f"1{HACK}", location=f"2{HACK}")
    metrics: dict[str, Any] = {f"3{HACK}": f"4{HACK}", "__proto__": "5", "list": [HACK]}
    printos.devices.update_status(str(device.id), f"6{HACK}", ink_level=1, **metrics)

    page.until(tile_has("6<"), SOON)

    assert page.evaluate(all_of(".tile strong, .tile .state, .tile dt, .tile dd")) == [
        *(HACK, f"6{HACK}"),
        *("ink", "1 %, low"),
        *(f"3{HACK}", f"4{HACK}"),
        *("__proto__", "5"),
        *("list", json.dumps([HACK])),
    ]
    assert page.evaluate(tile_has(f"1{HACK} · 2{HACK}"))
    assert page.evaluate(all_of(":is(main, header) :is(img, script)")) == []
    assert page.evaluate("typeof window.hacked") == "undefined"


def test_what_a_call_says_stays_text(page: Page, sandbox: Sandbox) -> None:
    page.evaluate(f"fetch('/devices?'+{json.dumps(HACK)})")
    sandbox.fault("status", device=HACK)

    page.until("document.querySelectorAll('#faults li').length === 1 && document.getElementById('journal').rows.length")

    assert HACK in page.evaluate(all_of("#faults span"))[0]
    assert page.evaluate(all_of(":is(main, header) :is(img, script)")) == []
    assert page.evaluate("typeof window.hacked") == "undefined"
    page.errors.clear()  # the call has no credentials, and the browser says so


def test_markup_would_do_nothing_if_it_were_there(page: Page) -> None:
    page.evaluate(f"document.body.insertAdjacentHTML('beforeend', {json.dumps(HACK)})")

    page.until("document.querySelector('img').complete")

    assert page.evaluate("typeof window.hacked") == "undefined"
    assert [error for error in page.errors if "inline event handler violates" in error]
    page.errors.clear()  # which is how a test would notice


@pytest.mark.parametrize("level", ["1" + "0" * 400, "1e6", "-7"])
@pytest.mark.parametrize("sandbox", [{"auth": None, "seed": [{"id": "IL42"}]}], ids=["no auth"], indirect=True)
def test_level_of_ink_that_none_can_be_does_not_stop_the_page(level: str, page: Page) -> None:
    body = json.dumps(f'{{"status": "DS_ODD", "metrics": {{"inkLevel": {level}, "pagesTotal": 1}}}}')
    options = f"{{method: 'PUT', body: {body}, headers: {{'content-type': 'application/json'}}}}"

    page.evaluate(f"fetch('/devices/IL42/status', {options}).then(answer => answer.text())")

    page.until(tile_has("DS_ODD"), SOON)


def test_journal_shows_the_calls(page: Page, printos: PrintOS) -> None:
    device = printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")
    printos.devices.update_status(str(device.id), "DS_ON")

    page.until("document.getElementById('journal').rows.length === 2", SOON)

    assert page.evaluate(all_of("#journal td:nth-child(2)")) == [f"PUT /devices/{device.id}/status", "POST /devices"]
    assert page.evaluate(all_of("#journal td:nth-child(3)")) == ["200", "201"]


def test_fault_is_switched_on_and_happens(page: Page, printos: PrintOS) -> None:
    page.evaluate("fault.elements.status.value = 507, fault.elements.operation.value = 'listDevices'")
    page.evaluate("document.querySelector('#fault button').click()")
    page.until("document.querySelectorAll('#faults li').length === 1")
    assert page.evaluate(all_of("#faults span")) == ["status 507 in calls of listDevices, 1 to come"]

    with pytest.raises(InternalServerError) as raised:
        printos.devices.list()

    assert raised.value.status_code == 507
    page.until("document.querySelectorAll('#faults li').length === 0", SOON)
    page.until("document.querySelector('#journal .refused')?.textContent.includes('fault: status')", SOON)
    assert printos.devices.list() == []


def test_fault_is_switched_off(page: Page, sandbox: Sandbox, printos: PrintOS) -> None:
    sandbox.fault("status", status=503)
    page.until("document.querySelectorAll('#faults li').length === 1", SOON)

    page.evaluate("document.querySelector('#faults button').click()")

    page.until("document.querySelectorAll('#faults li').length === 0", SOON)
    assert asked(sandbox, "faults") == []
    assert printos.devices.list() == []


def test_form_asks_only_for_what_a_fault_needs(page: Page, sandbox: Sandbox) -> None:
    page.evaluate("fault.elements.kind.value = 'latency'")
    page.evaluate("fault.elements.kind.dispatchEvent(new Event('change', {bubbles: true}))")
    assert not page.evaluate("fault.elements.status.checkVisibility()")

    page.evaluate("fault.elements.delay.value = 0.25, fault.elements.count.value = ''")
    page.evaluate("document.querySelector('#fault button').click()")

    page.until("document.querySelectorAll('#faults li').length === 1")
    (fault,) = asked(sandbox, "faults")
    assert (fault["kind"], fault["delay"], fault["count"], fault["operation"]) == ("latency", 0.25, None, None)


def test_behaviour_is_switched(page: Page, sandbox: Sandbox) -> None:
    assert is_on(sandbox, "replacement")

    page.evaluate("document.querySelector('[name=replacement]').focus()")
    page.evaluate("document.activeElement.click()")

    page.until("!document.querySelector('[name=replacement]').checked")
    page.until(f"fetch('{CONTROL}behaviours').then(answer => answer.text()).then(text => text.includes('false'))", SOON)
    assert not is_on(sandbox, "replacement")
    sandbox.switch("replacement", on=True)
    page.until("document.querySelector('[name=replacement]').checked", SOON)
    assert page.evaluate("document.activeElement.name") == "replacement"


def test_refusal_is_said(page: Page, sandbox: Sandbox) -> None:
    sandbox.fault("status")
    page.until("document.querySelectorAll('#faults li').length === 1", SOON)
    page.evaluate("document.querySelector('#faults button').onclick = () => control('DELETE', 'faults/77')")

    page.evaluate("document.querySelector('#faults button').click()")

    assert "no such fault" in page.until("message.checkVisibility() && message.textContent")
    page.errors.clear()  # the browser says that it was refused, too


@pytest.mark.parametrize("model", ["W" * 180, "W" * 5000, "a model of many words " * 9])
def test_page_is_as_wide_as_a_phone(model: str, page: Page, printos: PrintOS, sandbox: Sandbox) -> None:
    device = printos.devices.provision(model=model, serial_number=model, location=model)
    metrics: dict[str, Any] = {model: model}
    printos.devices.update_status(str(device.id), model, ink_level=40, **metrics)
    sandbox.fault("status", device=model)
    page.until("document.querySelectorAll('.tile meter, #faults li').length === 2")

    page.resize(375, 800)

    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    wider = "[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > 375)"
    assert page.evaluate(f"{wider}.map(one => one.outerHTML.slice(0, 99))") == []


def test_state_is_told_by_its_word(page: Page, printos: PrintOS) -> None:
    provision_fleet(printos)

    page.until(f"document.querySelectorAll('.tile').length === {len(FLEET)}")

    assert page.evaluate(all_of(".tile .state")) == [state or "DS_OFF" for _, _, state, _ in FLEET]
    signs = "[...document.querySelectorAll('.tile .state')].map(one => getComputedStyle(one, '::before').content)"
    assert len(set(page.evaluate(signs))) == 7  # two are off


def test_nothing_is_asked_of_another_host(page: Page, sandbox: Sandbox, printos: PrintOS) -> None:
    provision_fleet(printos)
    page.evaluate(f"fetch('{CONTROL}devices').then(answer => answer.text())")  # so that there is something to see

    loaded = page.until("performance.getEntriesByType('resource').map(one => one.name)")

    assert [url for url in loaded if not url.startswith(f"{sandbox.url}/")] == []
    assert [entry["path"] for entry in sandbox.journal if not entry["path"].startswith("/devices")] == []


@pytest.mark.parametrize("sandbox", [{}, {"control": False}], ids=["control", "no control"], indirect=True)
def test_switches_are_there_only_with_control(page: Page, printos: PrintOS, request: pytest.FixtureRequest) -> None:
    has_control = "no control" not in request.node.name
    printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")

    page.until(tile_has("HP Indigo 7K"), SOON)

    assert page.evaluate("document.getElementById('fault').checkVisibility()") is has_control
    assert page.evaluate("document.getElementById('fixed').checkVisibility()") is not has_control
    boxes = page.evaluate("[...document.querySelectorAll('#behaviours input')].map(box => box.disabled)")
    assert boxes == [not has_control] * 7


@pytest.mark.parametrize("sandbox", [{"seed": [{"model": f"M{number}"} for number in range(1000)]}], indirect=True)
def test_many_devices_are_counted_and_some_are_shown(page: Page, printos: PrintOS) -> None:
    assert page.evaluate(all_of("#count")) == ["1,000 devices, the 300 that changed last are shown"]
    assert page.evaluate("document.querySelectorAll('.tile').length") == 300

    first = printos.devices.list()[0]
    printos.devices.update_status(str(first.id), "DS_PRINTING")

    page.until("document.querySelectorAll('.tile[data-state=DS_PRINTING]').length === 1", SOON)
    assert page.evaluate("document.querySelectorAll('.tile').length") == 300


def test_page_says_that_the_sandbox_is_gone_and_finds_it_again(page: Page, sandbox: Sandbox, printos: PrintOS) -> None:
    provision_fleet(printos)
    page.until(f"document.querySelectorAll('.tile').length === {len(FLEET)}", SOON)
    sandbox.stop()
    page.until("document.getElementById('connection').textContent.includes('gone')")

    with Sandbox(port=int(sandbox.url.rpartition(":")[2]), seed=[{"model": "HP Indigo 7K"}]):
        page.until("document.getElementById('connection').textContent === 'live'")
        page.until("document.querySelectorAll('.tile').length === 1", SOON)
        assert page.evaluate("document.getElementById('journal').rows.length") == 0

    page.until("document.getElementById('connection').textContent.includes('gone')")
    assert [error for error in page.errors if not error.startswith("network: Failed to load resource: net::ERR_")] == []
    page.errors.clear()


def test_page_is_seen_as_it_is_kept(page: Page, sandbox: Sandbox, printos: PrintOS, root: Path) -> None:
    provision_fleet(printos)
    sandbox.fault("status", status=429, operation="listDevices", count=1)
    sandbox.fault("latency", delay=1.5, operation="provisionDevice")
    with pytest.raises(RateLimitError):
        printos.devices.list()
    page.until("document.querySelectorAll('#journal .refused').length === 1")
    page.until("document.getAnimations().length === 0")

    for name, width, height in (("sandbox-page.png", 1280, 1100), ("sandbox-page-phone.png", 375, 2400)):
        page.screenshot(kept(root, name), width, height)
        assert kept(root, name).read_bytes().startswith(b"\x89PNG")
