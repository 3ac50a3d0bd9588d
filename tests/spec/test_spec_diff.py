"""`spec-diff` over a table of changes to the contract, each with the version bump that it must call for."""

import copy
import functools
import json
import operator
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import codegen
import contract as reading
import pytest
import yaml

MUTATIONS = yaml.safe_load(Path(__file__).with_name("mutations.yaml").read_bytes())

# Eight aliases of eight aliases of eight …
BOMB = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 8)}]\n" for a, b in pairwise("abcdefg"))

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not reading.REDOCLY_PROGRAM.exists(), reason="comparing documents needs Node.js"
)


def changed(document: Any, change: list[Any]) -> Any:
    """Return the document after one line of the table."""
    document = copy.deepcopy(document)
    match change:
        case ["replace", old, new]:
            return json.loads(json.dumps(document).replace(old, new))
        case ["set", *path, key, value]:
            place = functools.reduce(operator.getitem, path, document)
            if isinstance(place, list):
                place[key:] = [value]
            else:
                place[key] = value
        case ["rename", *path, old, new]:
            place = functools.reduce(operator.getitem, path, document)
            place[new] = place.pop(old)
        case ["remove", *path, key]:
            del functools.reduce(operator.getitem, path, document)[key]
    return document


@needs_node
@pytest.mark.parametrize("mutation", MUTATIONS, ids=operator.itemgetter("what"))
def test_every_change_is_rated(
    mutation: dict[str, Any], contract: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new.yml"
    new.write_text(yaml.safe_dump(functools.reduce(changed, mutation["changes"], contract)), encoding="utf-8")

    status = codegen.main(["spec-diff", str(new)])

    report = capsys.readouterr().out
    breaking = mutation["bump"] == "major"
    verdict = "breaking" if breaking else "compatible"
    assert report.splitlines()[-1] == f"spec-diff: {verdict}; version bump: {mutation['bump']} (exit {status})", report
    assert status == int(breaking)
    assert mutation["told"] in report
    assert ("breaking major" in report) == breaking


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("openapi: 3.1.0", "is not a valid OpenAPI document"),
        (BOMB, "it has more than 200,000 parts"),
        ("swagger: '2.0'\ninfo: {title: a, version: '1'}\npaths: {}", "the generator does not take the document"),
        (None, "No such file"),
    ],
    ids=["invalid", "a bomb of aliases", "of another age", "absent"],
)
def test_unreadable_document_is_neither_compatible_nor_breaking(
    text: str | None, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new.yml"
    if text is not None:
        new.write_text(text, encoding="utf-8")

    assert codegen.main(["spec-diff", str(new)]) == 2

    report = capsys.readouterr().out
    assert report.splitlines()[-1].startswith("spec-diff: failed: ")
    assert report.endswith("(exit 2)\n")
    assert why in report


@needs_node
@pytest.mark.parametrize("name", ["--help.yml", "glob* [x]#b?c.json"])
def test_name_of_the_document_does_not_matter(
    name: str, contract: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_text(json.dumps(contract), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert codegen.main(["spec-diff", "--", name]) == 0

    assert "version bump: none" in capsys.readouterr().out


@needs_node
def test_shorthands_of_yaml_are_no_change(contract: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    properties = contract["components"]["schemas"]["PrintDevice"]["properties"]
    properties["model"] = properties["serialNumber"] = properties["id"]
    new = tmp_path / "new.yml"
    new.write_text(yaml.safe_dump(contract), encoding="utf-8")
    assert "*id" in new.read_text(encoding="utf-8")

    codegen.main(["spec-diff", str(new)])

    assert "version bump: none" in capsys.readouterr().out


def test_generated_code_that_cannot_work_is_told(
    contract: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = contract["paths"]["/devices"]["post"]["requestBody"]["content"]
    content["multipart/form-data"] = content["application/json"]
    new = tmp_path / "new.yml"
    new.write_text(yaml.safe_dump(contract), encoding="utf-8")

    assert codegen.main(["spec-diff", str(new)]) == 2

    assert "Undefined name `Unset`" in capsys.readouterr().out


def test_absence_of_node_is_said_in_one_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")

    assert codegen.main(["spec-diff", str(root / "spec" / "hp-printos-device-api-openapi.yml")]) == 2

    (line,) = capsys.readouterr().out.splitlines()
    assert "Node.js" in line
