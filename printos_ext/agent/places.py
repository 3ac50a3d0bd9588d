"""Where something stands in a TOML file. The parser of the standard library does not tell, so the file is halved."""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

# What counts for where a statement ends: no bracket and no end of a line within a text or a comment does.
TOKEN = re.compile(
    r"""
    "{3} (?: \\. | [^\\] )*? "{3,5} | [']{3} .*? [']{3,5} | " (?: \\. | [^"\\] )* " | ' [^']* ' | \# [^\n]* | [\[\]{}\n]
    """,
    re.DOTALL | re.VERBOSE,
)


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the line on which something in a TOML file begins, by its path: `("device", 3, "sources")`.

    A file that is cut off after a statement either holds it or does not; it begins right after the longest that does
    not.
    """
    ends = [0, *_statement_ends(text)]
    first = bisect_left(range(1, len(ends)), 1, key=lambda one: _holds(tomllib.loads(text[: ends[one]]), path))
    return text.count("\n", 0, ends[first]) + 1


def _statement_ends(text: str) -> Iterator[int]:
    """Yield where a file that is TOML can be cut off, and still is."""
    depth = 0
    for token in TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth == 0:
                yield token.end()
    yield len(text)


def _holds(document: Any, path: Sequence[str | int]) -> bool:
    for part in path:
        if isinstance(part, int):
            if not (isinstance(document, list) and part < len(document)):
                return False
        elif not (isinstance(document, dict) and part in document):
            return False
        document = document[part]
    return True
