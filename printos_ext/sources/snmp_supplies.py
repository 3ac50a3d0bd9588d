"""What is left of a printer's supplies, and the one level that is made of them. No I/O."""

import re
from collections.abc import Iterable

from attrs import evolve, frozen

from . import snmp_rows as snmp
from .snmp_rows import Rows

COLORANT, CLASS, TYPE, DESCRIPTION, UNIT, MAX, LEVEL = 3, 4, 5, 6, 7, 8, 9
FILLS_UP = 4
PERCENT, WHOLE = 19, 100
UNKNOWN = 2
SOME_LEFT = -3

# prtMarkerSuppliesType, in the words of IPP's `marker-types`.
KINDS = {
    1: "other",
    2: "unknown",
    3: "toner",
    4: "waste-toner",
    5: "ink",
    6: "ink-cartridge",
    7: "ink-ribbon",
    8: "waste-ink",
    9: "opc",
    10: "developer",
    11: "fuser-oil",
    12: "solid-wax",
    13: "ribbon-wax",
    14: "waste-wax",
    15: "fuser",
    16: "corona-wire",
    17: "fuser-oil-wick",
    18: "cleaner-unit",
    19: "fuser-cleaning-pad",
    20: "transfer-unit",
    21: "toner-cartridge",
    22: "fuser-oiler",
    23: "water",
    24: "waste-water",
    25: "glue-water-additive",
    26: "waste-paper",
    27: "binding-supply",
    28: "banding-supply",
    29: "stitching-wire",
    30: "shrink-wrap",
    31: "paper-wrap",
    32: "staples",
    33: "inserts",
    34: "covers",
}
MARKING = {"toner", "ink", "ink-cartridge", "ink-ribbon", "solid-wax", "ribbon-wax", "toner-cartridge"}

# For supplies whose type says nothing. A container that fills up is known by its words, whatever its type.
WASTE = re.compile(r"waste|used toner|collect", re.IGNORECASE)
NO_INK = re.compile(
    r"waste|drum|developer|fus(?:er|ing)|belt|transfer|roller|\bkit\b|filter|staple|clean|maintenance|"
    r"imaging unit|image unit|photoconductor|head",
    re.IGNORECASE,
)
INK = re.compile(
    r"toner|\bink|cartridge|ribbon|\bwax|black|cyan|magenta|yellow|\bgr[ae]y|\bred\b|\bblue\b|\bgreen\b|\borange\b|"
    r"\bviolet\b|\bwhite\b",
    re.IGNORECASE,
)


@frozen
class Supply:
    """A supply of a printer.

    Attributes:
        name: As the printer describes it.
        kind: One of `KINDS`.
        percent: What is left, or None if the printer gives no number.
        key: The OID of its level.
        ignored: Why the ink level is not made of it; None if it is.
    """

    name: str
    kind: str
    percent: float | None
    key: str
    ignored: str | None


def supplies_in(rows: Rows) -> list[Supply]:
    """Return all supplies, also those that do not mark."""
    read = []
    for index, row in snmp.table(rows, snmp.SUPPLIES).items():
        name = snmp.text(row.get(DESCRIPTION))
        level = snmp.number(row.get(LEVEL))
        percent = percent_of(level, snmp.number(row.get(MAX)), snmp.number(row.get(UNIT)))
        kind = KINDS.get(snmp.number(row.get(TYPE)) or UNKNOWN, "unknown")
        is_receptacle = snmp.number(row.get(CLASS)) == FILLS_UP
        has_color = (snmp.number(row.get(COLORANT)) or 0) > 0
        ignored = _why_no_ink(name or "", kind, is_receptacle=is_receptacle, has_color=has_color)
        if percent is None and not ignored:
            said = f"level {level} of {snmp.number(row.get(MAX))}"
            ignored = f"{name or 'a supply'}: {said} is no number"
        key = snmp.oid_of(snmp.SUPPLIES, LEVEL, index)
        read.append(Supply(name or f"supply {index[-1]}", kind, percent, key, ignored))
    return _without_doubtful_zeros(read, rows)


def percent_of(level: int | None, most: int | None, unit: int | None = None) -> float | None:
    """Return the percent that is left; None for the negative levels, which say that the printer does not know."""
    if level is None or level < 0:
        return None
    if level == 0:
        return 0.0
    if most is not None and most > 0:
        return 100 * min(level, most) / most
    is_percent = most in {-1, -2} or unit == PERCENT
    return float(level) if is_percent and level <= WHOLE else None


def least(supplies: Iterable[Supply]) -> Supply | None:
    """Return the supply that marks and of which the least is left."""
    known = [supply for supply in supplies if supply.ignored is None and supply.percent is not None]
    return min(known, key=lambda supply: supply.percent or 0.0, default=None)


def _why_no_ink(name: str, kind: str, *, is_receptacle: bool, has_color: bool) -> str | None:
    """Return why a supply is not what marks, or None if it is."""
    if is_receptacle or kind.startswith("waste") or WASTE.search(name):
        return f"{name or kind}: a container that fills up"
    if kind not in {"other", "unknown"}:
        return None if kind in MARKING else f"{name or kind}: {kind} does not mark"
    if NO_INK.search(name) or not (has_color or INK.search(name)):
        return f"{name or 'a supply'}: does not mark, by its words"
    return None


def _without_doubtful_zeros(supplies: list[Supply], rows: Rows) -> list[Supply]:
    """Take back a zero beside a supply of the same name of which some is left: either may be the one in use."""
    remaining = {supply.name.casefold() for supply in supplies if rows.get(supply.key) == SOME_LEFT}
    why = "level 0 beside one of the same name of which some is left"
    return [
        evolve(supply, percent=None, ignored=f"{supply.name}: {why}")
        if supply.percent == 0 and not supply.ignored and supply.name.casefold() in remaining
        else supply
        for supply in supplies
    ]
