"""What happens to every call: wait for a pause, sign, send, read within bounds, try again, or raise a typed error.

`exchange` decides without I/O; `Transport` and `AsyncTransport` are the thin shells that wait and send for it. They are
httpx transports, so that a generated function called by hand gets all of it too.
"""

import asyncio
import logging
import os
import ssl
import time
from collections.abc import Callable, Generator
from contextlib import aclosing, closing
from contextvars import ContextVar
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from attrs import Attribute, field, frozen

from .auth import now, origin
from .decoding import RESULTS, Body, UnreadableError, read_json, readable
from .errors import ConfigurationError
from .reports import no_answer, refusal, still_paused, unreadable
from .retries import LONGEST_RETRY_AFTER, Restraint, decide, full_jitter, retry_after
from .tracing import spans

Client = TypeVar("Client", httpx.Client, httpx.AsyncClient)

# When the call that this thread or task works for must end, by the monotonic clock; for the network below httpx.
DEADLINE: ContextVar[float | None] = ContextVar("printos_deadline", default=None)

log = logging.getLogger("printos_ext")

# What a log line may hold of an answer's headers: a list of what is harmless, since what is secret has no end.
LOGGED_HEADERS = ("content-type", "date", "retry-after", "server", "x-request-id")
# A connection that was opened is kept for the next call; httpx would close all above twenty after each use.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=15.0)
# They describe the body as it came, not as it is handed on.
BODY_HEADERS = {b"content-encoding", b"content-length", b"transfer-encoding"}
KNOWN_STATUSES = {status.value for status in HTTPStatus}


