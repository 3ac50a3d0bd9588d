"""The recorded tests notice a client that is broken: mutations.yaml breaks it in many ways, and they fail each time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

MUTATIONS = {one["name"]: one for one in yaml.safe_load(Path(__file__).with_name("mutations.yaml").read_bytes())}
PLUGINS = ["-p", "pytest_recording.plugin", "-p", "printos_ext.sandbox.plugin"]  # no others: they take time to load
NEEDED = ["generated", "printos_ext", "spec", "tests/fixtures", "tests/peers", "tests/recorded"]


def replay(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the recorded tests on the packages below a folder."""
    tests = [root / "tests" / "recorded" / name for name in ("test_client.py", "test_sdk.py")]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-qx", *PLUGINS, "-p", "no:cacheprovider", "--rootdir", root, *tests],
        cwd=root,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(root / "generated"), str(root)]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    for name in NEEDED:
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def test_client_as_it_is_passes(copy: Path) -> None:
    result = replay(copy)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_client_is_noticed(name: str, copy: Path) -> None:
    mutation = MUTATIONS[name]
    file = copy / mutation["file"]
    before = file.read_text(encoding="utf-8")
    assert mutation["from"] in before, "the mutation does not apply any more"
    file.write_text(before.replace(mutation["from"], mutation["to"]), encoding="utf-8")

    result = replay(copy)

    assert result.returncode == 1, result.stdout
    assert "1 failed" in result.stdout
