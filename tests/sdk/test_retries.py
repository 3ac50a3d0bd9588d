"""When a call is tried again: the server's wishes, the budget, the pause, the deadline."""

import datetime as dt
import time
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from server import in_turn, platform, respond, serving

from printos_ext import InternalServerError, PrintOS, RateLimitError, retries


@pytest.mark.parametrize(
    "headers",
    [
        lambda: {"retry_after": "1"},
        lambda: {"retry_after_ms": "1000", "retry_after": "900"},
        lambda: {"retry_after": format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2), usegmt=True)},
    ],
    ids=["seconds", "milliseconds", "date"],
)
def test_server_says_when_to_come_back(headers: Callable[[], dict[str, Any]]) -> None:
    with serving(in_turn(respond(503, **headers()), platform)) as server:
        begun = time.monotonic()
        with PrintOS("k", "s", base_url=server.url) as printos:
            printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")

    assert 0.9 <= time.monotonic() - begun <= 3.0
    assert len(server.arrived) == 2


@pytest.mark.parametrize("value", ["86400", "61"])
def test_long_wait_is_an_error_that_carries_it(value: str) -> None:
    with serving(respond(429, retry_after=value)) as server, PrintOS("k", "s", base_url=server.url) as printos:
        with pytest.raises(RateLimitError) as caught:
            printos.devices.list()

    assert caught.value.retry_after == float(value)
    assert len(server.arrived) == 1


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon", "", "1e999"])
def test_nonsense_in_retry_after_is_left_aside(value: str) -> None:
    with serving(respond(429, retry_after=value)) as server, PrintOS("k", "s", base_url=server.url) as printos:
        with pytest.raises(RateLimitError) as caught:
            printos.devices.list()

    assert caught.value.retry_after is None
    assert len(server.arrived) == 3


def test_call_does_not_wait_for_a_pause_that_leaves_it_no_time() -> None:
    asked = respond(429, retry_after="2")
    with serving(asked) as server, PrintOS("k", "s", base_url=server.url, max_retries=0, deadline=2) as printos:
        with pytest.raises(RateLimitError):
            printos.devices.list()
        begun = time.monotonic()
        with pytest.raises(RateLimitError, match="not sent: the server asked for a pause"):
            printos.devices.list()

    assert time.monotonic() - begun < 1


def test_pause_that_the_server_asks_for_is_kept_by_all_calls() -> None:
    with serving(in_turn(respond(429, retry_after="1"), platform)) as server:
        with PrintOS("k", "s", base_url=server.url, max_retries=0) as printos:
            with pytest.raises(RateLimitError):
                printos.devices.list()
            with pytest.raises(RateLimitError, match="not sent: the server asked for a pause") as caught:
                printos.with_options(deadline=0.1).devices.update_status("IL42", "DS_ON")
            begun = time.monotonic()
            printos.devices.list()

    assert caught.value.attempts == 0
    assert 0 < (caught.value.retry_after or 0) <= 1
    assert time.monotonic() - begun > 0.5
    assert [arrived.method for arrived in server.arrived] == ["GET", "GET"]


def test_dead_server_is_not_hammered() -> None:
    with serving(respond(500)) as server, PrintOS("k", "s", base_url=server.url) as printos:
        for _ in range(50):
            with pytest.raises(InternalServerError):
                printos.devices.list()

    assert len(server.arrived) == 50 + 10


def test_budget_comes_back_with_success() -> None:
    restraint = retries.Restraint()
    spent = sum(restraint.allows_retry() for _ in range(100))
    for _ in range(10):
        restraint.succeeded()

    assert spent == 10
    assert [restraint.allows_retry() for _ in range(3)] == [True, True, False]


def test_waits_grow_and_are_spread_over_the_whole_range() -> None:
    response = httpx.Response(500)
    now = dt.datetime.now(dt.UTC)
    rest: dict[str, Any] = {"max_retries": 99, "now": now}

    longest = [retries.decide("GET", response, n, jitter=lambda: 1.0, **rest) for n in (1, 2, 3, 99)]

    assert longest == [retries.FIRST_WAIT, retries.FIRST_WAIT * 2, retries.FIRST_WAIT * 4, retries.LONGEST_WAIT]
    assert retries.decide("GET", response, 1, jitter=lambda: 0.0, **rest) == 0.0
    assert all(0 <= retries.full_jitter() < 1 for _ in range(100))


@pytest.mark.parametrize("retries_", [0, 1, 4])
def test_number_of_retries_is_the_callers(retries_: int) -> None:
    with serving(respond(500)) as server, PrintOS("k", "s", base_url=server.url) as printos:
        with pytest.raises(InternalServerError) as caught:
            printos.with_options(max_retries=retries_).devices.list()

    assert caught.value.attempts == len(server.arrived) == retries_ + 1


def test_deadline_counts_waits_too() -> None:
    with (
        serving(respond(503, retry_after="9")) as server,
        PrintOS("k", "s", base_url=server.url, deadline=0.5) as printos,
    ):
        begun = time.monotonic()
        with pytest.raises(InternalServerError) as caught:
            printos.devices.list()

    assert time.monotonic() - begun < 5
    assert caught.value.retry_after == 9