def _positive(_: object, option: "Attribute[Any]", value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigurationError(f"{option.name} must be a number above zero, not {value!r}")


def _count(_: object, option: "Attribute[Any]", value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"{option.name} must be a whole number from zero, not {value!r}")


def _all_positive(policy: object, option: "Attribute[Any]", value: httpx.Timeout) -> None:
    for limit in value.as_dict().values():
        if limit is not None:
            _positive(policy, option, limit)


@frozen
class Policy:
    """How a client calls; everything in seconds or bytes."""

    base_url: httpx.URL
    auth: httpx.Auth
    timeout: httpx.Timeout = field(validator=_all_positive)
    deadline: float = field(validator=_positive)
    max_retries: int = field(validator=_count)
    max_response_bytes: int = field(validator=_positive)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What must never be shown, as far as the credentials know it."""
        return getattr(self.auth, "secrets", ())

    @property
    def base_path(self) -> bytes:
        """The prefix below which the API's paths begin."""
        return self.base_url.raw_path.rstrip(b"/")


class Answer(httpx.Response):
    """A response that was read within bounds; `json()` gives what the generated models take without fail."""

    document: Any = None
    fault: UnreadableError | None = None
    attempts: int = 1

    def with_fault(self, fault: UnreadableError) -> "Answer":
        """Say that the body cannot be read."""
        self.fault = fault
        return self

    def json(self, **options: Any) -> Any:
        """Return the checked document where the contract promises one."""
        return super().json(**options) if self.document is None else self.document


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
    ends = begun + policy.deadline
    request.extensions = {**request.extensions, "deadline": ends, "base_path": policy.base_path}
    attempts = 0
    while True:
        pause = restraint.seconds_paused(clock())
        if restraint.paused_by and clock() + pause >= ends:
            raise still_paused(request, restraint.paused_by, seconds=pause, secrets=policy.secrets)
        if pause:
            yield pause
            continue
        attempts += 1
        request.extensions["timeout"] = _within(policy.timeout, ends - clock())
        sent = clock()
        outcome = yield request
        assert outcome is not None  # noqa: S101 - only waits have none
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
    if not outcome.is_success:
        raise refusal(outcome, attempts=attempts, seconds=seconds, now=now(), secrets=policy.secrets)
    restraint.succeeded()
    outcome.attempts = attempts
    return _checked(outcome, policy)


def _within(timeout: httpx.Timeout, seconds: float) -> dict[str, float]:
    """Return the limits of an attempt, none of them longer than what is left of the call."""
    return {name: max(0.001, min(seconds, limit or seconds)) for name, limit in timeout.as_dict().items()}


def _note_pause(outcome: Outcome, restraint: Restraint, clock: float) -> None:
    if isinstance(outcome, Answer) and outcome.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        asked = retry_after(outcome, now())
        if asked is not None:
            restraint.pause(clock + min(asked, LONGEST_RETRY_AFTER), outcome)


def _checked(answer: Answer, policy: Policy) -> Answer:
    """Read what the contract promises with a success, so that generated code cannot stumble over it."""
    request = answer.request
    path = request.url.raw_path.partition(b"?")[0].removeprefix(policy.base_path).decode()
    model = RESULTS.get((request.method, path))
    answer.headers.pop("set-cookie", None)  # a session token is nobody else's business
    try:
        if answer.fault:
            raise answer.fault
        if answer.status_code not in KNOWN_STATUSES:
            raise UnreadableError("no such success is known")  # noqa: TRY301 - one place turns faults into errors
        if model:
            answer.document = readable(model, read_json(answer.content))
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


class Transport(httpx.BaseTransport):
    """The shell that sends and waits by blocking. Safe to use from any number of threads."""

    def __init__(self, policy: Policy, pool: "Pool", restraint: Restraint) -> None:
        """Call as the policy says, over the connections and with the restraint that a client's calls share."""
        self._policy, self._pool, self._restraint = policy, pool, restraint
        self._span = spans()

    def handle_request(self, request: httpx.Request) -> Answer:
        """Lead one call to its answer or its error."""
        request.read()
        flow = exchange(request, self._policy, self._restraint)
        with self._span(request) as ended:
            outcome: Outcome = None
            try:
                while True:
                    step = flow.send(outcome)
                    if isinstance(step, httpx.Request):
                        outcome = self._attempt(step)
                    else:
                        outcome = None
                        time.sleep(step)
            except StopIteration as stop:
                answer: Answer = stop.value
            ended(answer.status_code, answer.attempts)
            return answer

    def _attempt(self, request: httpx.Request) -> Answer | httpx.TransportError:
        """Send a request with fresh credentials, and whatever else these ask to be sent."""
        with closing(_credentials(request, self._policy).sync_auth_flow(request)) as flow:
            step = next(flow)
            while True:
                try:
                    answer = self._send(step)
                    step = flow.send(answer)
                except httpx.TransportError as error:
                    return error
                except StopIteration:
                    return answer
                except UnreadableError as fault:
                    return answer.with_fault(fault)

    def _send(self, request: httpx.Request) -> Answer:
        DEADLINE.set(request.extensions["deadline"])
        response = self._pool.client().send(request, stream=True, follow_redirects=False)
        with closing(response):
            try:
                body = _body(response, self._policy)
                for chunk in [response.content] if response.is_stream_consumed else response.iter_raw():
                    body.feed(chunk)
                    _check_deadline(request)
                return _answer(response, body.complete())
            except UnreadableError as fault:
                return _answer(response, b"").with_fault(fault)


class AsyncTransport(httpx.AsyncBaseTransport):
    """The shell that awaits, for asyncio.

    Every attempt runs in a task of its own, which a cancelled caller leaves alone: it ends by itself, within its
    limits. httpx's pool loses a connection for good when a request is cancelled at the wrong moment.
    """

    def __init__(self, policy: Policy, pool: "AsyncPool", restraint: Restraint) -> None:
        """Call as the policy says, over the connections and with the restraint that a client's calls share."""
        self._policy, self._pool, self._restraint = policy, pool, restraint
        self._span = spans()
        self._attempts: set[asyncio.Task[Answer | httpx.TransportError]] = set()

    async def handle_async_request(self, request: httpx.Request) -> Answer:
        """Lead one call to its answer or its error."""
        await request.aread()
        flow = exchange(request, self._policy, self._restraint)
        with self._span(request) as ended:
            outcome: Outcome = None
            try:
                while True:
                    step = flow.send(outcome)
                    if isinstance(step, httpx.Request):
                        outcome = await self._undisturbed(step)
                    else:
                        outcome = None
                        await asyncio.sleep(step)
            except StopIteration as stop:
                answer: Answer = stop.value
            ended(answer.status_code, answer.attempts)
            return answer

    async def _undisturbed(self, request: httpx.Request) -> Answer | httpx.TransportError:
        task = asyncio.create_task(self._attempt(request))
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)
        return await asyncio.shield(task)

    async def _attempt(self, request: httpx.Request) -> Answer | httpx.TransportError:
        """Send a request with fresh credentials, and whatever else these ask to be sent."""
        async with aclosing(_credentials(request, self._policy).async_auth_flow(request)) as flow:
            step = await anext(flow)
            while True:
                try:
                    answer = await self._send(step)
                    step = await flow.asend(answer)
                except httpx.TransportError as error:
                    return error
                except StopAsyncIteration:
                    return answer
                except UnreadableError as fault:
                    return answer.with_fault(fault)

    async def _send(self, request: httpx.Request) -> Answer:
        DEADLINE.set(request.extensions["deadline"])
        response = await self._pool.client().send(request, stream=True, follow_redirects=False)
        async with aclosing(response):
            try:
                body = _body(response, self._policy)
                if response.is_stream_consumed:
                    body.feed(response.content)
                else:
                    async for chunk in response.aiter_raw():
                        body.feed(chunk)
                        _check_deadline(request)
                return _answer(response, body.complete())
            except UnreadableError as fault:
                return _answer(response, b"").with_fault(fault)


