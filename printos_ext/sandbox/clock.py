"""The sandbox's own time: it goes on like any clock, from wherever it was set to, or stands still."""

import datetime as dt

FIRST_YEAR, LAST_YEAR = 1971, 9000
OUT_OF_TIME = f"the time must be in the years {FIRST_YEAR} to {LAST_YEAR}"


class Clock:
    """Begins with the machine's time."""

    def __init__(self) -> None:
        """Go with the machine."""
        self._ahead = dt.timedelta()
        self._stands_at: dt.datetime | None = None

    def now(self) -> dt.datetime:
        """Return the time, in UTC."""
        return self._stands_at or dt.datetime.now(dt.UTC) + self._ahead

    @property
    def stands(self) -> bool:
        """Whether the time goes on only when it is moved."""
        return self._stands_at is not None

    def set(self, moment: dt.datetime, *, stands: bool = True) -> None:
        """Make it this time, in UTC if it says nothing else, and stay there or go on from there."""
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValueError(OUT_OF_TIME)
        moment = moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC)
        self._stands_at = moment if stands else None
        self._ahead = moment - dt.datetime.now(dt.UTC)

    def move(self, seconds: float) -> None:
        """Go forward, or back if the seconds are less than zero."""
        try:
            moment = self.now() + dt.timedelta(seconds=seconds)
        except OverflowError:
            raise ValueError(OUT_OF_TIME) from None
        self.set(moment, stands=self.stands)

    def reset(self) -> None:
        """Go with the machine again."""
        self._ahead, self._stands_at = dt.timedelta(), None


def written(moment: dt.datetime) -> str:
    """Return a time as RFC 3339 has it."""
    return moment.isoformat().replace("+00:00", "Z")
