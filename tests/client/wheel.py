"""Use the built wheel as a stranger does: run by `make test-wheel`.

In a new environment, once with the lowest dependencies that pyproject.toml promises and once with the highest, the
wheel is installed alone, imported, type-checked and called over a real socket; then the tests of client and SDK run
against it. What was downloaded once is kept in .venv, so that the next run needs no network.
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

from server import serving

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = [one for name in ("cli", "sandbox") for one in PROJECT["project"]["optional-dependencies"][name]]
CALL = """
import sys, printos_ext
from printos_client import Client
from printos_client.api.devices import list_devices
devices = list_devices.sync(client=Client(base_url=sys.argv[1])).devices
print("printos-device", printos_ext.__version__, "lists", [device.id for device in devices])
"""


def main() -> None:
    """Try the one wheel in dist/ both ways."""
    (wheel,) = (ROOT / "dist").glob("*.whl")
    for bounds in ("lowest", "highest"):
        with tempfile.TemporaryDirectory() as folder:
            print(f"--- {wheel.name} with the {bounds} dependencies", flush=True)
            use(wheel, wheelhouse(bounds), Path(folder))


def wheelhouse(bounds: str) -> Path:
    """Return the folder with the dependencies and the test tools, filled the first time they are asked for."""
    core = [*PROJECT["project"]["dependencies"], *EXTRAS]
    if bounds == "lowest":
        core = [requirement.replace(">=", "==") for requirement in core]
    wanted = [*core, *PROJECT["dependency-groups"]["test"]]
    folder = ROOT / ".venv" / f"wheels-{bounds}"
    complete = folder / "complete"
    if not complete.exists() or complete.read_text(encoding="utf-8") != repr(wanted):
        run(sys.executable, "-m", "pip", "download", "--quiet", "--dest", folder, *wanted, cwd=ROOT)
        complete.write_text(repr(wanted), encoding="utf-8")
    return folder


def use(wheel: Path, wheels: Path, folder: Path) -> None:
    """Install, import, type-check, call and test the wheel in an environment of its own."""
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    install = (python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", wheels)
    run(*install, wheel, cwd=folder)
    run(python, "-m", "pip", "list", "--exclude=pip", "--exclude=setuptools", cwd=folder)
    with serving() as server:
        run(python, "-I", "-c", CALL, server.url, cwd=folder)
    check = ("--strict", "--config-file=", "--cache-dir", folder / "mypy", "--python-executable", python)
    run(sys.executable, "-m", "mypy", *check, ROOT / "tests" / "typing" / "api.py", cwd=folder)
    run(*install, *EXTRAS, *PROJECT["dependency-groups"]["test"], cwd=folder)
    tests = [ROOT / "tests" / room for room in ("cli", "client", "sdk", "sandbox")]
    run(python, "-m", "pytest", "-q", "-n", "auto", "-c", ROOT / "pyproject.toml", *tests, cwd=folder)


def run(*command: object, cwd: Path) -> None:
    """Run a command to its end, or stop here with its exit status."""
    result = subprocess.run([str(word) for word in command], cwd=cwd, check=False)
    if result.returncode != 0:
        sys.exit(result.returncode)


if __name__ == "__main__":
    main()
