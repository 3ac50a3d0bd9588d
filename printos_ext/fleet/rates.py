"""How many a second, over the last minute. No I/O, no clock."""

from collections import deque

from attrs import define, field

LAST = 60.0  # seconds


@define
class Rate:
    """A counter's moments and values."""

    _seen: deque[tuple[float, int]] = field(init=False, factory=deque)

    def add(self, now: float, count: int) -> None:
        """Take down what a counter says."""
        self._seen.append((now, count))
        while len(self._seen) > 1 and now - self._seen[0][0] > LAST:
            self._seen.popleft()

    @property
    def per_second(self) -> float:
        """How many there were a second."""
        if len(self._seen) < 2:  # noqa: PLR2004 - a beginning and an end
            return 0.0
        (begun, first), (ended, last) = self._seen[0], self._seen[-1]
        return (last - first) / max(0.001, ended - begun)
