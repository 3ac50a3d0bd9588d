"""Supplies of a device, as the Printer MIB (RFC 3805) and IPP tell them, and the one ink level made of them. No I/O."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

from attrs import frozen

# Types of supplies by their number in RFC 3805; IPP has the same as words.
KINDS = (
    *("", "other", "unknown", "toner", "wasteToner", "ink", "inkCartridge", "inkRibbon", "wasteInk", "opc"),
    *("developer", "fuserOil", "solidWax", "ribbonWax", "wasteWax", "fuser", "coronaWire", "fuserOilWick"),
    *("cleanerUnit", "fuserCleaningPad", "transferUnit", "tonerCartridge", "fuserOiler", "water", "wasteWater"),
    *("glueWaterAdditive", "wastePaper", "bindingSupply", "bandingSupply", "stitchingWire", "shrinkWrap", "paperWrap"),
    *("staples", "inserts", "covers"),
)
MARKING = {"toner", "ink", "inkCartridge", "inkRibbon", "solidWax", "ribbonWax", "tonerCartridge"}
OPEN_KINDS = {"other", "unknown"}  # the words decide
BY_WORD = {kind.casefold(): kind for kind in KINDS[1:]}


def _any_of(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


# What a name says about a supply, in the languages that printers speak, without accents. English is first in each, then
# come German, French, Italian, Spanish, Portuguese and Dutch where they have words of their own.
# Waste is no supply, whatever else is said of it: people set the type of its box to that of the toner in it.
WASTE = _any_of(
    r"waste|used (?:toner|ink)|spent|collect|receptac|absorb|\btoner ?bag",
    r"abfall|auffang|gebraucht|\balt(?:toner|tint)|rest ?(?:toner|tint)",
    r"recuper|dechet|(?:toner|encre)s? us(?:ag)?e",
    r"scart|esaust|esaurit|raccogli|raccolt|\busat[oa]",
    r"residu|desech|recogid|recolec|colector|\busad[oa]",
    r"coletor|descart",
    r"afval|opvang|gebruikt|rest ?inkt",
)
# Of these some have a colour and even a colorant, that of the toner which passes through them.
NOT_MARKING = _any_of(
    r"drum|develop|fuser|fusing|fixing|belt|transfer|roller|\bkits?\b|filt(?:er|r[eo])|staple|clean|maintenance",
    r"imag(?:ing|e) unit|photo ?conduct|\bopc\b|\bpcu\b|corona|head",
    r"trommel|entwickl|fixier|ubertrag|walze|wartung|bildeinheit|fotoleiter|kopf|heft|klammer|reinig",
    r"tambour|revelateur|fusion|courroie|rouleau|\btete\b|\bd.imag|agraf|nettoy|entretien",
    r"tambur|svilupp|fusore|fusione|cinghia|trasfer|rullo|testin[ae]|foto ?condu|immagin|\bpunti\b|graffett|puliz",
    r"tambor|revelad|fusor|correa|rodillo|cabez|de imag|grapa|limpie|manten",
    r"cilindro|correia|manuten|\brolo\b|cabeca|grampo|limpez",
    r"ontwikkel|fixeer|riem\b|overdracht|\brol\b|kop\b|beeld|\bniet|onderhoud",
)
MARKS = _any_of(
    r"toner|\bink|cartridge|ribbon|\bwax|black|cyan|magenta|yellow|\b(?:gr[ae]y|red|green|blue|orange|violet|white)\b",
    r"tinte|kartusche|patrone|farbband|wachs|schwarz|zyan|gelb|\b(?:grau|rot|grun|blau|violett|weiss)\b",
    r"encre|cartouche|ruban|\bcire\b|jaune|\b(?:noire?|gris|rouge|vert|bleu|blanc)\b",
    r"inchiostro|cartuccia|nastro|\bcera\b|\bciano?\b|giall[oa]|\b(?:ner[oa]|grigio|rosso|verde|blu|bianco|viola)\b",
    r"\btinta|cartucho|\bcinta|amarill[oa]|\b(?:negr[oa]|rojo|azul|naranja|blanco|violeta)\b",
    r"\bfita\b|amarelo|\b(?:pret[oa]|cinza|vermelho|laranja|branco)\b",
    r"patroon|\blint\b|cyaan|\b(?:zwart|geel|grijs|rood|groen|blauw|oranje|paars|wit)\b",
    r"\bTK-\d",  # the order number of a toner of Kyocera
)

# Levels and capacities below zero stand for something else; what is below these as well, for nothing.
UNLIMITED, UNKNOWN, SOME_LEFT = -1, -2, -3
MEANINGS = {UNLIMITED: "no limit", UNKNOWN: "unknown", SOME_LEFT: "some is left, nobody knows how much"}
FULL = 100


@frozen
class Supply:
    """One supply as a device tells it.

    Attributes:
        name: Its description, cleaned.
        kind: Its type, a word of `KINDS`; "unknown" if the device does not say.
        level: What is left of it, in the unit of `maximum`; -1 other, -2 unknown, -3 some.
        maximum: What fits in it; -1 and -2 as above.
        is_percent: Whether the device says that the level is a percent.
        colorant: The colour it is for, by its place among the device's colorants: 0 none.
        fills_up: Whether it is a receptacle: its level is the room that is left in it.
        key: The attribute or OID of its level.
    """

    name: str | None = None
    kind: str = "unknown"
    level: Any = None
    maximum: Any = None
    is_percent: bool = False
    colorant: int = 0
    fills_up: bool = False
    key: str = ""


def kind_of(word: Any) -> str:
    """Return the type that a number of RFC 3805, or a word in kebab-case or camelCase, stands for."""
    if isinstance(word, int):
        return KINDS[word] if 0 < word < len(KINDS) else "unknown"
    return BY_WORD.get(re.sub(r"[-_\s]", "", str(word)).casefold(), "unknown") if isinstance(word, str) else "unknown"


def is_marking(supply: Supply) -> bool:
    """Tell whether a supply ends up on the paper: only those have a part in the ink level.

    Where no type tells, the name may veto a colorant, which drums and developers have as well; a colorant that is not
    vetoed needs no name.
    """
    name = _spelt_out(supply.name or "")
    if supply.fills_up or WASTE.search(name):
        return False
    if supply.kind not in OPEN_KINDS:
        return supply.kind in MARKING
    if NOT_MARKING.search(name):
        return False
    return supply.colorant > 0 or MARKS.search(name) is not None


def percent(level: Any, maximum: Any, *, is_percent: bool = False) -> float | None:
    """Return how full something is, or None where the device gives no number: never a zero for what is not known.

    Where no maximum can be known, a level up to 100 is the percent itself.
    """
    if not _is_number(level) or level < 0:
        return None
    if level == 0:
        return 0.0
    if _is_number(maximum) and maximum > 0:
        return 100.0 if level >= maximum else round(100.0 * (level / maximum), 2)
    is_all_that_is_known = is_percent or (_is_number(maximum) and maximum in {UNLIMITED, UNKNOWN})
    return float(level) if is_all_that_is_known and level <= FULL else None


def percents(supplies: Sequence[Supply]) -> list[float | None]:
    """Return the percent of each supply, as far as it is known.

    A row at 0 beside one of the same name at -3 is not empty: some devices have a row too many for a supply.
    """
    some_left = {_name(supply) for supply in supplies if _is_number(supply.level) and supply.level == SOME_LEFT}
    known = [percent(supply.level, supply.maximum, is_percent=supply.is_percent) for supply in supplies]
    return [
        None if value == 0 and supply.name is not None and _name(supply) in some_left else value
        for supply, value in zip(supplies, known, strict=True)
    ]


def lowest(supplies: Sequence[Supply]) -> tuple[float, Supply] | None:
    """Return the percent of the marking supply of which the least is left, and that supply; None if none is known."""
    marking = [
        (value, supply)
        for supply, value in zip(supplies, percents(supplies), strict=True)
        if value is not None and is_marking(supply)
    ]
    return min(marking, key=lambda each: each[0], default=None)


def uncounted(supplies: Sequence[Supply]) -> Iterator[tuple[Supply, str]]:
    """Say which supplies have no part in the ink level, and why."""
    for supply, value in zip(supplies, percents(supplies), strict=True):
        name = supply.name or "a supply without a name"
        if not is_marking(supply):
            kind = "" if supply.kind in OPEN_KINDS else f" ({supply.kind})"
            yield supply, f"{name}{kind} does not end up on the paper"
        elif value is None:
            yield supply, f"{name} has no known level: {_why_unknown(supply)}"


def listed(supplies: Sequence[Supply]) -> list[dict[str, Any]]:
    """Return the supplies as the details of a reading hold them."""
    return [
        {"name": supply.name, "percent": value, "kind": supply.kind}
        for supply, value in zip(supplies, percents(supplies), strict=True)
    ]


def _why_unknown(supply: Supply) -> str:
    if not _is_number(supply.level):
        return "nothing is said"
    if supply.level == 0:
        return "level 0 beside one of the same name of which some is left"
    if supply.level in MEANINGS:
        return f"level {supply.level}, {MEANINGS[supply.level]}"
    return "what is said of it is no share of what fits"


def _name(supply: Supply) -> str:
    return (supply.name or "").casefold()


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _spelt_out(name: str) -> str:
    """Return a name with a space between its words and without accents: "WasteToner_Box" has three."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", plain.replace("ß", "ss"))
