"""What happens to every call: wait for a pause, sign, send, read within bounds, try again, or raise a typed error.

`exchange` decides without I/O; `Transport` and `AsyncTransport` are the thin shells that wait and send for it. They are
httpx transports, so that a generated function called by hand gets all of it too.
"""

import asyncio
import time
from contextlib import aclosing, closing

import httpx

from .answers import Answer, complete
from .auth import HmacAuth, origin
from .decoding import Body, UnreadableError
from .exchange import Outcome, exchange
from .http1 import Reply
from .pools import AsyncPool, Pool
from .prepared import PreparedRequest
from .retries import DEADLINE, Restraint
from .settings import Policy
from .tracing import spans
from .wire import Wire, message

GRACE = 0.5
# What a server's redirect, or a name that is none, makes httpx raise.
IMPOSSIBLE = (httpx.InvalidURL, UnicodeError)


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
        return _answer(response, content)


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
        auth, client = _credentials(request, self._policy), self._pool.client()
        if type(auth) is HmacAuth and isinstance(client, Wire):
            return await self._attempt(request, auth, client)
        task = asyncio.create_task(self._bounded(request, auth, client))
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)
        return await asyncio.shield(task)

    async def _bounded(
        self, request: httpx.Request, auth: httpx.Auth, client: Wire | httpx.AsyncClient
    ) -> Answer | httpx.TransportError:
        """End an attempt of a transport that does not know the deadline; ours ends by itself before."""
        try:
            async with asyncio.timeout(request.extensions["deadline"] - time.monotonic() + GRACE):
                return await self._attempt(request, auth, client)
        except TimeoutError:
            return httpx.ReadTimeout("the deadline of the call has passed", request=request)

    async def _attempt(
        self, request: httpx.Request, auth: httpx.Auth, client: Wire | httpx.AsyncClient
    ) -> Answer | httpx.TransportError:
        """Send a request with fresh credentials, and whatever else these ask to be sent."""
        try:
            if type(auth) is HmacAuth:
                auth.sign(request)
                return await self._send(request, client)
            async with aclosing(auth.async_auth_flow(request)) as flow:
                try:
                    answer = await self._send(_part_of(request, await anext(flow)), client)
                    while True:
                        answer = await self._send(_part_of(request, await flow.asend(answer)), client)
                except StopAsyncIteration:
                    return answer
                except UnreadableError as fault:
                    return answer.with_fault(fault)
        except httpx.TransportError as error:
            return error
        except IMPOSSIBLE as error:
            return httpx.RemoteProtocolError(f"an impossible address: {error}", request=request)

    async def _send(self, request: httpx.Request, client: Wire | httpx.AsyncClient) -> Answer:
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
            return complete(request, reply.status, reply.headers, reply.extensions, b"").with_fault(fault)
        return complete(request, reply.status, reply.headers, reply.extensions, content)


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
    return complete(response.request, response.status_code, response.headers.raw, response.extensions, content)
