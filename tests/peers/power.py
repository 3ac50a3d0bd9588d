"""A power cut: what a process writes to a folder is recorded with strace, and replayed up to what was synced.

After a cut a disk may hold any of the writes that were not synced: all that were is replayed, and of the others none or
some, chosen at random. Names that were made, renamed or removed count from the sync of their folder.
"""

import codecs
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

from attrs import Factory, define, frozen

CALLS = "openat,close,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@frozen
class Call:
    """A call of the system, with its arguments: texts as bytes, the rest as it is printed."""

    name: str
    texts: tuple[bytes, ...]
    rest: tuple[str, ...]
    result: int


@define
class File:
    """What is in a file, on the disk and in memory."""

    synced: bytes = b""
    pending: list[tuple[int, bytes | None]] = Factory(list)

    def content(self, chance: Random | None) -> bytes:
        """Return what is on the disk after a cut; without chance, what the process sees."""
        content = bytearray(self.synced)
        share = chance.choice([0.0, 0.0, 0.5, 1.0]) if chance else 1.0
        for place, written in self.pending:
            if chance and chance.random() >= share:
                continue
            if written is None:
                content[place:] = bytes(max(0, place - len(content)))
            else:
                content.extend(bytes(max(0, place - len(content))))
                content[place : place + len(written)] = written
        return bytes(content)

    def apply(self, call: Call) -> None:
        if call.name in {"fsync", "fdatasync"}:
            self.synced, self.pending = self.content(None), []
        elif call.name == "ftruncate":
            self.pending.append((int(call.rest[-1]), None))
        else:
            place = int(call.rest[-1]) if call.name == "pwrite64" else len(self.content(None))
            self.pending.append((place, call.texts[0][: call.result]))


@frozen
class Recording:
    """The calls of a process, in their order."""

    calls: tuple[Call, ...]
    folder: Path

    @staticmethod
    def is_possible() -> bool:
        """Tell whether there is a strace, and whether it may trace."""
        try:
            return not traced(Path(os.devnull), [sys.executable, "-c", ""]).returncode
        except FileNotFoundError:
            return False

    @classmethod
    def of(cls, command: list[str], folder: Path) -> "Recording":
        """Run a command to its end and record what it writes to a folder, and says."""
        with tempfile.NamedTemporaryFile("r") as trace:
            traced(Path(trace.name), command)
            calls = calls_of(trace.read())
        first = next(place for place, call in enumerate(calls) if bytes(folder) in b"".join(call.texts))
        return cls(tuple(calls[first:]), folder)

    @property
    def length(self) -> int:
        return len(self.calls)

    def replay(self, moment: int, into: Path, chance: Random) -> str:
        """Write what is on the disk if the power goes at a moment into another folder; return what was said before."""
        disk = Disk(bytes(self.folder))
        for call in self.calls[:moment]:
            if call.result >= 0:
                disk.apply(call)
        names = disk.safe_names if chance.random() < 0.5 else disk.names
        for name, file in names.items():
            (into / Path(name.decode()).name).write_bytes(file.content(chance))
        return disk.said.decode()


@define
class Disk:
    """A folder as calls change it: the names as a process sees them, and those that are safe."""

    folder: bytes
    names: dict[bytes, File] = Factory(dict)
    safe_names: dict[bytes, File] = Factory(dict)
    opened: dict[int, tuple[bytes, File | None]] = Factory(dict)
    said: bytes = b""

    def apply(self, call: Call) -> None:
        if call.name == "openat":
            self.opened[call.result] = call.texts[0], self.file(call.texts[0], call.rest[1])
        elif call.name.startswith("unlink"):
            self.names.pop(call.texts[0], None)
        elif call.name.startswith("rename") and call.texts[0] in self.names:
            self.names[call.texts[1]] = self.names.pop(call.texts[0])
        elif call.rest and call.rest[0].isdigit():
            self.apply_to_file(call, int(call.rest[0]))

    def apply_to_file(self, call: Call, number: int) -> None:
        name, file = self.opened.get(number, (b"", None))
        if call.name == "close":
            self.opened.pop(number, None)
        elif call.name == "write" and number == 1:
            self.said += call.texts[0]
        elif call.name in {"fsync", "fdatasync"} and name == self.folder:
            self.safe_names = dict(self.names)
        elif file:
            file.apply(call)

    def file(self, name: bytes, flags: str) -> File | None:
        """Return a file of the folder that is opened, a new one if that is asked for."""
        if not name.startswith(self.folder + b"/"):
            return None
        if "O_CREAT" in flags:
            self.names.setdefault(name, File())
        file = self.names.get(name)
        if file and "O_TRUNC" in flags:
            file.pending.append((0, None))
        return file


def traced(trace: Path, command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Run a command, and write down the calls that it makes."""
    strace = [
        "strace",
        "-f",
        "-qq",
        "-xx",
        "-s",
        "9999999",
        "--seccomp-bpf",
        "-e",
        "signal=none",
        "-e",
        f"trace={CALLS}",
    ]
    return subprocess.run([*strace, "-o", trace, *command], capture_output=True, check=False, timeout=60)


def calls_of(trace: str) -> list[Call]:
    """Read what strace wrote; calls that were interrupted by those of other threads are put together."""
    begun: dict[str, str] = {}
    calls = []
    for line in trace.splitlines():
        thread, _, text = line.partition(" ")
        text = text.strip()
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>").rstrip()
            continue
        if text.startswith("<..."):
            text = begun.pop(thread) + text.partition("resumed>")[2]
        found = re.match(r"(\w+)\((.*)\) += (-?\d+)", text)
        if found:
            name, arguments, result = found.groups()
            texts = tuple(codecs.escape_decode(raw.encode())[0] for raw in TEXT.findall(arguments))
            rest = tuple(part.strip() for part in TEXT.sub("", arguments).split(",") if part.strip())
            calls.append(Call(name, texts, rest, int(result)))
    return calls
