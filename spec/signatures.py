"""The public signatures of a generated client, and what a change of them means to those who call it.

Read from the source text, so that two versions of one package can be compared without importing either. Callers *write*
parameters and the fields of models they send, and *read* the fields of models they receive. What is written may be
allowed to be more than before, what is read may be promised to be less; anything else breaks somebody.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import evolve, frozen


@frozen
class Signature:
    """Something callers can name: a module, function or parameter, a model or field, an enum or one of its members."""

    type: ast.expr | None = None
    owner: str | None = None
    required: bool = False
    default: str | None = None
    position: int | None = None
    written: bool = False
    read: bool = False

    def __str__(self) -> str:
        """The type as the source spells it."""
        return ast.unparse(self.type) if self.type else ""


@frozen
class Change:
    """How a signature of one version differs from that of the next."""

    name: str
    what: str
    breaking: bool
    added: bool = False

    @property
    def impact(self) -> str:
        """The version bump that it asks for."""
        return "major" if self.breaking else "minor" if self.added else "patch"


Signatures = Mapping[str, Signature]


def read_signatures(package: Path) -> Signatures:
    """Return the public signatures below `api/` and `models/` of a generated package, by dotted name."""
    found: dict[str, Signature] = {}
    for file in sorted(package.glob("api/**/*.py")):
        module = ".".join(file.relative_to(package).with_suffix("").parts)
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                found[module] = Signature()
                found.update(_function(module, node))
    for file in sorted(package.glob("models/*.py")):
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.ClassDef):
                found.update(_class(f"models.{node.name}", node))
    return _with_directions(found)


def compare(old: Signatures, new: Signatures) -> list[Change]:
    """List what changed, by name. What came or went together with its owner is not listed again."""
    wider = {**_wider_types(old), **_wider_types(new)}
    changes: list[Change] = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before and after:
            changes += _differences(name, before, after, wider)
        elif after and (after.owner is None or after.owner in old):
            duty = ", required" if after.required and after.written else ""
            kind = f": {after}" if after.type else ""
            changes.append(Change(name, f"is new{duty}{kind}", breaking=bool(duty), added=True))
        elif before and (before.owner is None or before.owner in new):
            changes.append(Change(name, "is gone", breaking=True))
    return changes


def _function(module: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, Signature]]:
    name = f"{module}.{node.name}"
    yield f"{name}()", Signature(node.returns, module)
    positional = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(positional) - len(node.args.defaults)) + [*node.args.defaults, *node.args.kw_defaults]
    for index, (argument, default) in enumerate(zip([*positional, *node.args.kwonlyargs], defaults, strict=True)):
        yield (
            f"{name}({argument.arg})",
            Signature(
                argument.annotation,
                f"{name}()",
                required=default is None,
                default=ast.unparse(default) if default else None,
                position=index if index < len(positional) else None,
                written=True,
            ),
        )


def _class(name: str, node: ast.ClassDef) -> Iterator[tuple[str, Signature]]:
    yield name, Signature(node.bases[0] if node.bases else None)
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            # Fields have no position: callers name them, as HP may put a new one anywhere.
            default = ast.unparse(line.value) if line.value else None
            yield f"{name}.{line.target.id}", Signature(line.annotation, name, not default, default)
        elif isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            yield f"{name}.{line.targets[0].id}", Signature(line.value, name)


def _with_directions(found: dict[str, Signature]) -> Signatures:
    """Mark the fields of each model as written, read or both, by following the functions' annotations."""
    written = _reachable(found, [s for s in found.values() if s.written])
    read = _reachable(found, [s for name, s in found.items() if name.endswith("()")])
    return {
        name: evolve(s, written=s.owner in written, read=s.owner in read) if s.owner in written | read else s
        for name, s in found.items()
    }


def _reachable(found: Signatures, start: list[Signature]) -> set[str]:
    reached: set[str] = set()
    while start:
        named = {f"models.{n.id}" for s in start if s.type for n in ast.walk(s.type) if isinstance(n, ast.Name)}
        fresh = (named & found.keys()) - reached
        reached |= fresh
        start = [s for s in found.values() if s.owner in fresh]
    return reached


def _differences(name: str, before: Signature, after: Signature, wider: Mapping[str, str]) -> Iterator[Change]:
    moved = before.position != after.position
    other_default = None not in {before.default, after.default} and before.default != after.default
    if str(before) == str(after) and before.required == after.required and not moved and not other_default:
        return
    accepts_less = after.required > before.required or not _fits(before.type, after.type, wider)
    promises_less = not _fits(after.type, before.type, wider)
    written, read = before.written or after.written, before.read or after.read
    # What a function returns grows with each newly documented status, and shrinks when one is spelled out: only an
    # answer that fits neither way is another answer.
    breaking = (written and (accepts_less or moved or other_default)) or (read and promises_less)
    breaking = breaking or (not written and not read and accepts_less and promises_less)
    told = [f"was {before}, is {after}"] if str(before) != str(after) else []
    if before.required != after.required:
        told.append("is now required" if after.required else "is no longer required")
    if other_default:
        told.append(f"was {before.default} by default, is {after.default}")
    if moved:
        told.append("has another place among the positional arguments")
    yield Change(name, ", ".join(told), breaking=breaking)


def _wider_types(signatures: Signatures) -> dict[str, str]:
    """For each type the type it may stand in for: an enum's members are strings or integers, an integer is a number."""
    enums = {"StrEnum": "str", "IntEnum": "int"}
    named = {name.removeprefix("models."): enums[str(s)] for name, s in signatures.items() if str(s) in enums}
    return {"int": "float", **named}


def _fits(narrow: ast.expr | None, wide: ast.expr | None, wider: Mapping[str, str]) -> bool:
    """Tell whether every value of the first type is one of the second."""
    return all(any(_member_fits(n, w, wider) for w in _members(wide)) for n in _members(narrow))


def _member_fits(narrow: ast.expr, wide: ast.expr, wider: Mapping[str, str]) -> bool:
    if isinstance(narrow, ast.Subscript) and isinstance(wide, ast.Subscript):
        same = ast.unparse(narrow.value) == ast.unparse(wide.value)
        return same and _fits(narrow.slice, wide.slice, wider)
    name: str | None = ast.unparse(narrow)
    target = ast.unparse(wide)
    while name is not None and name != target:
        name = wider.get(name)
    return target in {"Any", name}


def _members(type_: ast.expr | None) -> Iterator[ast.expr]:
    if isinstance(type_, ast.BinOp):
        yield from _members(type_.left)
        yield from _members(type_.right)
    elif type_ is not None:
        yield type_
