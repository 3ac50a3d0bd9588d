"""Recorded devices: what one said over SNMP or IPP, scrubbed, as a file that can be sent, kept and played. No I/O.

    {"format": "printos-recording 1", "protocol": "snmp", "said": [{"1.3.6.1.2.1.1.1.0": {"octets": "…"}, …}, …]}

Octets are written as the characters with the same numbers, so that a person sees what is sent.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

FORMAT = "printos-recording 1"
PROTOCOLS = ("snmp", "ipp")
Said = Mapping[str, Any]


@frozen
class Recording:
    """What a device said, each time that it was asked."""

    protocol: str
    said: Sequence[Said]


def written(recording: Recording) -> str:
    """Return the text of a recording."""
    said = [{key: _written(value) for key, value in each.items()} for each in recording.said]
    document = {"format": FORMAT, "protocol": recording.protocol, "said": said}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read(text: str) -> Recording:
    """Read a recording, or say what is wrong with it: `ValueError`."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    match document:
        case {"format": str(kind), "protocol": str(protocol), "said": [*said]} if kind == FORMAT:
            if protocol in PROTOCOLS and said and all(isinstance(each, dict) for each in said):
                return Recording(protocol, [{key: _read(value) for key, value in each.items()} for each in said])
    raise ValueError(f"it is no recording: those that can be played begin with the format {FORMAT!r}")


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"octets": value.decode("latin-1")}
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    if isinstance(value, dict):
        return {"members": {str(key): _written(each) for key, each in value.items()}}
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _read(value: Any) -> Any:
    match value:
        case {"octets": str(text), **others} if not others:
            return text.encode("latin-1", "replace")
        case {"members": {**members}, **others} if not others:
            return {key: _read(each) for key, each in members.items()}
        case [*values]:
            return [_read(each) for each in values]
    return value
