"""What a change of a signature means, on small packages that have what HP's document lacks."""

from pathlib import Path

import pytest
from signatures import compare, read_signatures

FUNCTION = "def sync({}) -> Answer | None: ..."
ENUM = "class State(StrEnum):\n    ON = 'on'\n    {}"
READ = "def sync() -> Answer: ...", "class Answer:\n    a: {}"
WRITTEN = "def sync(*, body: Body) -> None: ...", "class Body:\n    a: {}"


def package(folder: Path, api: str, models: str = "class Answer: ...") -> Path:
    (folder / "api" / "devices").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "api" / "devices" / "call.py").write_text(api, encoding="utf-8")
    (folder / "models" / "all.py").write_text(models, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "impacts"),
    [
        # positional arguments, defaults
        ([FUNCTION.format("a: str, b: str")], [FUNCTION.format("b: str, a: str")], ["major", "major"]),
        ([FUNCTION.format("*, a: str, b: str")], [FUNCTION.format("*, b: str, a: str")], []),
        ([FUNCTION.format("*, n: int = 10")], [FUNCTION.format("*, n: int = 20")], ["major"]),
        ([FUNCTION.format("*, n: int")], [FUNCTION.format("*, n: int = 20")], ["patch"]),
        ([FUNCTION.format("*, n: int = 20")], [FUNCTION.format("*, n: int")], ["major"]),
        ([FUNCTION.format("a: str")], ["async " + FUNCTION.format("a: str")], []),
        ([FUNCTION.format("")], [FUNCTION.format("").replace("sync", "_sync")], ["major"]),
        # enums
        ([FUNCTION.format(""), ENUM.format("")], [FUNCTION.format(""), ENUM.format("OFF = 'off'")], ["minor"]),
        ([FUNCTION.format(""), ENUM.format("OFF = 'off'")], [FUNCTION.format(""), ENUM.format("")], ["major"]),
        ([FUNCTION.format(""), ENUM.format("A = 'a'")], [FUNCTION.format(""), ENUM.format("A = 'b'")], ["major"]),
        # fields of an answer may promise less, fields of a request may allow more
        ([READ[0], READ[1].format("str | int")], [READ[0], READ[1].format("str")], ["patch"]),
        ([READ[0], READ[1].format("str")], [READ[0], READ[1].format("str | int")], ["major"]),
        ([READ[0], READ[1].format("float")], [READ[0], READ[1].format("int")], ["patch"]),
        ([READ[0], READ[1].format("list[float]")], [READ[0], READ[1].format("list[int]")], ["patch"]),
        ([READ[0], READ[1].format("list[int]")], [READ[0], READ[1].format("set[int]")], ["major"]),
        ([READ[0], READ[1].format("str")], [READ[0], READ[1].format("str\n    b: str")], ["minor"]),
        ([WRITTEN[0], WRITTEN[1].format("str")], [WRITTEN[0], WRITTEN[1].format("str | int")], ["patch"]),
        ([WRITTEN[0], WRITTEN[1].format("str | int")], [WRITTEN[0], WRITTEN[1].format("str")], ["major"]),
        ([WRITTEN[0], WRITTEN[1].format("str")], [WRITTEN[0], WRITTEN[1].format("str\n    b: str")], ["major"]),
        ([WRITTEN[0], WRITTEN[1].format("str")], [WRITTEN[0], WRITTEN[1].format("str = 'x'")], ["patch"]),
        # what a function answers with
        (["def sync() -> A | None: ..."], ["def sync() -> B | None: ..."], ["major"]),
        (["def sync() -> A | None: ..."], ["def sync() -> A | B | None: ..."], ["patch"]),
        (["def sync() -> Response[Any]: ..."], ["def sync() -> Response[A]: ..."], ["patch"]),
    ],
)
def test_change_has_its_impact(old: list[str], new: list[str], impacts: list[str], tmp_path: Path) -> None:
    changes = compare(
        read_signatures(package(tmp_path / "old", *old)), read_signatures(package(tmp_path / "new", *new))
    )

    assert [change.impact for change in changes] == impacts


def test_what_goes_with_its_owner_is_told_once(tmp_path: Path) -> None:
    old = package(tmp_path / "old", FUNCTION.format("a: str"), "class Body:\n    a: str")
    new = package(tmp_path / "new", "", "")

    changes = compare(read_signatures(old), read_signatures(new))

    assert [(change.name, change.what) for change in changes] == [
        ("api.devices.call", "is gone"),
        ("models.Body", "is gone"),
    ]
