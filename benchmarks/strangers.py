"""The clients that others generate from the same document, made on the fly with no option but their names."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "spec" / "hp-printos-device-api-openapi.yml"
TOOLS = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
NEEDED = ("pydantic", "aiohttp_retry", "urllib3")


def make_stock(folder: Path) -> None:
    """Make the client that anybody gets from openapi-python-client, and let it be imported."""
    (folder / "options.yaml").write_text("package_name_override: stock_client\n", encoding="utf-8")
    _run("openapi-python-client", "generate", "--meta", "none", "--path", str(DOCUMENT),
         "--config", str(folder / "options.yaml"), "--output-path", str(folder / "stock_client"))  # fmt: skip
    sys.path.insert(0, str(folder))


def make_openapi(folder: Path) -> str:
    """Make the clients of openapi-generator, over urllib3 and over aiohttp; say why not, if they cannot be made."""
    tool = shutil.which("openapi-generator-cli", path=ENVIRONMENT["PATH"])
    if shutil.which("java") is None:
        return "it needs Java"
    if tool is None or any(find_spec(name) is None for name in NEEDED):
        return "it is not installed: make .venv/peers"
    for library in ("urllib3", "asyncio"):
        place = folder / library
        _run(tool, "generate", "-g", "python", "-i", str(DOCUMENT), "-o", str(place),
             "--additional-properties", f"packageName=openapi_{library},library={library}")  # fmt: skip
        sys.path.insert(0, str(place))
    return ""


def _run(*command: str) -> None:
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False, env=ENVIRONMENT
    )
    if result.returncode:
        raise SystemExit(f"{command[0]} failed: {result.stdout}")
