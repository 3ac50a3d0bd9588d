"""From the bytes of an answer to the generated models, or a fault with its place. No I/O.

Tolerant where tolerance loses nothing: null means absent, fields that the contract does not name pass as they are,
times come in many spellings and leave as UTC. Strict where a model would hold something else than its type says.
"""

import contextlib
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
from typing import Any, TypeVar

import attrs
from printos_client import models
from printos_client.types import UNSET, Unset

# What the contract promises with a 2xx. Generated code sees it only after `decoded` has read it.
RESULTS: Mapping[tuple[str, str], type] = {
    ("GET", "/devices"): models.PrintDeviceList,
    ("POST", "/devices"): models.PrintDevice,
}

# A field that is not there is told by identity: a copied or unpickled model must hold the same object.
copyreg.pickle(Unset, lambda _: "UNSET")

GZIP = b"\x1f\x8b"
LEAP_SECOND = re.compile(r"(:\d\d):60(?!\d)")
MIDNIGHT = re.compile(r"T24:00")

Model = TypeVar("Model")
Read = Callable[[Any], Any]


class UnreadableError(Exception):
    """An answer cannot be read; `path` is the place in it."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(f"{path}: {why}" if path else why)
        self.why, self.path = why, path

    def below(self, place: str) -> "UnreadableError":
        """Return the fault as it is told one step further out: there, it is below this place."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        return UnreadableError(self.why, f"{place}{dot}{self.path}")


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


def decoded(model: type[Model], document: Any) -> Model:
    """Return the model that a document makes; lists in the document are emptied on the way.

    It is what `from_dict` makes of the same values, without its copies.
    """
    made: Model = _reader(model)(document)
    return made


@cache
def _fields(model: type) -> dict[str, Read]:
    """How to read each field that the contract names, by its name on the wire and in the order of the model."""
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
    return _model_reader(kind) if attrs.has(kind) else READERS[kind]


@cache
def _model_reader(model: type) -> Read:
    """Return what makes a model: as little as can be for each field, since a list may have a hundred thousand."""
    known = _fields(model)
    fields = [(name, read, AS_IT_IS.get(read)) for name, read in known.items()]

    def made(document: Any) -> Any:
        if not isinstance(document, dict):
            raise UnreadableError(f"an object was expected, not {_shown(document)}")
        values: list[Any] = []
        found = 0
        for name, read, as_it_is in fields:
            value = document.get(name)
            if value is None:
                values.append(UNSET)
                continue
            found += 1
            try:
                values.append(value if type(value) is as_it_is else read(value))
            except UnreadableError as fault:
                raise fault.below(name) from None
        made: Any = model(*values)
        if found < len(document):
            made.additional_properties = {name: value for name, value in document.items() if name not in known}
        return made

    return made


def _list(read: Read, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnreadableError(f"a list was expected, not {_shown(value)}")
    items = []
    for index, item in enumerate(value):
        value[index] = None  # frees it as soon as it is read: less to hold, and less for Python to look through
        if item is not None:
            try:
                items.append(read(item))
            except UnreadableError as fault:
                raise fault.below(f"[{index}]") from None
    return items


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UnreadableError(f"a text was expected, not {_shown(value)}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnreadableError(f"a number was expected, not {_shown(value)}")
    return value


def _integer(value: Any) -> int:
    if _number(value) != int(value):
        raise UnreadableError(f"a whole number was expected, not {_shown(value)}")
    return int(value)


def _time(value: Any) -> dt.datetime:
    if not isinstance(value, str):
        why = "is a number" if type(value) in {int, float} else "is none"
        raise UnreadableError(f"a time is due as text, and {_shown(value)} {why}")
    try:
        return read_time(value)
    except (ValueError, OverflowError):
        raise UnreadableError(f"{_shown(value)} is not a time") from None


READERS: Mapping[type, Read] = {str: _text, int: _integer, float: _number, dt.datetime: _time}
AS_IT_IS: Mapping[Read, type] = {_text: str, _integer: int}  # a value of exactly this type needs no reading


def read_time(text: str) -> dt.datetime:
    """Read a time in the spellings that servers use, and return it in UTC; one without a zone is meant to be UTC."""
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        time = _read_odd_time(text.strip().upper())
    if time.tzinfo is dt.UTC:
        return time
    return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _read_odd_time(text: str) -> dt.datetime:
    """Read what the standard library does not: a leap second, the dates of mail and HTTP, other separators."""
    with contextlib.suppress(ValueError):
        return dt.datetime.fromisoformat(text)  # as it is without spaces around it, in upper case
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
