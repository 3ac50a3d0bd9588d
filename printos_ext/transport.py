"""What happens to every call: wait for a pause, sign, send, read within bounds, try again, or raise a typed error.

`exchange` decides without I/O; `Transport` and `AsyncTransport` are the thin shells that wait and send for it. They are
httpx transports, so that a generated function called by hand gets all of it too.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Generator
from contextlib import aclosing, closing
from http import HTTPStatus
from typing import Any

import httpx

from .auth import HmacAuth, now, origin
from .decoding import RESULTS, Body, UnreadableError, read_json, readable
from .http1 import Headers as RawHeaders
from .http1 import Reply
from .pools import AsyncPool, Pool
from .prepared import PreparedRequest
from .reports import no_answer, refusal, still_paused, unreadable
from .retries import DEADLINE, LONGEST_RETRY_AFTER, METHOD_ENDS, Restraint, decide, full_jitter, retry_after
from .settings import Policy
from .tracing import spans
from .wire import Wire, message

log = logging.getLogger("printos_ext")

# What a log line may hold of an answer's headers: a list of what is harmless, since what is secret has no end.
SHORTEST_ATTEMPT = 0.1  # seconds: a call that has less than that left after a pause need not wait for its end
LOGGED_HEADERS = ("content-type", "date", "retry-after", "server", "x-request-id")
GRACE = 0.5
# What a server's redirect, or a name that is none, makes httpx raise.
IMPOSSIBLE = (httpx.InvalidURL, UnicodeError)
# They describe the body as it came, not as it is handed on.
BODY_HEADERS = {b"content-encoding", b"content-length", b"transfer-encoding"}
SUCCESSES = range(200, 300)
PROMISING = {method for method, _ in RESULTS}
KNOWN_STATUSES = {status.value for status in HTTPStatus}


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


class Taken(Answer):
    """A success that says nothing more, as most status updates get it: a response only as far as anybody looks."""

    content = b""

    def __init__(self, request: httpx.Request, status: int, headers: RawHeaders) -> None:
        self.request, self.status_code, self.headers = request, status, httpx.Headers(headers)


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
    request, model = answer.request, None
    if request.method in PROMISING:
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

    def __init__(self, policy: Policy, pool: Pool, restraint: Restraint) -> None:
        """Call as the policy says, over the connections and with the restraint that a client's calls share."""
        self._policy, self._pool, self._restraint = policy, pool, restraint
        self._span = spans()

    def handle_request(self, request: httpx.Request) -> Answer:
        """Lead one call to its answer or its error."""
        if not isinstance(request, PreparedRequest):
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
            try:
                answer = self._send(_part_of(request, next(flow)))
                while True:
                    answer = self._send(_part_of(request, flow.send(answer)))
            except httpx.TransportError as error:
                return error
            except IMPOSSIBLE as error:
                return httpx.RemoteProtocolError(f"an impossible address: {error}", request=request)
            except StopIteration:
                return answer
            except UnreadableError as fault:
                return answer.with_fault(fault)

    def _send(self, request: httpx.Request) -> Answer:
        before = DEADLINE.set(request.extensions["deadline"])
        try:
            client = self._pool.client()
            if isinstance(client, httpx.HTTPTransport):
                response = client.handle_request(request)
                response.request = request
            else:
                response = client.send(request, stream=True, follow_redirects=False)
            with closing(response):
                return self._read(response)
        finally:
            DEADLINE.reset(before)  # the caller's own client may be used for other things in this thread

    def _read(self, response: httpx.Response) -> Answer:
        try:
            body = _body(response, self._policy)
            for chunk in [response.content] if response.is_stream_consumed else response.iter_raw():
                body.feed(chunk)
                _check_deadline(response.request)
            content = body.complete()
        except UnreadableError as fault:
            return _answer(response, b"").with_fault(fault)
        return _taken(response.request, response.status_code, content, response.headers.raw) or _answer(
            response, content
        )


