"""Which supplies count for the ink level, and how full they are. The rows are written after RFC 3805, section 6."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printos_ext.sources.supplies import Supply, is_marking, kind_of, listed, lowest, percent, percents, uncounted

anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


def ink_level(rows: list[Supply]) -> float | None:
    least = lowest(rows)
    return least and least[0]


@pytest.mark.parametrize(
    ("level", "maximum", "expected"),
    [
        (42, 100, 42.0),
        (1060, 5300, 20.0),
        (0, 3000, 0.0),
        (0, -2, 0.0),
        (150, 100, 100.0),
        (75, -1, 75.0),
        (9, -2, 9.0),
        (0, 0, 0.0),
        (0, None, 0.0),
        (1, 3, 33.33),
    ],
)
def test_percent_is_level_of_what_fits(level: int, maximum: int | None, expected: float) -> None:
    assert percent(level, maximum) == expected


@pytest.mark.parametrize(
    ("level", "maximum"),
    [
        (-1, 100),
        (-2, 100),
        (-3, 100),
        (-17, 100),
        (101, -2),
        (5, 0),
        (5, -3),
        (None, 100),
        (9, None),
        (True, 100),
        (5, "x"),
    ],
)
def test_no_number_is_neither_empty_nor_full(level: Any, maximum: Any) -> None:
    assert percent(level, maximum) is None


@pytest.mark.parametrize("maximum", [None, 0, -3, "x"])
def test_level_that_is_said_to_be_a_percent_needs_no_maximum(maximum: Any) -> None:
    assert percent(9, maximum, is_percent=True) == 9.0
    assert percent(101, maximum, is_percent=True) is None
    assert percent(-3, maximum, is_percent=True) is None


@pytest.mark.parametrize("number", [3, 5, 6, 7, 12, 13, 21])
def test_types_that_mark_count(number: int) -> None:
    assert is_marking(Supply(kind=kind_of(number)))


@pytest.mark.parametrize("number", [4, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 22, 32])
def test_other_types_do_not_count_whatever_they_are_called(number: int) -> None:
    assert not is_marking(Supply("Black Toner Cartridge", kind=kind_of(number), colorant=1))


@pytest.mark.parametrize("word", ["toner-cartridge", "tonerCartridge", "TONER_CARTRIDGE", 21])
def test_type_is_a_number_or_a_word_in_any_case(word: Any) -> None:
    assert kind_of(word) == "tonerCartridge"


@pytest.mark.parametrize("word", ["", "chocolate", 0, -5, 999, 10**40, None, [3], 3.0])
def test_type_that_is_none_is_unknown(word: Any) -> None:
    assert kind_of(word) == "unknown"


@pytest.mark.parametrize(
    "name",
    [
        "Toner (Cyan)",
        "BlackCartridge HP",
        "ribbon",
        "Wax",
        "Yellow",
        "Ink Tank",
        "Toner_K",
        "Farbtoner",
        "Solid Ink",
        "CYANTONER",
        "Kitty Gray",
    ],
)
@pytest.mark.parametrize("kind", ["other", "unknown"])
def test_without_a_type_the_words_decide(name: str, kind: str) -> None:
    assert is_marking(Supply(name, kind=kind))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Waste Toner Box",
            "Drum Cartridge (Cyan)",
            "Developer (Black)",
            "Fuser",
            "Transfer Belt Cleaner",
            "Ozone Filter",
        ),
        *(
            "Transfer Roller",
            "Toner Collection Unit",
            "Used Toner Bottle",
            "Resttoner",
            "Photo Drum:Cyan",
            "Black Image Unit",
            "Color Imaging Kit",
            "Photo Conductor Black",
            "Photoconductive Unit Black",
            "Black PCU",
            "OPC Black",
            "Fixing Unit Black",
            "Black Developing Unit",
            "Charge Corona Cyan",
            "Ink Absorber",
            "Maintenance Kit",
            "Staple Cartridge",
            "Black Imaging Unit",
            "Printhead Black",
            "Thinker",
            "",
        ),
    ],
)
def test_without_a_type_words_for_other_parts_do_not_count(name: str) -> None:
    assert not is_marking(Supply(name, kind="unknown"))


@pytest.mark.parametrize(
    "name",
    [
        *("Tinte schwarz", "Gelbe Tonerkartusche", "Tintenpatrone Zyan", "Farbband", "Grün", "Weiß"),
        *("Noir", "Jaune", "Encre cyan", "Cartouche d'encre", "Ruban", "Gris"),
        *("Nero", "Giallo", "Inchiostro ciano", "Cartuccia magenta", "Grigio chiaro"),
        *("Negro", "Amarillo", "Tinta cian", "Cartucho de tóner", "Gris claro"),
        *("Preto", "Amarelo", "Tinteiro ciano", "Cinza"),
        *("Zwart", "Geel", "Inktpatroon cyaan", "Grijs"),
        *("TK-3160", "TK-8345K", "Kyocera TK-3160"),
    ],
)
@pytest.mark.parametrize("kind", ["other", "unknown"])
def test_words_of_other_languages_tell_what_marks(name: str, kind: str) -> None:
    assert is_marking(Supply(name, kind=kind))


@pytest.mark.parametrize(
    "name",
    [
        *("Toner Bag", "Toner Receptacle", "Waste Ink Absorber", "Spent Toner", "Ink Absorber Pad"),
        *("Resttonerbehälter", "Resttintenbehälter", "Tonerauffangbehälter", "Alttoner", "Tonerabfallbehälter"),
        *("Bac de récupération de toner usagé", "BAC DE RÉCUPÉRATION DE TONER", "Encre usagée", "Toner usé"),
        *("Collecteur d'encre", "Vaschetta di recupero toner", "Raccoglitore toner di scarto", "Toner esausto"),
        *("Contenedor de tóner residual", "Depósito de tóner usado", "Recogida de tóner", "Tinta de desecho"),
        *("Recipiente de resíduos de toner", "Coletor de toner", "Tinta descartada"),
        *("Afvaltoner", "Toneropvangbak", "Gebruikte toner", "Resttoner fles", "Restinkt"),
    ],
)
@pytest.mark.parametrize("kind", ["toner", "ink", "unknown"])
def test_waste_of_any_language_does_not_count(name: str, kind: str) -> None:
    assert not is_marking(Supply(name, kind=kind, colorant=1))


@pytest.mark.parametrize(
    "name",
    [
        *("Trommel Schwarz", "Entwickler Gelb", "Fixiereinheit", "Übertragungsband Schwarz", "Wartungskit Toner"),
        *("Bildeinheit Schwarz", "Druckkopf Schwarz", "Tonerfilter", "Heftklammerpatrone", "Reinigungspatrone"),
        *("Tambour noir", "Développeur noir", "Unité de fusion noir", "Courroie de transfert", "Tête noire"),
        *("Unité d'imagerie noir", "Cartouche d'agrafes", "Cartouche de nettoyage", "Kit d'entretien encre"),
        *("Tamburo nero", "Sviluppatore nero", "Fusore nero", "Testina nero", "Unità immagine nero"),
        *("Cartuccia punti metallici", "Cartuccia di pulizia", "Manutenzione inchiostro"),
        *("Tambor negro", "Revelador negro", "Fusor negro", "Cabezal negro", "Unidad de imagen negro"),
        *("Cartucho de grapas", "Cartucho de limpieza", "Mantenimiento tinta", "Cilindro preto"),
        *("Cabeça de impressão preto", "Unidade de imagem preto", "Cartucho de grampos", "Cartucho de limpeza"),
        *("Ontwikkelaar zwart", "Beeldeenheid zwart", "Printkop zwart", "Reinigingspatroon", "Nietjespatroon"),
    ],
)
def test_parts_of_any_language_do_not_count(name: str) -> None:
    assert not is_marking(Supply(name, kind="unknown", colorant=1))


def test_accents_may_be_written_in_two_ways() -> None:
    assert not is_marking(Supply("Re\u0301cupe\u0301ration de toner", kind="toner"))
    assert is_marking(Supply("Gru\u0308n", kind="unknown"))


def test_without_a_type_a_colorant_counts() -> None:
    assert is_marking(Supply("Schwarz", kind="other", colorant=1))
    assert not is_marking(Supply("Drum Unit", kind="other", colorant=1))


def test_what_fills_up_does_not_count() -> None:
    assert not is_marking(Supply("Toner", kind="toner", fills_up=True))
    assert not is_marking(Supply("WasteToner Bottle", kind="toner"))
    assert not is_marking(Supply("Toner Collection Unit", kind="toner"))


def test_ink_level_is_that_of_the_marking_supply_with_the_least() -> None:
    rows = [Supply("Black Toner", "toner", 40, 100), Supply("Waste Toner", "wasteToner", 1, 100)]

    assert ink_level([*rows, Supply("Cyan Toner", "toner", 20, 100), Supply("Drum", "opc", 3, 100)]) == 20.0


def test_row_at_zero_beside_one_where_some_is_left_is_not_empty() -> None:
    zero, some = Supply("Black Toner Cartridge", "toner", 0, -2), Supply("Black Toner Cartridge", "toner", -3, -2)

    assert percents([zero, some]) == [None, None]
    assert percents([zero, Supply("BLACK TONER CARTRIDGE", "toner", -3, -2)]) == [None, None]
    assert ink_level([zero, some]) is None
    assert ink_level([zero, Supply("Cyan Toner Cartridge", "toner", -3, -2)]) == 0.0


def test_supply_with_the_least_says_where_it_is_from() -> None:
    rows = [Supply("Black", "toner", 40, 100, key="1.9.1"), Supply("Cyan", "toner", 20, 100, key="1.9.2")]

    assert lowest(rows) == (20.0, rows[1])


def test_nothing_known_is_no_level() -> None:
    assert ink_level([]) is None
    assert ink_level([Supply("Toner", "toner", -3, 100), Supply("Waste", "wasteToner", 50, 100)]) is None


def test_what_does_not_count_says_why() -> None:
    rows = [
        Supply("Toner", "toner", -3, 100),
        Supply("Drum", "opc", 50, 100),
        Supply("Ink", "ink", 5, 100),
        Supply("Cyan", "toner", 0, 100),
        Supply("CYAN", "toner", -3, 100),
        Supply("Box", "other", 9, 100),
        Supply("Gray", "toner"),
        Supply("Blue", "toner", 5, 0),
    ]

    said = [why for _, why in uncounted(rows)]

    assert said == [
        "Toner has no known level: level -3, some is left, nobody knows how much",
        "Drum (opc) does not end up on the paper",
        "Cyan has no known level: level 0 beside one of the same name of which some is left",
        "CYAN has no known level: level -3, some is left, nobody knows how much",
        "Box does not end up on the paper",
        "Gray has no known level: nothing is said",
        "Blue has no known level: what is said of it is no share of what fits",
    ]
    assert [row["percent"] for row in listed(rows)] == [None, 50.0, 5.0, None, None, 9.0, None, None]


@given(st.lists(st.builds(Supply, st.none() | st.text(), st.sampled_from(["toner", "unknown"]), anything, anything)))
def test_any_rows_give_a_percent_or_nothing(rows: list[Supply]) -> None:
    level = ink_level(rows)
    list(uncounted(rows))

    assert level is None or 0 <= level <= 100
