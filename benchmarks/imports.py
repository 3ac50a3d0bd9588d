"""What `import printos_ext` costs beside `import httpx, attrs`, which it stands on: `make bench`.

Each is timed in fresh processes, in turn, so that the noise of the machine meets both; the medians are compared.
"""

import statistics
import subprocess
import sys

RUNS = 31
STATEMENTS = ("import httpx, attrs", "import printos_ext", "from printos_ext import PrintOS")
PROGRAM = "import time; begun = time.perf_counter(); {}; print(time.perf_counter() - begun)"


def seconds(statement: str) -> float:
    """Return how long an import takes in a new process."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statement)], capture_output=True, encoding="utf-8", check=True
    )
    return float(result.stdout)


def main() -> None:
    """Print the medians and their ratios."""
    for statement in STATEMENTS:  # once for the caches
        seconds(statement)
    rounds = [[seconds(statement) for statement in STATEMENTS] for _ in range(RUNS)]
    print(f"medians of {RUNS} processes each, and of the ratio to the first")
    for index, statement in enumerate(STATEMENTS):
        time = statistics.median(times[index] for times in rounds)
        ratio = statistics.median(times[index] / times[0] for times in rounds)
        print(f"{statement:36} {time * 1000:6.1f} ms  {ratio:5.2f} x")


if __name__ == "__main__":
    main()
