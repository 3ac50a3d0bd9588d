"""The connection to NATS: made anew for as long as it is wanted, with every question answered or failed in its time.

What is above it knows nothing of the client library. Nothing secret is in an error of it.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from printos_ext.agent.configuration import Nats
from printos_ext.agent.events import event
from printos_ext.agent.letters import OutboxError

from .access import options
from .ending import abandon, close, ended

ANSWER_WITHIN = 5.0  # seconds
BEFORE_NEXT_TRY = 0.5
WRONG_LAST, NOT_FOUND, TOO_LARGE = 10071, {10037, 10059}, 10054
GONE = {503, 10059}  # nobody takes what is put on a subject: its stream is not there

__all__ = ["Link", "LinkError", "Msg", "RefusedError"]

ONLY_ENDED = (ConnectionResetError, BrokenPipeError, nats.errors.UnexpectedEOF)


class LinkError(OutboxError, ConnectionError):
    """NATS is away, or did not answer in time: whether it did what was asked, nobody knows."""


class RefusedError(OutboxError):
    """NATS answered, and did not do what was asked."""

    def __init__(self, message: str, code: int) -> None:
        """Take the number that NATS gives the reason."""
        super().__init__(message)
        self.code = code


class Link:
    """NATS, from `async with` on: `is_up` tells whether it is there, as far as anybody knows.

    Whatever was subscribed to is gone when the link goes down. `on_up` is done each time it comes up: if any of that
    fails, it is not. `on_down` is told when it goes down.
    """

    def __init__(self, servers: str, access: Nats) -> None:
        """Find the credentials; nothing is sent yet.

        Args:
            servers: Such as `nats://a:4222,b:4222`.
            access: Who is let in, and how.
        """
        scheme, _, hosts = servers.partition("://")
        self.servers = servers
        self._options = options([f"{scheme}://{host}" for host in hosts.split(",")], access)
        self.on_up: list[Callable[[], Awaitable[None]]] = []
        self.on_down: list[Callable[[], None]] = []
        self.why_down: str | None = "it was not connected yet"
        self.is_up, self.tried = False, asyncio.Event()  # whether it is there, and whether that was ever found out
        self._down_since = time.monotonic()
        self._refusal: RefusedError | None = None
        self._has_said = False  # whether NATS itself told why it is away
        self._client: Client | None = None
        self._inbox = ""  # of the client
        self._answers: dict[str, asyncio.Future[Msg]] = {}
        self._numbers = itertools.count()

    async def __aenter__(self) -> Self:
        """Begin to connect, and wait for nobody."""
        self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self.aclose()

    def open(self) -> None:
        """Begin to connect, and wait for nobody."""
        self._keeping = asyncio.create_task(self._keep())

    async def aclose(self) -> None:
        """Close the connection."""
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)

    @property
    def seconds_down(self) -> float:
        """How long it has been away."""
        return 0.0 if self.is_up else time.monotonic() - self._down_since

    async def up(self, seconds: float) -> None:
        """Return when NATS is there; `LinkError` if it is not within the seconds, `RefusedError` if it is of no use."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.is_up:  # noqa: ASYNC110 - a task of ours changes it, and this is no hurry
                    await asyncio.sleep(0.01)
                return
        raise self._refusal or LinkError(f"{self.servers} is away: {self.why_down}")

    async def subscribe(self, subject: str, take: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """Let messages be taken until the link goes down, or `unsubscribe`."""
        return await self._there().subscribe(subject, cb=take)

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Let nothing more be taken."""
        with suppress(nats.errors.Error):  # the link has gone down since, and the subscription with it
            await subscription.unsubscribe()

    def new_inbox(self) -> str:
        """Return a subject that nobody else has."""
        return str(self._there().new_inbox())

    async def tell(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Send a message and wait for nothing."""
        await self._sent(subject, payload, reply, None)

    async def begin(self, subject: str, payload: bytes = b"", **headers: str) -> "asyncio.Future[Msg]":
        """Send a question; the answer comes by and by, or a `LinkError`. In this order they arrive.

        Args:
            subject: Where to.
            payload: What is asked.
            headers: With _ instead of -.
        """
        token = str(next(self._numbers))
        answer = asyncio.get_running_loop().create_future()
        self._answers[token] = answer
        answer.add_done_callback(lambda _: self._answers.pop(token, None))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            await self._sent(subject, payload, f"{self._inbox}.{token}", named or None)
        except BaseException:
            answer.cancel()
            raise
        return answer

    async def ask(self, subject: str, payload: bytes = b"", **headers: str) -> Msg:
        """Return the answer to a question."""
        answer = await self.begin(subject, payload, **headers)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await answer
        except TimeoutError:
            raise LinkError(f"{self.servers}: no answer to {subject} within {ANSWER_WITHIN:g} s") from None
        finally:
            answer.cancel()

    async def put(self, subject: str, payload: bytes, **headers: str) -> int:
        """Put a message into the stream of its subject, and return its number there when it is kept."""
        return number_in(await self.ask(subject, payload, **headers))

    async def api(self, word: str, **question: Any) -> dict[str, Any]:
        """Ask JetStream: `RefusedError` says why not."""
        return document_in(await self.ask(f"$JS.API.{word}", json.dumps(question).encode() if question else b""))

    async def delete(self, stream: str, place: int) -> None:
        """Delete a message of a stream; one that is not there any more has been replaced."""
        try:
            await self.api(f"STREAM.MSG.DELETE.{stream}", seq=place, no_erase=True)
        except RefusedError:
            if await self._is_there(stream, place):
                raise

    async def _is_there(self, stream: str, place: int) -> bool:
        try:
            await self.api(f"STREAM.MSG.GET.{stream}", seq=place)
        except RefusedError as error:
            if error.code in NOT_FOUND:
                return False
            raise
        return True

    async def _keep(self) -> None:
        """Connect, and connect again whenever the connection has ended."""
        while True:
            client, closed = Client(), asyncio.Event()
            try:
                await self._connect(client, closed)
                await ended(client, closed)
                abandon(client)
            except Exception as error:  # noqa: BLE001 - whatever it is, NATS is tried again
                self._note_error(error)
                self._refusal = error if isinstance(error, RefusedError) else None
                abandon(client)
            finally:
                self.tried.set()
                self._fall()
                await close(client)
            await asyncio.sleep(BEFORE_NEXT_TRY)

    async def _connect(self, client: Client, closed: asyncio.Event) -> None:
        async def over() -> None:
            closed.set()

        async def failed(error: Exception) -> None:
            if not self._keeping.cancelling():
                self._note_error(error)

        await client.connect(**self._options, closed_cb=over, disconnected_cb=over, error_cb=failed)
        self._inbox = client.new_inbox()
        await client.subscribe(f"{self._inbox}.*", cb=self._answered)
        self._client = client
        for begin in self.on_up:
            await begin()
        if self.why_down is not None:
            event("NATS is there", server=client.connected_url.netloc if client.connected_url else None)
        self.why_down, self.is_up, self._has_said = None, True, False
        self.tried.set()

    def _fall(self) -> None:
        """Let those know who wait for an answer, and those who rely on the link."""
        if self._client is None:
            return
        if self.is_up:
            self._down_since = time.monotonic()
        self._client, self.is_up = None, False
        if not self._keeping.cancelling():
            self._note(self.why_down or "the connection ended")
        for answer in list(self._answers.values()):
            if not answer.done():
                answer.set_exception(LinkError(f"{self.servers} went away before it answered: {self.why_down}"))
                answer.exception()  # whoever began to ask may have left
        for end in self.on_down:
            end()

    def _note_error(self, error: Exception) -> None:
        """Take down why NATS is away; that a connection ended says less than what NATS said before it ended it."""
        if isinstance(error, nats.errors.NoServersError) or (self._has_said and isinstance(error, ONLY_ENDED)):
            return
        self._has_said = not isinstance(error, OSError)
        self._note(str(error) or type(error).__name__)

    def _note(self, why: str) -> None:
        why = " ".join(why.split()).removeprefix("nats: ")
        if self.why_down != why:
            event("NATS is away", servers=self.servers, error=why, level="warning")
        self.why_down = why

    async def _answered(self, message: Msg) -> None:
        answer = self._answers.get(message.subject.rpartition(".")[2])
        if answer and not answer.done():
            answer.set_result(message)

    async def _sent(self, subject: str, payload: bytes, reply: str, headers: dict[str, str] | None) -> None:
        client = self._there()
        try:
            await client.publish(subject, payload, reply, headers)
        except nats.errors.MaxPayloadError:
            raise RefusedError("it is larger than NATS allows: see its max_payload", TOO_LARGE) from None
        except (OSError, nats.errors.Error) as error:
            raise LinkError(f"{self.servers}: {subject} was not sent: {error}") from None

    def _there(self) -> Client:
        if self._client is None or not self._client.is_connected:
            raise LinkError(f"{self.servers} is away: {self.why_down}")
        return self._client


def document_in(message: Msg) -> dict[str, Any]:
    """Return what JetStream answered, or raise what it refused."""
    status = (message.headers or {}).get("Status")
    if status:
        why = "NATS has no such stream, or is no JetStream: start nats-server with -js, and a forwarder before sites"
        raise RefusedError(why, int(status))
    document: dict[str, Any] = json.loads(message.data)
    if error := document.get("error"):
        raise RefusedError(f"NATS refuses: {error.get('description')}", error.get("err_code", 0))
    return document


def number_in(message: Msg) -> int:
    """Return the number of a message that was kept."""
    return int(document_in(message)["seq"])
