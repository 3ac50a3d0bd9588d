"""Where something stands in a TOML file. The parser of the standard library does not tell, so the file is halved."""

import tomllib
from collections.abc import Sequence
from typing import Any


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the line on which something begins, by its path: `("device", 3, "sources")`.

    The beginnings of a file that are TOML by themselves either hold it or do not; it begins right after the longest
    that does not.
    """
    lines = text.splitlines(keepends=True)
    without, with_it = 0, len(lines)
    while with_it - without > 1:
        middle = (without + with_it) // 2
        # A value may go over several lines, in the middle of which no beginning ends.
        tried = [*range(middle, without, -1), *range(middle + 1, with_it)]
        end, document = next(((end, found) for end in tried if (found := _parsed(lines[:end])) is not None), (0, None))
        if document is None:
            break
        if not _holds(document, path):
            without = end
        elif end > middle:
            with_it = without + 1
        else:
            with_it = end
    return without + 1


def _parsed(lines: list[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads("".join(lines))
    except (ValueError, RecursionError):
        return None


def _holds(document: Any, path: Sequence[str | int]) -> bool:
    for part in path:
        if isinstance(part, int):
            if not (isinstance(document, list) and part < len(document)):
                return False
        elif not (isinstance(document, dict) and part in document):
            return False
        document = document[part]
    return True