class AsyncTransport(httpx.AsyncBaseTransport):
    """The shell that awaits, for asyncio.

    A cancelled caller leaves at once, and what he asked ends by itself, within its limits. Our own connections see to
    that; over others, and where credentials may want several requests, every attempt runs in a task of its own. httpx's
    pool loses a connection for good when a request is cancelled at the wrong moment.
    """

    def __init__(self, policy: Policy, pool: AsyncPool, restraint: Restraint) -> None:
        """Call as the policy says, over the connections and with the restraint that a client's calls share."""
        self._policy, self._pool, self._restraint = policy, pool, restraint
        self._span = spans()
        self._attempts: set[asyncio.Task[Answer | httpx.TransportError]] = set()

    async def handle_async_request(self, request: httpx.Request) -> Answer:
        """Lead one call to its answer or its error."""
        if not isinstance(request, PreparedRequest):
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
        auth = _credentials(request, self._policy)
        if type(auth) is HmacAuth and isinstance(self._pool.client(), Wire):
            return await self._attempt(request, auth)
        task = asyncio.create_task(self._bounded(request, auth))
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)
        return await asyncio.shield(task)

    async def _bounded(self, request: httpx.Request, auth: httpx.Auth) -> Answer | httpx.TransportError:
        """End an attempt of a transport that does not know the deadline; ours ends by itself before."""
        try:
            async with asyncio.timeout(request.extensions["deadline"] - time.monotonic() + GRACE):
                return await self._attempt(request, auth)
        except TimeoutError:
            return httpx.ReadTimeout("the deadline of the call has passed", request=request)

    async def _attempt(self, request: httpx.Request, auth: httpx.Auth) -> Answer | httpx.TransportError:
        """Send a request with fresh credentials, and whatever else these ask to be sent."""
        try:
            if type(auth) is HmacAuth:
                auth.sign(request)
                return await self._send(request)
            async with aclosing(auth.async_auth_flow(request)) as flow:
                try:
                    answer = await self._send(_part_of(request, await anext(flow)))
                    while True:
                        answer = await self._send(_part_of(request, await flow.asend(answer)))
                except StopAsyncIteration:
                    return answer
                except UnreadableError as fault:
                    return answer.with_fault(fault)
        except httpx.TransportError as error:
            return error
        except IMPOSSIBLE as error:
            return httpx.RemoteProtocolError(f"an impossible address: {error}", request=request)

    async def _send(self, request: httpx.Request) -> Answer:
        client = self._pool.client()
        if isinstance(client, Wire):
            if isinstance(request, PreparedRequest):
                server, asked = client.server(request.origin), request.message()
            else:
                server, asked = client.server(origin(request.url)), message(request)
            return self._read(
                request, await server.ask(asked, request.method, request.extensions, self._policy.max_response_bytes)
            )
        DEADLINE.set(request.extensions["deadline"])
        response = await client.send(request, stream=True, follow_redirects=False)
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

    def _read(self, request: httpx.Request, reply: Reply) -> Answer:
        """Return what came over our own connections, decompressed within bounds."""
        try:
            body = Body(reply.encoding, self._policy.max_response_bytes)
            body.feed(reply.body)
            content = body.complete()
        except UnreadableError as fault:
            return answer_of(request, reply.status, reply.headers, reply.extensions, b"").with_fault(fault)
        return _taken(request, reply.status, content, reply.headers) or answer_of(
            request, reply.status, reply.headers, reply.extensions, content
        )


def _part_of(call: httpx.Request, request: httpx.Request) -> httpx.Request:
    """Bind a request that credentials want to be sent to the limits of the call that it is sent for."""
    request.extensions = {**call.extensions, **request.extensions}
    return request


def _credentials(request: httpx.Request, policy: Policy) -> httpx.Auth:
    """Return the credentials for the server they belong to, and none for any other."""
    if isinstance(request, PreparedRequest):
        return policy.auth
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
    return answer_of(response.request, response.status_code, response.headers.raw, response.extensions, content)


def _taken(request: httpx.Request, status: int, content: bytes, headers: RawHeaders) -> Taken | None:
    is_plain = not content and status in SUCCESSES and isinstance(request, PreparedRequest)
    return Taken(request, status, headers) if is_plain else None


def answer_of(
    request: httpx.Request, status: int, headers: RawHeaders, extensions: dict[str, Any], content: bytes
) -> Answer:
    """Return an answer whose body is complete and plain."""
    answer = Answer(status, content=content, request=request, extensions=extensions)
    answer.headers = httpx.Headers([(name, value) for name, value in headers if name.lower() not in BODY_HEADERS])
    return answer
