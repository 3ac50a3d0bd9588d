"""What it costs to begin: imports beside `import httpx, attrs`, and `printos` beside Typer, which it stands on.

Each is timed in fresh processes, in turn, so that the noise of the machine meets all; the medians are compared.
"""

import os
import statistics
import subprocess
import sys
import time

RUNS = 31
IMPORTS = ("import httpx, attrs", "import printos_ext", "from printos_ext import PrintOS")
TIMED = "import time; begun = time.perf_counter(); {}; print(time.perf_counter() - begun)"
COMMANDS = {
    "python -c 'import typer'": ["-c", "import typer"],
    "python -c pass": ["-c", "pass"],
    "printos --version": ["-m", "printos_ext.cli", "--version"],
    "printos devices <TAB>": ["-m", "printos_ext.cli"],
}
# It completes if it is asked nothing else.
COMPLETION = {"_PRINTOS_COMPLETE": "complete_bash", "COMP_WORDS": "printos devices ", "COMP_CWORD": "2"}
ENVIRONMENT = {**os.environ, **COMPLETION}


def import_seconds(statement: str) -> float:
    """Return how long an import takes in a new process."""
    result = subprocess.run(
        [sys.executable, "-c", TIMED.format(statement)], capture_output=True, encoding="utf-8", check=True
    )
    return float(result.stdout)


def command_seconds(command: str) -> float:
    """Return how long a whole process takes."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *COMMANDS[command]], stdout=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
    return time.perf_counter() - begun


def main() -> None:
    """Print the medians and their ratios."""
    for things, seconds in ((IMPORTS, import_seconds), (tuple(COMMANDS), command_seconds)):
        for thing in things:  # once for the caches
            seconds(thing)
        rounds = [[seconds(thing) for thing in things] for _ in range(RUNS)]
        print(f"medians of {RUNS} processes each, and of the ratio to the first")
        for index, thing in enumerate(things):
            median = statistics.median(times[index] for times in rounds)
            ratio = statistics.median(times[index] / times[0] for times in rounds)
            print(f"{thing:36} {median * 1000:6.1f} ms  {ratio:5.2f} x")


if __name__ == "__main__":
    main()
