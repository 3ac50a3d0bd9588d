"""JSON from strangers: what no number can say, what is too deep, and what is no text, is refused."""

import json
import math
from typing import Any

from .problems import Problem

DEEPEST_BODY = 100
LONGEST_TEXT = 200


def read_json(text: bytes) -> Any:
    """Return what a body says in JSON, as RFC 8259 has it."""
    try:
        value = json.loads(text.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"the body is no JSON: {shortened(str(error))}", place="body") from error
    if _depth(value) > DEEPEST_BODY:
        raise Problem(400, f"the body is nested more than {DEEPEST_BODY} deep", place="body")
    return value


def said(text: str) -> Any:
    """Return what a text outside a body says in JSON, or else the text."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def shortened(text: str) -> str:
    """Return a text that fits into a message."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is larger than a number can be")
    return number


def _depth(value: Any) -> int:
    """Return how deep lists and objects are nested, without going deep oneself."""
    depth, level = 0, [value]
    while level := [
        item
        for outer in level
        if isinstance(outer, dict | list)
        for item in (outer.values() if isinstance(outer, dict) else outer)
    ]:
        depth += 1
    return depth
