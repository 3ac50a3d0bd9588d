"""What the end of a call means for the status that was sent: refused for good, or to be sent again. No I/O."""

import httpx
from attrs import frozen

from printos_ext.errors import (
    SERVER_ERRORS,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InvalidArgumentError,
    NotFoundError,
    PrintOSError,
    RateLimitError,
    UnprocessableEntityError,
)
from printos_ext.retries import NEVER_LEFT, causes

# What does not get better by being sent again.
FOR_GOOD = (BadRequestError, NotFoundError, UnprocessableEntityError, InvalidArgumentError)
ABOUT_IT = {410, 413, 414, 415, 431}  # too large, or of a device that is gone: the same
PASSING = {408, 425}
LONGEST_PAUSE = 3600.0  # seconds: who asks for more means milliseconds, or one of the two clocks is wrong
PAUSE_INSTEAD = 60.0


@frozen
class Failure:
    """A status was not taken, as far as anybody knows, and will be sent again.

    Attributes:
        reason: What happened.
        may_have_arrived: Whether PrintOS may have taken it all the same.
        concerns_all: Whether no other device would have fared better.
        concerns_one: Whether PrintOS answered, and about this device alone.
        pause: The seconds that PrintOS asks for.
    """

    reason: str
    may_have_arrived: bool = True
    concerns_all: bool = False
    concerns_one: bool = False
    pause: float | None = None


@frozen
class Refusal:
    """PrintOS will never take the status."""

    reason: str


def verdict(error: PrintOSError) -> Failure | Refusal:
    """Return what an error means for the status that was sent."""
    reason = str(error)
    if isinstance(error, FOR_GOOD) or (isinstance(error, APIStatusError) and error.status_code in ABOUT_IT):
        return Refusal(reason)
    if isinstance(error, RateLimitError | AuthenticationError):
        return Failure(reason, may_have_arrived=False, concerns_all=True, pause=_pause(error))
    if isinstance(error, APIStatusError):
        pause = _pause(error)
        is_about_it = error.status_code < SERVER_ERRORS and error.status_code not in PASSING
        return Failure(reason, concerns_all=pause is not None, concerns_one=is_about_it, pause=pause)
    never_left = isinstance(error, APIConnectionError) and any(isinstance(one, NEVER_LEFT) for one in causes(error))
    return Failure(reason, may_have_arrived=not never_left)


def _pause(error: APIStatusError) -> float | None:
    """Return the pause that an answer asks for, if it is one that somebody can mean."""
    if error.retry_after is None or error.status_code not in {
        httpx.codes.TOO_MANY_REQUESTS,
        httpx.codes.SERVICE_UNAVAILABLE,
    }:
        return None
    return error.retry_after if error.retry_after <= LONGEST_PAUSE else PAUSE_INSTEAD
