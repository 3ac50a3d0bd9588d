"""From the bytes of an answer to what the generated models take, or a fault with its place. No I/O.

Tolerant where tolerance loses nothing: null means absent, fields that the contract does not name pass as they are,
times come in many spellings and leave as UTC. Strict where a model would hold something else than its type says.
"""

import copyreg
import datetime as dt
import json
import math
import re
import types
import typing
import zlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import attrs
from printos_client import models
from printos_client.types import Unset

# What the contract promises with a 2xx. Generated code reads it only after `readable` has.
RESULTS: Mapping[tuple[str, str], type] = {
    ("GET", "/devices"): models.PrintDeviceList,
    ("POST", "/devices"): models.PrintDevice,
}

# A field that is not there is told by identity: a copied or unpickled model must hold the same object.
copyreg.pickle(Unset, lambda _: "UNSET")

GZIP = b"\x1f\x8b"
LEAP_SECOND = re.compile(r"(:\d\d):60(?!\d)")
MIDNIGHT = re.compile(r"T24:00")

Read = Callable[[Any, str], Any]


class UnreadableError(Exception):
    """An answer cannot be read; `path` is the place in it."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(f"{path}: {why}" if path else why)
        self.path = path


class Body:
    """The body of an answer as it arrives: decompressed, and never larger than its limit, however small it came."""

    def __init__(self, encoding: str, limit: int) -> None:
        if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise UnreadableError(f"the body is compressed with {encoding!r}, which was not asked for")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding not in {"", "identity"} else None
        self._limit = limit
        self._bytes = bytearray()

    def feed(self, chunk: bytes | bytearray) -> None:
        """Take the next bytes off the wire."""
        while chunk:
            rest = b""
            if self._inflate:
                chunk, rest = self._inflated(self._inflate, chunk)
            self._bytes += chunk
            if len(self._bytes) > self._limit:
                limit = f"the limit of {self._limit:,} bytes (max_response_bytes)"
                raise UnreadableError(f"the body is larger than {limit}")
            chunk = rest

    def _inflated(self, inflate: "zlib._Decompress", chunk: bytes | bytearray) -> tuple[bytes, bytes]:
        """Return what becomes of the next bytes, no more than fits, and the bytes after the end of a gzip member."""
        try:
            plain = inflate.decompress(chunk, self._limit - len(self._bytes) + 1)
        except zlib.error as error:
            raise UnreadableError(f"the body is not what its content-encoding says: {error}") from None
        rest = inflate.unused_data
        if rest.startswith(GZIP):
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
            return plain, rest
        return plain, b""

    def complete(self) -> bytes:
        """Return the whole body once the last byte is there."""
        if self._inflate and self._bytes and not self._inflate.eof:
            raise UnreadableError("the compressed body ends too early")
        return bytes(self._bytes)


def read_json(content: bytes) -> Any:
    """Parse strictly: NaN and Infinity are not JSON, nor is an empty body."""
    if not content.strip():
        raise UnreadableError("the body is empty where JSON is due")
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        start = content[:80].decode("utf-8", "backslashreplace")
        raise UnreadableError(f"the body is not JSON ({error}): {start!r}") from None


def readable(model: type, document: Any, path: str = "") -> dict[str, Any]:
    """Return the document as `model.from_dict` takes it without fail."""
    if not isinstance(document, dict):
        raise UnreadableError(f"an object was expected, not {_shown(document)}", path)
    fields = _fields(model)
    return {
        name: fields[name](value, f"{path}.{name}" if path else name) if name in fields else value
        for name, value in document.items()
        if value is not None or name not in fields
    }


@cache
def _fields(model: type) -> dict[str, Read]:
    """How to read each field that the contract names, by its name on the wire."""
    hints = typing.get_type_hints(model, localns=vars(models))
    kinds = {field.name: _kind(hints[field.name]) for field in attrs.fields(model) if field.init}
    # Names on the wire stand only in the generated code, in the order of the fields.
    samples = {name: _sample(kind) for name, kind in kinds.items()}
    return dict(zip(model(**samples).to_dict(), map(_reader, kinds.values()), strict=True))


def _kind(hint: Any) -> Any:
    """Return what a field holds when it is there."""
    if typing.get_origin(hint) in {types.UnionType, typing.Union}:
        (hint,) = (member for member in typing.get_args(hint) if member not in {Unset, types.NoneType})
    return hint


def _sample(kind: Any) -> Any:
    return dt.datetime.now(dt.UTC) if kind is dt.datetime else (typing.get_origin(kind) or kind)()


def _reader(kind: Any) -> Read:
    if typing.get_origin(kind) is list:
        return partial(_list, _reader(*typing.get_args(kind)))
    if attrs.has(kind):
        return partial(readable, kind)
    return {str: _text, int: _integer, float: _number, dt.datetime: _time}[kind]


def _list(read: Read, value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise UnreadableError(f"a list was expected, not {_shown(value)}", path)
    return [read(item, f"{path}[{index}]") for index, item in enumerate(value) if item is not None]


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise UnreadableError(f"a text was expected, not {_shown(value)}", path)
    return value


def _number(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnreadableError(f"a number was expected, not {_shown(value)}", path)
    return value


def _integer(value: Any, path: str) -> int:
    if _number(value, path) != int(value):
        raise UnreadableError(f"a whole number was expected, not {_shown(value)}", path)
    return int(value)


def _time(value: Any, path: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise UnreadableError(f"a time is due as text, and {_shown(value)} is a number", path)
    try:
        return read_time(_text(value, path)).isoformat()
    except (ValueError, OverflowError):
        raise UnreadableError(f"{_shown(value)} is not a time", path) from None


def read_time(text: str) -> dt.datetime:
    """Read a time in the spellings that servers use, and return it in UTC; one without a zone is meant to be UTC."""
    text = text.strip().upper()
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        time = _read_odd_time(text)
    return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _read_odd_time(text: str) -> dt.datetime:
    """Read what the standard library does not: a leap second, the dates of mail and HTTP, other separators."""
    from dateutil import parser  # noqa: PLC0415 - most processes never meet such a time

    def zone(name: str | None, offset: int | None) -> dt.tzinfo:
        if offset is None and name not in {"UTC", "GMT", "Z"}:
            raise ValueError(name)
        return dt.timezone(dt.timedelta(seconds=offset or 0))

    if "/" in text:
        raise ValueError(text)  # nobody knows whether the day or the month comes first
    plain = LEAP_SECOND.sub(r"\1:59", text)
    leap, text = dt.timedelta(seconds=plain != text), plain
    # Whatever a text leaves open is filled from the default: a complete one gives the same time with any.
    defaults = (dt.datetime(1, 1, 1), dt.datetime(2000, 2, 2, 2, 2, 2))  # noqa: DTZ001 - the text has the zone
    try:
        if MIDNIGHT.search(text):
            return parser.isoparse(text) + leap
        earlier, later = (parser.parse(text, default=default, tzinfos=zone) for default in defaults)
    except (ValueError, OverflowError, TypeError, ArithmeticError, LookupError) as error:
        raise ValueError(text) from error
    if earlier != later:
        raise ValueError(text)
    return earlier + leap


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _shown(value: Any) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - enough to recognise it