def _credentials(request: httpx.Request, policy: Policy) -> httpx.Auth:
    """Return the credentials for the server they belong to, and none for any other."""
    return policy.auth if origin(request.url) == origin(policy.base_url) else httpx.Auth()


def _check_deadline(request: httpx.Request) -> None:
    if time.monotonic() > request.extensions["deadline"]:
        raise httpx.ReadTimeout("the deadline of the call has passed", request=request)


def _body(response: httpx.Response, policy: Policy) -> Body:
    """Return what takes the body in; a transport of the caller's may have read and decompressed it already."""
    encoding = "" if response.is_stream_consumed else response.headers.get("content-encoding", "").strip().lower()
    return Body(encoding, policy.max_response_bytes)


def _answer(response: httpx.Response, content: bytes) -> Answer:
    """Return a response whose body is complete and plain."""
    answer = Answer(response.status_code, content=content, request=response.request, extensions=response.extensions)
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in BODY_HEADERS]
    answer.headers = httpx.Headers(headers)
    return answer


class Pool:
    """The connections of a client: made when first needed, and anew after a close or in a forked process."""

    def __init__(self, given: httpx.Client | None = None) -> None:
        """Use a client that the caller made, or make one."""
        self.given = given
        self._made: dict[int, httpx.Client] = {}

    def client(self) -> httpx.Client:
        """Return the client of this process; the first of two threads that meet here wins."""
        if self.given is not None:
            return _open(self.given)
        client = self._made.get(os.getpid())
        if client is None:
            made = bound_by_deadline(httpx.Client(verify=certificates(), limits=LIMITS))
            client = self._made.setdefault(os.getpid(), made)
            if client is not made:
                made.close()
        return client

    def close(self) -> None:
        """Close the connections; the next call makes new ones. A client that the caller made stays open."""
        client = self._made.pop(os.getpid(), None)
        if client is not None:
            client.close()


class AsyncPool:
    """The same for asyncio: connections belong to the event loop that they were made in."""

    def __init__(self, given: httpx.AsyncClient | None = None) -> None:
        """Use a client that the caller made, or make one for each event loop."""
        self.given = given
        self._given_to: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._made: dict[asyncio.AbstractEventLoop, tuple[int, httpx.AsyncClient]] = {}

    def client(self) -> httpx.AsyncClient:
        """Return the client of the running event loop in this process."""
        loop = asyncio.get_running_loop()
        if self.given is not None:
            if self._given_to is None:
                self._given_to = (os.getpid(), loop)
            if self._given_to != (os.getpid(), loop):
                raise ConfigurationError(
                    "the http_client given belongs to another event loop or process: give a new one there"
                )
            return _open(self.given)
        pid, client = self._made.get(loop, (0, None))
        if client is None or pid != os.getpid():
            # A client holds on to its loop, so that a weak reference to the loop would never end.
            for ended in [other for other in self._made if other.is_closed()]:
                del self._made[ended]
            client = bound_by_deadline(httpx.AsyncClient(verify=certificates(), limits=LIMITS))
            self._made[loop] = (os.getpid(), client)
        return client

    async def aclose(self) -> None:
        """Close the connections of this event loop; the next call makes new ones."""
        pid, client = self._made.pop(asyncio.get_running_loop(), (0, None))
        if client is not None and pid == os.getpid():
            await client.aclose()


def aiohttp_client(**options: Any) -> httpx.AsyncClient:
    """Return an httpx client over aiohttp's connections, for `AsyncPrintOS(http_client=…)`; close it yourself.

    Needs `printos-device[aiohttp]`. Many calls at once are faster on it than on httpx's own pool.
    """
    try:
        from httpx_aiohttp import HttpxAiohttpClient  # noqa: PLC0415 - optional
    except ImportError:
        raise ConfigurationError("aiohttp_client needs an extra: pip install 'printos-device[aiohttp]'") from None
    return HttpxAiohttpClient(**options)


def _open(given: Client) -> Client:
    if given.is_closed:
        raise ConfigurationError("the http_client given is closed")
    return given


@cache
def certificates() -> ssl.SSLContext:
    """Return whom to trust: read once, because that takes longer than many calls."""
    return httpx.create_ssl_context()


def bound_by_deadline(client: Client) -> Client:
    """Let no operation on a socket of this client outlive the call it belongs to."""
    from .network import bind  # noqa: PLC0415 - costs httpcore, which the first connection needs anyway

    bind(client)
    return client
