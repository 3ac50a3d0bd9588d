"""What snmpd asks for its rows (`pass_persist`): a file of them, of which this script is told the name."""

import json
import sys
from pathlib import Path


def main() -> None:
    rows = {tuple(map(int, oid.split("."))): row for oid, row in json.loads(Path(sys.argv[1]).read_text()).items()}
    for line in sys.stdin:
        word = line.strip()
        if word == "PING":
            answer = ["PONG"]
        else:
            asked = tuple(map(int, sys.stdin.readline().strip().strip(".").split(".")))
            found = asked if word == "get" else min((oid for oid in rows if oid > asked), default=None)
            answer = ["." + ".".join(map(str, found)), *rows[found]] if found in rows else ["NONE"]
        sys.stdout.write("\n".join(answer) + "\n")
        sys.stdout.flush()


main()
