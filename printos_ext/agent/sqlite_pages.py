"""Rows of a SQLite database from its bytes, page by page: what is left when SQLite itself gives up. No I/O.

Nothing here is sure of what it reads: whoever asks must know his rows, for instance by a checksum in each.
"""

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping

Bytes = bytes | bytearray | mmap.mmap
Value = int | float | str | bytes | None
# A row: its number and its columns.
Found = tuple[int, tuple[Value, ...]]
Pages = Callable[[int], Bytes]

LEAF = 0x0D  # the kind of a page that holds rows of a table
PAGE_HEADER = 8
FIRST_BLOB = 12
INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
ZERO, ONE, FLOAT = 8, 9, 7
LONGEST_VARINT = 9


def rows(file: Bytes, newer: Mapping[int, Bytes], page_size: int) -> Iterator[Found]:
    """Yield whatever looks like a row of any table; `newer` are pages that replace those in the file."""

    def page(number: int) -> Bytes:
        return newer.get(number) or file[(number - 1) * page_size : number * page_size]

    numbers = sorted({*range(1, len(file) // page_size + 1), *newer})
    for number in numbers:
        content = page(number)
        if len(content) == page_size and content[0] == LEAF:
            for cell in range(struct.unpack_from(">H", content, 3)[0]):
                try:
                    (start,) = struct.unpack_from(">H", content, PAGE_HEADER + 2 * cell)
                    yield _row(content, start, page, page_size, len(numbers) * page_size)
                except (struct.error, IndexError, ValueError, KeyError):
                    continue


def _row(content: Bytes, start: int, page: Pages, page_size: int, longest: int) -> Found:
    size, start = _varint(content, start)
    number, start = _varint(content, start)
    if size > longest:
        raise ValueError(size)
    here = _local(size, page_size)
    payload = bytearray(content[start : start + here])
    if here < size:
        (following,) = struct.unpack_from(">I", content, start + here)
        while following and len(payload) < size:
            overflow = page(following)
            (following,) = struct.unpack_from(">I", overflow, 0)
            payload += overflow[4:]
    if len(payload) < size:
        raise ValueError(size)
    return number, tuple(_values(payload[:size]))


def _local(size: int, page_size: int) -> int:
    """Return how much of a row is on its leaf, as SQLite's file format says."""
    most, least = page_size - 35, (page_size - 12) * 32 // 255 - 23
    if size <= most:
        return size
    split = least + (size - least) % (page_size - 4)
    return split if split <= most else least


def _values(payload: Bytes) -> Iterator[Value]:
    end, place = _varint(payload, 0)
    value = end
    while place < end:
        kind, place = _varint(payload, place)
        if kind in INTEGERS:
            yield int.from_bytes(payload[value : value + INTEGERS[kind]], "big", signed=True)
            value += INTEGERS[kind]
        elif kind in {0, ZERO, ONE}:
            yield None if kind == 0 else kind - ZERO
        elif kind == FLOAT:
            yield struct.unpack_from(">d", payload, value)[0]
            value += 8
        elif kind >= FIRST_BLOB:
            size = (kind - FIRST_BLOB) // 2
            found = bytes(payload[value : value + size])
            yield found.decode() if kind % 2 else found
            value += size
        else:
            raise ValueError(kind)


def _varint(content: Bytes, start: int) -> tuple[int, int]:
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
