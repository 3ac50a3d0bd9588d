"""The page about fleets: its sizes are computed from the figures that were measured, its configuration is one."""

import math
import re
from pathlib import Path

from printos_ext import fleet
from printos_ext.agent.configuration import parsed
from printos_ext.fleet.sharing import GONE_AFTER, SETTLED_AFTER

PAGE = (Path(fleet.__file__).parent / "README.md").read_text("utf-8")


def rows(head: str) -> list[list[str]]:
    table = PAGE.partition(head)[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def number(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text))


def test_sizes_are_computed_from_what_was_measured() -> None:
    measured = {name: number(value) for name, value in rows("\n| measured")}
    sent, core, _, nats_core, nats_memory, disk, _ = measured.values()
    for devices, rate, forwarders, cores, memory, on_disk in rows("\n| devices |"):
        a_second = number(devices) / 60
        assert number(rate) == round(a_second)
        assert number(forwarders) == 1 + math.ceil(a_second * core / (sent / 2) / 0.5)
        assert number(cores) == max(0.01, round(a_second * nats_core / sent, 2))
        assert number(memory) == max(64, round(number(devices) * nats_memory / 100_000))
        assert number(on_disk) == max(1, round(number(devices) * disk / 1e6))


def test_times_of_the_page_are_those_of_the_code() -> None:
    assert f"after {SETTLED_AFTER} seconds, or {GONE_AFTER:g} more" in PAGE.replace("\n", " ")


def test_configuration_of_the_page_is_one() -> None:
    (text,) = re.findall(r"^    (outbox = .*\n(?:    .*\n|\n)+)", PAGE, re.MULTILINE)

    said = parsed(re.sub("^    ", "", text, flags=re.MULTILINE), [], name="agent.toml")

    assert said.on_nats == "nats://nats1:4222,nats2:4222,nats3:4222"
    assert (said.nats.replicas, said.nats.user, said.delivery.min_interval) == (3, "site", 60)
