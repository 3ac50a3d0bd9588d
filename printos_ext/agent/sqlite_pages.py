"""Rows of a SQLite database from its bytes, page by page: what is left when SQLite itself gives up. No I/O.

Nothing here is sure of what it reads: whoever asks must know his rows, for instance by a checksum in each.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

Value = int | float | str | bytes | None
# A row: its number and its columns.
Found = tuple[int, list[Value]]
Pages = Callable[[int], bytes]

LEAF = 0x0D  # the kind of a page that holds rows of a table
PAGE_HEADER = 8
FIRST_BLOB = 12
INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
ZERO, ONE, FLOAT = 8, 9, 7
LONGEST_VARINT = 9


def rows(page: Pages, numbers: Iterable[int], page_size: int, longest: int) -> Iterator[Found]:
    """Yield whatever looks like a row of any table.

    Args:
        page: Gives the content of a page by its number, the first being 1; less of it where there is none.
        numbers: Of the pages to be looked at.
        page_size: Of each of them.
        longest: More than this has no row.
    """
    for number in numbers:
        content = page(number)
        if len(content) == page_size and content[0] == LEAF:
            (cells,) = struct.unpack_from(">H", content, 3)
            for place in range(PAGE_HEADER, min(PAGE_HEADER + 2 * cells, page_size - 1), 2):
                try:
                    yield _row(content, content[place] << 8 | content[place + 1], page, longest)
                except (struct.error, LookupError, ValueError):
                    continue


def _row(content: bytes, start: int, page: Pages, longest: int) -> Found:
    size, start = _varint(content, start)
    number, start = _varint(content, start)
    here = _local(size, len(content))
    payload = content[start : start + here]
    if here < size <= longest:
        payload += _overflow(size - here, struct.unpack_from(">I", content, start + here)[0], page)
    if len(payload) < size:
        raise ValueError(size)
    end, start = _varint(payload, 0)
    columns = _columns(payload[start:end])
    return number, [_value(kind, payload[end + begin : end + past]) if kind else None for kind, begin, past in columns]


def _local(size: int, page_size: int) -> int:
    """Return how much of a row is on its leaf, as SQLite's file format says."""
    most = page_size - 35
    if size <= most:
        return size
    least = (page_size - 12) * 32 // 255 - 23
    split = least + (size - least) % (page_size - 4)
    return split if split <= most else least


def _overflow(size: int, following: int, page: Pages) -> bytes:
    """Return the rest of a row that goes on on other pages."""
    rest = bytearray()
    while following and len(rest) < size:
        content = page(following)
        (following,) = struct.unpack_from(">I", content)
        rest += content[4:]
    return bytes(rest[:size])


@lru_cache(maxsize=10_000)  # the rows of a table are much alike
def _columns(header: bytes) -> tuple[tuple[int, int, int], ...]:
    """Return what kinds of values a row has, and where each begins and ends."""
    columns = []
    begin = place = 0
    while place < len(header):
        kind, place = _varint(header, place)
        past = begin + _width(kind)
        columns.append((kind, begin, past))
        begin = past
    return tuple(columns)


def _width(kind: int) -> int:
    if kind >= FIRST_BLOB:
        return (kind - FIRST_BLOB) // 2
    if kind in {0, ZERO, ONE}:
        return 0
    return 8 if kind == FLOAT else INTEGERS[kind]


def _value(kind: int, content: bytes) -> Value:
    if kind >= FIRST_BLOB:
        return content.decode() if kind % 2 else content
    if kind in INTEGERS:
        return int.from_bytes(content, "big", signed=True)
    if kind == FLOAT:
        return float(struct.unpack(">d", content)[0])
    return kind - ZERO


def _varint(content: bytes, start: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and where it ends."""
    if content[start] < 0x80:  # noqa: PLR2004 - the bit that says that more follows
        return content[start], start + 1
    value = 0
    for place in range(start, start + LONGEST_VARINT - 1):
        byte = content[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the same
            return value, place + 1
    return value << 8 | content[start + LONGEST_VARINT - 1], start + LONGEST_VARINT
