"""The contract is the recorded one, and the client has a module for each of its operations and for nothing else."""

import re
from pathlib import Path
from typing import Any

import contract as reading
import pytest
from openapi_python_client.config import ConfigFile
from openapi_python_client.strings import snake_case
from ruamel.yaml import YAML


def operations(contract: Any) -> list[dict[str, Any]]:
    return [item[method] for item in contract["paths"].values() for method in item.keys() & reading.METHODS]


def test_document_has_the_recorded_checksum() -> None:
    assert reading.checksum(reading.DOCUMENT.read_bytes()) == reading.recorded_checksum()


def test_document_is_valid_openapi() -> None:
    assert reading.read_document(reading.DOCUMENT)["info"]["title"] == "HP PrintOS Device API"


def test_every_operation_has_its_module_and_no_module_lacks_its_operation(root: Path, contract: Any) -> None:
    modules = {
        path.relative_to(root / "generated/printos_client/api") for path in (root / "generated").glob("*/api/*/*.py")
    }

    expected = {Path(snake_case(o["tags"][0]), f"{snake_case(o['operationId'])}.py") for o in operations(contract)}

    assert {path for path in modules if path.name != "__init__.py"} == expected


def test_every_operation_has_a_recorded_exchange(root: Path, contract: Any) -> None:
    exchanges = {path.stem for path in (root / "tests" / "fixtures" / "cassettes").iterdir()}

    assert exchanges >= {snake_case(operation["operationId"]) for operation in operations(contract)}


def test_codegen_yaml_names_every_option_that_the_generator_has(root: Path) -> None:
    named = YAML(typ="safe").load(root / "spec" / "codegen.yaml")

    assert named.keys() == ConfigFile.model_fields.keys()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not"),
        ("[]", "which version"),
        ("{", "flow"),
        ("\x00", "control characters"),
        ("openapi: 4.0.0", "which version"),
        ("openapi: 3.1.0", "info.? is a required property"),
        ("openapi: 3.1.0\ninfo: {title: a, version: 1.0}\npaths: {}", "info/version: 1.0 is not of type .string"),
        ("openapi: 3.1.0\ninfo: {title: a, version: '1'}\npaths: {/a: {$ref: 'other.yml#/a'}}", "other.yml"),
    ],
)
def test_unreadable_document_is_told_with_its_place(text: str, why: str, tmp_path: Path) -> None:
    document = tmp_path / "new.yml"
    document.write_text(text, encoding="utf-8")

    with pytest.raises(reading.CannotTellError, match=re.escape(str(document))) as error:
        reading.read_document(document)

    assert re.search(why, str(error.value))
