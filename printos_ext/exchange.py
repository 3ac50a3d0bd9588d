"""One call, from its first attempt to its answer or its error: what to do next, decided without I/O."""

import logging
import time
from collections.abc import Callable, Generator, Mapping
from http import HTTPStatus

import httpx

from .answers import SUCCESSES, Answer
from .auth import now
from .decoding import RESULTS, UnreadableError, decoded, read_json
from .reports import no_answer, refusal, still_paused, unreadable
from .retries import LONGEST_RETRY_AFTER, METHOD_ENDS, Restraint, decide, full_jitter, retry_after
from .settings import Policy

log = logging.getLogger("printos_ext")

SHORTEST_ATTEMPT = 0.1  # seconds: a call that has less than that left after a pause need not wait for its end
# What a log line may hold of an answer's headers: a list of what is harmless, since what is secret has no end.
LOGGED_HEADERS = ("content-type", "date", "retry-after", "server", "x-request-id")
PROMISING = {method for method, _ in RESULTS}
KNOWN_STATUSES = {status.value for status in HTTPStatus}

Outcome = Answer | httpx.TransportError | None
Exchange = Generator[httpx.Request | float, Outcome, Answer]


def exchange(
    request: httpx.Request,
    policy: Policy,
    restraint: Restraint,
    *,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = full_jitter,
) -> Exchange:
    """Lead one call to its answer or its error: yield a request to have it sent, or the seconds to wait."""
    begun = clock()
    ends = min(begun + policy.deadline, METHOD_ENDS.get())
    request.extensions = {**request.extensions, "deadline": ends, "base_path": policy.base_path}
    attempts = 0
    while True:
        pause = restraint.seconds_paused(clock())
        if pause and restraint.paused_by and clock() + pause + SHORTEST_ATTEMPT >= ends:
            raise still_paused(request, restraint.paused_by, seconds=pause, secrets=policy.secrets)
        if pause:
            yield pause
            continue
        attempts += 1
        sent = clock()
        request.extensions["timeout"] = _within(policy.limits, ends - sent)
        outcome = yield request
        assert outcome is not None  # noqa: S101 - only waits have none
        if isinstance(outcome, Answer) and outcome.status_code in SUCCESSES:
            _log(request, outcome, attempts, clock() - sent, None)
            restraint.succeeded()
            outcome.attempts = attempts
            return _checked(outcome, policy)
        _note_pause(outcome, restraint, clock())
        retry = decide(request.method, outcome, attempts, max_retries=policy.max_retries, now=now(), jitter=jitter)
        if retry is not None and (clock() + retry >= ends or not restraint.allows_retry()):
            retry = None
        _log(request, outcome, attempts, clock() - sent, retry)
        if retry is None:
            break
        yield retry
    seconds = clock() - begun
    if isinstance(outcome, httpx.TransportError):
        raise no_answer(request, outcome, attempts=attempts, seconds=seconds, secrets=policy.secrets)
    raise refusal(outcome, attempts=attempts, seconds=seconds, now=now(), secrets=policy.secrets)


def _within(limits: Mapping[str, float], seconds: float) -> Mapping[str, float]:
    """Return the limits of an attempt, none of them longer than what is left of the call."""
    if seconds >= max(limits.values()):
        return limits
    return {name: max(0.001, min(seconds, limit)) for name, limit in limits.items()}


def _note_pause(outcome: Outcome, restraint: Restraint, clock: float) -> None:
    if isinstance(outcome, Answer) and outcome.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        asked = retry_after(outcome, now())
        if asked is not None:
            restraint.pause(clock + min(asked, LONGEST_RETRY_AFTER), outcome)


def _checked(answer: Answer, policy: Policy) -> Answer:
    """Read what the contract promises with a success, so that generated code cannot stumble over it."""
    request, model = answer.request, None
    if request.method in PROMISING:
        path = request.url.raw_path.partition(b"?")[0].removeprefix(policy.base_path).decode()
        model = RESULTS.get((request.method, path))
    answer.forget_session()
    try:
        if answer.fault:
            raise answer.fault
        if answer.status_code not in KNOWN_STATUSES:
            raise UnreadableError("no such success is known")  # noqa: TRY301 - one place turns faults into errors
        if model:
            answer.parsed = decoded(model, read_json(answer.content))
    except UnreadableError as fault:
        raise unreadable(answer, fault, attempts=answer.attempts, secrets=policy.secrets) from None
    return answer


def _log(request: httpx.Request, outcome: Outcome, attempt: int, seconds: float, retry: float | None) -> None:
    """One line for each attempt, without a secret and without the body."""
    if not log.isEnabledFor(logging.DEBUG):
        return
    if isinstance(outcome, Answer):
        headers = (f"{name}={outcome.headers[name]!r}" for name in LOGGED_HEADERS if name in outcome.headers)
        told = " ".join([str(outcome.status_code), f"{len(outcome.content)} bytes", *headers])
    else:
        told = repr(outcome)
    then = "" if retry is None else f"; again in {retry:.2f} s"
    log.debug("%s %s attempt %d: %s in %.3f s%s", request.method, request.url, attempt, told, seconds, then)
