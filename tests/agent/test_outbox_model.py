"""Whatever is done to either outbox in whatever order, it holds what a dictionary would hold."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import ClassVar

import pytest
from attrs import frozen
from fleets import jetstream
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from nats_servers import NatsServer, nats_server
from outboxes import status

from printos_ext.agent.any_outbox import AnyOutbox
from printos_ext.agent.outbox import Letter, Outbox, OutboxError, Status

NAMES = st.sampled_from(["A", "B", "C", "D"])


@frozen
class Given:
    """A letter as the model knows it: its place in the order of all, and what it says."""

    place: int
    status: Status


class Model(RuleBasedStateMachine):
    """An outbox beside a dictionary of lists and a list of the dead."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = contextlib.AsyncExitStack()
        self.places = 0
        self.waiting: dict[str, list[Given]] = {}
        self.dead: list[Given] = []
        self.sent: dict[str, tuple[Letter, Given]] = {}

    def teardown(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    @initialize(history=st.booleans())
    def begin(self, history: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        self.history = history
        self.open()

    def open(self) -> None:
        self.outbox = self.loop.run_until_complete(self.stack.enter_async_context(self.opened()))

    def opened(self) -> AbstractAsyncContextManager[AnyOutbox]:
        return Outbox(Path(self.folder.name) / "outbox.db", history=self.history)

    @rule(names=st.lists(NAMES, min_size=1, max_size=4), word=st.text(max_size=3), metrics=st.integers() | st.none())
    def put(self, names: list[str], word: str, metrics: int | None) -> None:
        statuses = [status(name, word, pages_total=metrics) for name in names]
        self.loop.run_until_complete(self.outbox.put(*statuses))
        for one in statuses:
            self.places += 1
            self.add(Given(self.places, one))

    def add(self, given: Given) -> None:
        others = self.waiting.get(given.status.device_id, []) if self.history else []
        self.waiting[given.status.device_id] = sorted([*others, given], key=lambda one: one.place)

    @rule(name=NAMES)
    def send(self, name: str) -> None:
        letter = self.outbox.next(name)
        expected = self.waiting.get(name)
        assert bool(letter) == bool(expected)
        if letter and expected:
            assert letter.status == expected[0].status
            self.loop.run_until_complete(self.outbox.lease(letter))
            self.sent[name] = letter, expected[0]

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        letter, given = self.sent.pop(data.draw(st.sampled_from(sorted(self.sent))))
        self.loop.run_until_complete(self.outbox.ack(letter))
        self.remove(given)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), reason=st.text(max_size=5))
    def bury(self, data: st.DataObject, reason: str) -> None:
        letter, given = self.sent.pop(data.draw(st.sampled_from(sorted(self.sent))))
        self.loop.run_until_complete(self.outbox.bury(letter, reason))
        self.remove(given)
        self.dead = sorted([one for one in self.dead if one != given] + [given], key=lambda one: one.place)

    def remove(self, given: Given) -> None:
        name = given.status.device_id
        self.waiting[name] = [one for one in self.waiting.get(name, []) if one != given]

    @precondition(lambda self: self.dead)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.dead) - 1))
        given = self.dead[place]
        waiting = self.waiting.get(given.status.device_id, [])
        refused = not self.history and any(one.place > given.place for one in waiting)
        try:
            self.loop.run_until_complete(self.outbox.retry(self.outbox.dead()[place].number))
        except OutboxError:
            assert refused
        else:
            assert not refused
            self.dead.pop(place)
            self.add(given)

    @precondition(lambda self: self.dead)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.dead) - 1))
        self.loop.run_until_complete(self.outbox.drop(self.outbox.dead()[place].number))
        self.dead.pop(place)

    @rule()
    def reopen(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.open()

    @invariant()
    def is_as_expected(self) -> None:
        if not hasattr(self, "outbox"):
            return
        counts = self.outbox.counts()
        assert set(self.outbox.waiting()) == {name for name, letters in self.waiting.items() if letters}
        assert counts.waiting == sum(map(len, self.waiting.values()))
        assert [dead.status for dead in self.outbox.dead()] == [given.status for given in self.dead]
        assert (counts.dead, counts.dropped, counts.lost) == (len(self.dead), 0, 0)


class NatsModel(Model):
    """The same, on NATS."""

    server: ClassVar[NatsServer]

    def opened(self) -> AbstractAsyncContextManager[AnyOutbox]:
        return jetstream(self.server, Path(self.folder.name).name, history=self.history)


@pytest.fixture(scope="module", autouse=True)
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        NatsModel.server = server
        yield


TestNatsBesideItsModel = NatsModel.TestCase
TestNatsBesideItsModel.settings = settings(
    max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "100")) // 10, stateful_step_count=30
)
TestOutboxBesideItsModel = Model.TestCase
TestOutboxBesideItsModel.settings = settings(
    max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "40")), stateful_step_count=30
)
