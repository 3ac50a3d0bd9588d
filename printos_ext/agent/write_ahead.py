"""SQLite's write-ahead log, read from its bytes: how much of it holds, and which pages it brings. No I/O."""

import struct

HEADER, FRAME_HEADER = 32, 24
MAGIC = {0x377F0682: "<", 0x377F0683: ">"}  # and the order of the bytes in its checksums
WORD = 0xFFFFFFFF
# In the index beside it, in the order of the machine: last frame, two sizes, salts; frames that the database has.
INDEX_FRAME, INDEX_SALTS, INDEX_COPIED = 16, 32, 96


def valid_frames(journal: bytes, page_size: int) -> int | None:
    """Return up to which frame SQLite follows a log: the last commit that its checksums confirm; None: it does not."""
    order = MAGIC.get(struct.unpack_from(">I", journal)[0]) if len(journal) >= HEADER else None
    if order is None:
        return None
    sums = _checksum(journal[: HEADER - 8], (0, 0), order)
    if struct.unpack_from(">II", journal, HEADER - 8) != sums:
        return None
    valid = 0
    for frame, start in enumerate(range(HEADER, len(journal) - FRAME_HEADER - page_size + 1, FRAME_HEADER + page_size)):
        page = start + FRAME_HEADER
        if journal[start + 8 : start + 16] != journal[16:24]:
            break
        sums = _checksum(journal[start : start + 8] + journal[page : page + page_size], sums, order)
        if struct.unpack_from(">II", journal, start + 16) != sums:
            break
        if struct.unpack_from(">I", journal, start + 4)[0]:
            valid = frame + 1
    return valid


def pages(journal: bytes, page_size: int) -> tuple[int, dict[int, bytes]]:
    """Return what looks like frames up to the last commit, checksums or not: where it is, and the newest pages.

    Frames of an earlier log, and those whose headers are damaged, have other salts, and are left out.
    """
    found: dict[int, bytes] = {}
    uncommitted: dict[int, bytes] = {}
    frames = 0
    salts = {journal[HEADER - 16 : HEADER - 8], journal[HEADER + 8 : HEADER + 16]}  # one of them may be damaged
    for frame, start in enumerate(range(HEADER, len(journal) - FRAME_HEADER - page_size + 1, FRAME_HEADER + page_size)):
        number, commit = struct.unpack_from(">II", journal, start)
        if journal[start + 8 : start + 16] not in salts:
            continue
        uncommitted[number] = journal[start + FRAME_HEADER : start + FRAME_HEADER + page_size]
        if commit:
            frames = frame + 1
            found |= uncommitted
            uncommitted.clear()
    return frames, found


def announced_frames(index: bytes, journal: bytes) -> tuple[int, int]:
    """Return how many frames the index of a log says there are, and how many of them the database has already."""
    salts = index[INDEX_SALTS : INDEX_SALTS + 8]
    if len(index) < INDEX_COPIED + 4 or not salts.startswith(journal[16:24]):
        return 0, 0
    return struct.unpack_from("=I", index, INDEX_FRAME)[0], struct.unpack_from("=I", index, INDEX_COPIED)[0]


def _checksum(content: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(content) // 4}I", content))
    for even, odd in zip(words, words, strict=True):
        first = first + even + second & WORD
        second = second + odd + first & WORD
    return first, second
