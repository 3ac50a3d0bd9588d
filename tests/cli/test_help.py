"""Help, the man page and completion say the same words, and cost little."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMANDS = [
    ["devices", "list"],
    ["devices", "get"],
    ["devices", "provision"],
    ["devices", "ensure"],
    ["devices", "import"],
    ["devices", "status"],
    ["devices", "report"],
    ["attach"],
    ["attached"],
    ["detach"],
    ["read"],
    ["discover"],
    ["capture"],
    ["agent", "run"],
    ["agent", "once"],
    ["agent", "check"],
    ["agent", "unit"],
    ["outbox", "show"],
    ["outbox", "retry"],
    ["outbox", "drop"],
    ["forward", "run"],
    ["forward", "check"],
    ["forward", "unit"],
    ["fleet", "status"],
    ["config", "path"],
    ["config", "show"],
    ["config", "set"],
    ["config", "login"],
    ["doctor"],
    ["sandbox"],
    ["completion"],
    ["man"],
]
COMPLETION = {"_PRINTOS_COMPLETE": "complete_bash", "COMP_WORDS": "printos d", "COMP_CWORD": "1"}
HEAVY = {"attrs", "httpx", "rich", "starlette", "printos_client"}


def test_help_fits_a_screen_groups_the_commands_and_tells_the_exit_statuses(run: Run) -> None:
    told = run("--help", COLUMNS="80").stdout

    assert max(map(len, told.splitlines())) <= 80
    assert len(told.splitlines()) <= 36
    assert re.findall(r"^(\w[\w ]*):$", told, re.MULTILINE) == ["Options", "Devices", "Setting up"]
    assert all(word in told for command in COMMANDS for word in command)
    assert re.search(r"Exit status: 0 done, .* 130\s+interrupted", told, re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_says_what_it_does(command: list[str], run: Run) -> None:
    result = run(*command, "--help", COLUMNS="80")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.lower().startswith(f"usage: printos {' '.join(command)} ")


def test_no_words_at_all_show_the_help(run: Run) -> None:
    for words in ([], ["devices"], ["config"]):
        result = run(*words)
        assert (result.returncode, "Usage: printos" in result.stdout + result.stderr) == (2, True)


def test_man_page_has_every_command_and_every_exit_status(run: Run) -> None:
    page = run("man").stdout.replace("\\-", "-")

    assert page.startswith(".TH PRINTOS 1")
    assert all(f".SS printos {' '.join(command)}" in page for command in COMMANDS)
    assert all(f".B {status}\n" in page for status in (0, 1, 2, 4, 5, 6, 130))
    assert "completion for the current shell" not in page


@pytest.mark.skipif(not shutil.which("man"), reason="needs man: apt-get install man-db")
def test_man_reads_the_page_without_a_warning(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "printos.1"
    page.write_text(run("man").stdout, encoding="utf-8")

    result = subprocess.run(
        ["man", "--warnings", "-l", str(page)],  # noqa: S607 - any man
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
    )

    assert result.stderr == ""
    assert "printos devices status ID STATE" in result.stdout


COMPLETED = {
    "bash": """
eval "$(printos completion bash)"
COMP_WORDS=(printos devices re); COMP_CWORD=2; _printos_completion printos
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
autoload -U compinit; compinit -u -d "$ZDOTDIR/dump"
_arguments() {}
_describe() { print -l ${(P)4%%:*} }
compadd() { print -l "$@" }
source <(printos completion zsh)
words=(printos devices re); CURRENT=3
_TYPER_COMPLETE_ARGS="printos devices re" _PRINTOS_COMPLETE=complete_zsh printos
""",
    "fish": """
printos completion fish | source
complete -C 'printos devices re'
""",
}


@pytest.mark.parametrize("shell", COMPLETED)
def test_shell_completes_a_word(shell: str, environment: dict[str, str], tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}: apt-get install {shell}")
    result = subprocess.run(
        [shell, "-c", COMPLETED[shell]],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={**environment, "HOME": str(tmp_path), "ZDOTDIR": str(tmp_path)},
        timeout=60,
    )

    assert "report" in result.stdout, result.stderr
    assert "ensure" not in result.stdout


def test_completion_script_is_told_for_each_shell(run: Run) -> None:
    assert "complete -o default" in run("completion", "bash").stdout
    assert "#compdef printos" in run("completion", "zsh").stdout
    assert "complete --command printos" in run("completion", "fish").stdout
    assert run("completion", "cmd").returncode == 2


@pytest.mark.parametrize(
    "setting",
    [
        "sys.argv = ['printos', '--version']",
        "sys.argv = ['printos', 'devices', '--help']",
        "sys.argv = ['printos']; os.environ.update(COMPLETION)",
    ],
    ids=["version", "help", "completion"],
)
def test_what_needs_no_server_imports_nothing_heavy(setting: str) -> None:
    program = (
        f"import os, sys; COMPLETION = {COMPLETION!r}; {setting}; from printos_ext.cli import main; main();"
        f"print(sorted({HEAVY!r} & sys.modules.keys()), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)

    assert result.stderr.strip() == "[]"
