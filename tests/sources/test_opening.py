"""From addresses to a device: built in or from another package, several at once, merged field by field."""

import asyncio
import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from server import free_port

from printos_ext.sources.opening import open_source, read_device, schemes, shown
from printos_ext.sources.reading import FIELDS, Ignored, Origin, Reading, SourceError, merged

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def reading(source: str, later: int = 0, **fields: Any) -> Reading:
    origins = {name: Origin(source, name) for name in fields if name in FIELDS}
    return Reading(NOW + dt.timedelta(seconds=later), origins=origins, **fields)


ALL: dict[str, Any] = {
    "model": "M",
    "serial_number": "S",
    "location": "L",
    "status": "DS_ON",
    "pages_total": 1,
    "ink_level": 2.0,
}


@pytest.mark.parametrize("order", [1, -1])
def test_each_field_is_from_the_source_that_knows_it_best(order: int) -> None:
    both = [reading("ipp://x", **ALL), reading("snmp://x", **ALL)][::order]

    origins = {name: origin.source for name, origin in merged(both).origins.items()}

    assert origins == {
        "model": "ipp://x",
        "serial_number": "snmp://x",
        "location": "ipp://x",
        "status": "ipp://x",
        "pages_total": "snmp://x",
        "ink_level": "ipp://x",
    }


def test_field_that_one_source_does_not_know_is_from_another() -> None:
    result = merged([reading("ipps://x", model="M"), reading("snmp://x", later=1, ink_level=0.0, pages_total=0)])

    assert (result.model, result.ink_level, result.pages_total, result.status) == ("M", 0.0, 0, None)
    assert result.observed_at == NOW + dt.timedelta(seconds=1)


def test_source_of_ones_own_comes_before_ipp_and_snmp() -> None:
    result = merged([reading("ipp://x", **ALL), reading("jsonl:x", model="Mine"), reading("snmp://x", **ALL)])

    assert (result.model, result.origins["model"].source, result.status) == ("Mine", "jsonl:x", "DS_ON")


def test_what_another_source_tells_differently_is_told_as_ignored() -> None:
    one, two = reading("snmp://x", serial_number="A1", model="M"), reading("ipp://x", serial_number="B2", model="M")

    result = merged([one, two])

    assert (result.serial_number, result.is_disputed) == ("A1", True)
    assert result.ignored == (Ignored("ipp://x", "serial_number", "'B2': snmp://x comes first"),)
    assert not merged([one, reading("ipp://x", serial_number="A1")]).is_disputed


def test_reading_of_somebody_else_may_lack_origins_and_a_time_zone() -> None:
    result = merged([Reading(NOW.replace(tzinfo=None), model="M"), reading("ipp://x", later=-1, status="DS_ON")])

    assert (result.model, result.status, result.observed_at) == ("M", "DS_ON", NOW)


def test_details_and_what_was_ignored_are_kept_of_all() -> None:
    ignored = (Ignored("snmp://x", "1.3", "why"),)
    one = reading("snmp://x", model="M", details={"firmware": "old", "alerts": ["jam"]}, ignored=ignored)
    two = reading("ipp://x", model="M", ink_level=3.0, details={"firmware": "new"})

    result = merged([one, two])

    assert result.details == {"firmware": "new", "alerts": ["jam"]}
    assert result.ignored == ignored


@define
class Fake:
    address: str
    result: Any

    async def read(self) -> Reading:
        if isinstance(self.result, Exception):
            raise self.result
        assert isinstance(self.result, Reading)
        return self.result

    async def aclose(self) -> None:
        pass


@define
class Nothing(Fake):
    async def read(self) -> Any:
        return None


def test_source_that_fails_does_not_lose_the_others() -> None:
    good, bad = Fake("ipp://x", reading("ipp://x", model="M")), Fake("snmp://x", SourceError("snmp://x: off"))
    worse = Fake("odd://x", RuntimeError("somebody else's bug"))

    result, errors = asyncio.run(read_device([bad, good, worse]))

    assert result.model == "M"
    assert list(map(str, errors)) == ["snmp://x: off", "odd://x: its source failed: RuntimeError: somebody else's bug"]
    assert "gives no Reading" in str(asyncio.run(read_device([good, Nothing("none://x", None)]))[1][0])


