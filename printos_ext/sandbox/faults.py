"""Faults on request: which calls go wrong, how, how often and for how long. Deciding only; the wire is elsewhere."""

import datetime as dt
import itertools
from collections.abc import Iterable
from random import Random
from typing import Any, Literal, get_args

from attrs import Attribute, asdict, define, field, fields, validators

Kind = Literal["status", "latency", "reset", "stall", "truncation", "garbage"]
KINDS: tuple[str, ...] = get_args(Kind)
LOWEST_STATUS, HIGHEST_STATUS = 400, 599
LONGEST_WAIT = 3600


def _number(lowest: float, highest: float, kind: type = float) -> Any:
    def check(_: object, attribute: "Attribute[Any]", value: Any) -> None:
        is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
        if not (is_number and lowest <= value <= highest):
            word = "whole number" if kind is int else "number"
            raise ValueError(f"{attribute.name} must be a {word} from {lowest} to {highest}, not {value!r}")

    return check


def _text_or_nothing(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    if not isinstance(value, str | None):
        raise TypeError(f"{attribute.name} must be a text, not {value!r}")


@define
class Fault:
    """Something that goes wrong.

    Args:
        kind: what: an answer with a `status`, `latency`, the connection is `reset` or `stall`s, the answer is cut
            (`truncation`) or is `garbage`.
        status: of the answer, for the kind `status`.
        body: of that answer, sent as it is; a problem document if there is none.
        retry_after: seconds, for the header of that answer.
        delay: seconds, for the kind `latency`.
        after: whether the call is carried out before it goes wrong. An answer that is cut always is.
        operation: only calls of this operation, by its id in the contract.
        device: only calls for this device.
        probability: of each such call.
        count: of calls that go wrong, at most.
        seconds: for which the fault lasts, by the sandbox's clock.
    """

    kind: Kind = field(validator=validators.in_(KINDS))
    status: int = field(default=503, validator=_number(LOWEST_STATUS, HIGHEST_STATUS, int))
    body: str | None = field(default=None, validator=_text_or_nothing)
    retry_after: int | None = field(default=None, validator=validators.optional(_number(0, 10**9, int)))
    delay: float = field(default=1.0, validator=_number(0, LONGEST_WAIT))
    after: bool = field(default=False, validator=validators.instance_of(bool))
    operation: str | None = field(default=None, validator=_text_or_nothing)
    device: str | None = field(default=None, validator=_text_or_nothing)
    probability: float = field(default=1.0, validator=_number(0, 1))
    count: int | None = field(default=None, validator=validators.optional(_number(1, 10**9, int)))
    seconds: float | None = field(default=None, validator=validators.optional(_number(0, 10**9)))
    id: int = field(default=0, init=False)
    ends: dt.datetime | None = field(default=None, init=False)
    happened: int = field(default=0, init=False)

    def told(self) -> dict[str, Any]:
        """Return what it is, for JSON."""
        return {**asdict(self), "ends": self.ends and self.ends.isoformat()}


class Faults:
    """The faults there are now."""

    def __init__(self, chance: Random, operations: Iterable[str]) -> None:
        """Begin without one; `operations` are those that can go wrong."""
        self._chance = chance
        self._operations = set(operations)
        self._numbers = itertools.count(1)
        self._all: dict[int, Fault] = {}

    def add(self, description: Any, moment: dt.datetime) -> Fault:
        """Add one as it is described in JSON, or say why it is none."""
        names = [one.name for one in fields(Fault) if one.init]
        if not isinstance(description, dict) or "kind" not in description or not description.keys() <= set(names):
            raise ValueError(f"a fault is an object with a kind ({', '.join(KINDS)}) and any of {', '.join(names[1:])}")
        try:
            fault = Fault(**description)
        except (ValueError, TypeError) as error:
            raise ValueError(str(error.args[0])) from error
        if fault.operation is not None and fault.operation not in self._operations:
            raise ValueError(
                f"no operation is called {fault.operation!r}; there are {', '.join(sorted(self._operations))}"
            )
        fault.id = next(self._numbers)
        fault.ends = None if fault.seconds is None else moment + dt.timedelta(seconds=fault.seconds)
        self._all[fault.id] = fault
        return fault

    def pending(self, moment: dt.datetime) -> list[Fault]:
        """Return the faults that are not over."""
        for fault in list(self._all.values()):
            if fault.ends is not None and moment >= fault.ends:
                del self._all[fault.id]
        return list(self._all.values())

    def choose(self, operation: str, device: str | None, moment: dt.datetime) -> Fault | None:
        """Return the fault that happens to a call, if one does."""
        for fault in self.pending(moment):
            concerned = fault.operation in {None, operation} and fault.device in {None, device}
            if not concerned or self._chance.random() >= fault.probability:
                continue
            fault.happened += 1
            if fault.happened == fault.count:
                del self._all[fault.id]
            return fault
        return None

    def remove(self, number: str) -> bool:
        """Switch a fault off, and tell whether there was one."""
        return any(self._all.pop(fault.id) for fault in list(self._all.values()) if str(fault.id) == number)

    def clear(self) -> None:
        """Switch all faults off."""
        self._all.clear()
