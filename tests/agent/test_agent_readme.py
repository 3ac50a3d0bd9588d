"""The page about the agent says what the code does: each setting, and what it is unless it is said."""

import asyncio
import re
from pathlib import Path
from typing import Any

from attrs import fields, has

from printos_ext import agent
from printos_ext.agent.configuration import Configuration, Device, parsed
from printos_ext.agent.facts import Metrics
from printos_ext.agent.running import Agent

PAGE = (Path(agent.__file__).parent / "README.md").read_text("utf-8")


def settings() -> dict[str, Any]:
    """Return the names of all settings, with what they are unless they are said."""
    tables: list[Any] = [one.type for one in fields(Configuration) if one.type is not None and has(one.type)]
    return {one.name: one.default for table in (*tables, Device) for one in fields(table)}


def test_every_setting_is_on_the_page_and_no_other() -> None:
    table = PAGE.partition("| table | key |")[2].partition("\n\n")[0]
    told = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", "|".join(row.split("|")[1:3]))}

    assert told - {"printos", "outbox", "delivery", "reading", "agent", "nats"} == set(settings())


def test_every_metric_is_on_the_page_and_no_other(tmp_path: Path) -> None:
    async def collected() -> set[str]:
        configuration = parsed(f'outbox = "{tmp_path}/outbox.db"\n[printos]\nkey = "k"\n', [], name="agent.toml")
        async with Agent(configuration) as agent:
            return {f"{one.name}_total" if one.type == "counter" else one.name for one in Metrics(agent).collect()}

    table = PAGE.partition("| of | metrics")[2].partition("\n\n")[0]
    told = {f"printos_{name}" for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row)}

    assert told == asyncio.run(collected())


def test_configuration_of_the_page_is_one() -> None:
    (text,) = re.findall(r"^    (\[printos\]\n(?:    .*\n|\n)+)", PAGE, re.MULTILINE)

    said = parsed(re.sub("^    ", "", text, flags=re.MULTILINE), [], name="agent.toml")

    assert said.devices["IL42"].sources == ("ipp://10.0.0.7", "snmp://10.0.0.7")