def test_device_of_which_no_source_answers_is_an_error_that_names_all() -> None:
    bad, off = Fake("snmp://x", SourceError("snmp://x: off")), Fake("ipp://x", SourceError("ipp://x: off"))

    with pytest.raises(SourceError, match=r"snmp://x: off; ipp://x: off"):
        asyncio.run(read_device([bad, off]))


def test_sources_are_read_at_the_same_time() -> None:
    met = asyncio.Barrier(2)

    @define
    class Meeting(Fake):
        async def read(self) -> Reading:
            await asyncio.wait_for(met.wait(), 5)
            return reading(self.address, model="M")

    assert asyncio.run(read_device([Meeting("a:", None), Meeting("b:", None)]))[1] == []


@pytest.mark.parametrize(
    "address",
    ["printer", "", "smb://x", "ipp://", "snmp://", "ipp:", "://x", "jsonl:", "\x00://", "http://[::1", "sim://[x"],
)
def test_address_of_nothing_is_refused_with_what_there_is(address: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(address)

    assert str(caught.value)


def test_every_scheme_is_told() -> None:
    assert set(schemes()) >= {"http", "https", "ipp", "ipps", "jsonl", "replay", "sim", "snmp"}


def test_address_is_shown_without_what_opens_the_device() -> None:
    assert shown("snmp://private@10.0.0.7:161?version=1") == "snmp://10.0.0.7:161?version=1"
    assert shown("http://user:pw@x/y?token=z") == "http://x/y"
    assert shown("other://x?token=z") == "other://x"


def test_keys_of_an_snmp_user_are_from_the_private_file(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    file = tmp_path / "printos" / "config.toml"
    file.parent.mkdir()
    address = f"snmp://127.0.0.1:{free_port()}?user=office"

    def open_with(text: str, mode: int = 0o600) -> Any:
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        return open_source(address, environment=environment)

    keys = '[snmp.office]\nauth_protocol = "SHA"\nauth_key = "hunter2hunter2"\n'
    assert "hunter2" not in repr(open_with(keys))
    for text, mode, why in (
        (keys, 0o644, "chmod 600"),
        ("[snmp]\noffice = 7", 0o600, "no table"),
        ('[snmp.office]\ncolour = "red"', 0o600, "colour"),
        ('[snmp.office]\nauth_key = "hunter2hunter2"', 0o600, "together"),
    ):
        with pytest.raises(SourceError, match=why) as caught:
            open_with(text, mode)
        assert "hunter2" not in str(caught.value)


PACKAGE = """
import datetime as dt

from printos_ext.sources.reading import Origin, Reading


class ShopSource:
    def __init__(self, address):
        self.address = address

    async def read(self):
        now = dt.datetime.now(dt.UTC)
        return Reading(now, model="Cutter 5", origins={"model": Origin(self.address, "name")})

    async def aclose(self):
        pass
"""


def test_package_of_somebody_else_adds_a_source(tmp_path: Path) -> None:
    (tmp_path / "shop_source.py").write_text(PACKAGE, encoding="utf-8")
    facts = tmp_path / "shop_source-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-source\nVersion: 1\n", encoding="utf-8")
    names = "[printos_ext.sources]\nshop = shop_source:ShopSource\nbroken = shop_source:Nothing\n"
    (facts / "entry_points.txt").write_text(names, encoding="utf-8")

    def read(address: str) -> subprocess.CompletedProcess[str]:
        words = ["read", address, "--json"]
        return subprocess.run(
            [sys.executable, "-m", "printos_ext.cli", *words],
            env={"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    assert '"model": "Cutter 5"' in read("shop://5").stdout
    assert (read("broken://5").returncode, "cannot be loaded" in read("broken://5").stderr) == (2, True)
