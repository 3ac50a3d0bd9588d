"""Who may be sent for, and when: decided without I/O and without a clock."""

import datetime as dt
import os
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from printos_ext import errors
from printos_ext.agent.pacing import IN_A_ROW, LONGEST_WAIT, MOST_REFUSED, Gate, Pacing, backoff
from printos_ext.agent.verdicts import LONGEST_PAUSE, PAUSE_INSTEAD, Failure, Refusal, verdict

MINUTE = 60.0
AWAY = Failure("away", may_have_arrived=False)
LOST = Failure("lost")
SLOWER = Failure("slower", may_have_arrived=False, concerns_all=True, pause=30.0)


def pacing(*, min_interval: float = MINUTE, concurrency: int = 4) -> Pacing:
    return Pacing(min_interval, concurrency, lambda: 1.0)


def taken(pacing: Pacing, now: float) -> list[str]:
    """Return all that may be sent for now."""
    devices = []
    while (one := pacing.take(now)) is not None:
        devices.append(one[0])
    return devices


def refused_with(code: int, retry_after: float | None = None) -> errors.APIStatusError:
    response = httpx.Response(code, request=httpx.Request("PUT", "http://x/"))
    return errors.error_for(code)("refused", response=response, retry_after=retry_after)


def test_device_is_sent_for_once_in_its_interval() -> None:
    paced = pacing()
    paced.add("a", 0)

    assert taken(paced, 0) == ["a"]
    paced.succeeded("a", 1)
    paced.add("a", 2)

    assert (taken(paced, 60.9), paced.seconds_left(50), taken(paced, 61)) == ([], 11, ["a"])


def test_devices_that_are_refused_by_name_hold_up_nobody() -> None:
    paced = pacing(min_interval=2, concurrency=1)
    devices = [*(f"bad{n}" for n in range(20)), "good"]
    for device in devices:
        paced.add(device, 0)
    sent, now = [], 0.0
    while now < MINUTE:
        for device in taken(paced, now):
            sent.append(device)
            if device == "good":
                paced.succeeded(device, now)
            else:
                failure = verdict(refused_with(403))
                assert isinstance(failure, Failure)
                paced.failed(device, failure, now)
            paced.add(device, now)
        now += 0.1

    assert sent.count("good") >= MINUTE / 2 - 2
    assert len(sent) < 20 * 10 + MINUTE  # the others ever more seldom


@pytest.mark.parametrize("code", [403, 405, 409, 418])
def test_refusal_by_name_opens_the_gate_that_an_outage_closed(code: int) -> None:
    paced = pacing()
    for n in range(IN_A_ROW):
        paced.add(f"{n}", n)
        assert taken(paced, n) == [f"{n}"]
        paced.failed(f"{n}", AWAY, n)
    opens = paced.gate.opens_at
    paced.add("bad", opens)
    (one,) = taken(paced, opens)
    failure = verdict(refused_with(code))
    assert isinstance(failure, Failure)

    paced.failed(one, failure, opens + 1)

    assert (paced.gate.times_closed, paced.gate.reason) == (0, None)


def test_no_more_are_under_way_than_allowed_and_never_two_of_a_device() -> None:
    paced = pacing(concurrency=2)
    for device in "abcaab":
        paced.add(device, 0)

    assert taken(paced, 0) == ["a", "b"]
    paced.add("a", 1)
    assert (paced.seconds_left(1), taken(paced, 1)) == (None, [])
    paced.succeeded("a", 2)
    assert taken(paced, 2) == ["c"]


def test_status_that_may_have_arrived_is_not_repeated_within_the_interval() -> None:
    paced = pacing()
    for device, failure in (("lost", LOST), ("away", AWAY)):
        paced.add(device, 0)
        taken(paced, 0)
        paced.failed(device, failure, 1)
        paced.add(device, 1)

    assert (taken(paced, 30), taken(paced, 61)) == (["away"], ["lost"])


def test_server_that_is_away_is_asked_by_one_at_a_time() -> None:
    paced = pacing(concurrency=10)
    for n in range(10):
        paced.add(f"d{n}", 0)
    for device in taken(paced, 0):
        paced.failed(device, AWAY, 1)
        paced.add(device, 1)

    assert paced.gate.times_closed == 1  # those that were on their way count once
    assert len(taken(paced, 10)) == 1
    assert paced.seconds_left(10) is None


def test_others_follow_when_the_first_gets_through() -> None:
    paced = pacing(concurrency=10)
    for n in range(10):
        paced.add(f"d{n}", 0)
    for device in taken(paced, 0):
        paced.failed(device, AWAY, 1)
        paced.add(device, 1)
    (first,) = taken(paced, 100)
    paced.succeeded(first, 101)

    assert len(taken(paced, 101)) == 9


def test_waits_grow_while_the_server_is_away_and_end() -> None:
    paced, now, waits = pacing(min_interval=0), 0.0, []
    paced.add("a", now)
    for _ in range(40):
        assert taken(paced, now) == ["a"]
        paced.failed("a", AWAY, now)
        paced.add("a", now)
        left = paced.seconds_left(now)
        assert left is not None
        waits.append(left)
        now += left

    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


def test_device_that_fails_alone_closes_nothing() -> None:
    paced = pacing(min_interval=0)
    for n in range(3 * IN_A_ROW):
        for device in ("broken", "fine"):
            paced.add(device, n * 100)
        assert taken(paced, n * 100) == ["broken", "fine"]
        paced.failed("broken", LOST, n * 100)
        paced.succeeded("fine", n * 100)

    assert paced.gate.times_closed == 0


def test_pause_that_is_asked_for_is_kept_by_all_and_begun_once() -> None:
    paced = pacing()
    for device in "abcd":
        paced.add(device, 0)
    for moment, device in enumerate(taken(paced, 0)):
        paced.failed(device, SLOWER, 1 + moment * 0.1)
        paced.add(device, 2)
    paced.add("e", 2)

    assert (taken(paced, 31.2), taken(paced, 31.3)) == ([], ["e"])  # one that was not refused goes ahead


def test_success_that_was_on_its_way_before_a_pause_does_not_let_all_go_at_once() -> None:
    paced = pacing(min_interval=0)
    for device in "abcdef":
        paced.add(device, 0)
    taken(paced, 0)
    paced.failed("a", SLOWER, 1)
    for device in "bcd":
        paced.succeeded(device, 2)

    assert (taken(paced, 30), taken(paced, 31)) == ([], ["e"])


def test_last_word_does_not_wait_for_the_interval() -> None:
    paced = pacing()
    for device in "ab":
        paced.add(device, 0)
    taken(paced, 0)
    paced.succeeded("a", 1)
    paced.add("a", 2)
    paced.hurry(["a", "b"], 3)
    paced.succeeded("b", 4)
    paced.add("b", 5)

    assert (taken(paced, 5), paced.seconds_left(5)) == (["a", "b"], None)


def test_last_word_of_a_device_of_which_nothing_was_said_waits_for_the_interval() -> None:
    paced = pacing()
    paced.was_sent("a", 10, 0)
    paced.add("a", 0)
    paced.hurry(["a"], 1)

    assert (taken(paced, 49), taken(paced, 50)) == ([], ["a"])


def test_nobody_hurries_any_more_when_printos_minds() -> None:
    paced = pacing(concurrency=1)
    for device in "abc":
        paced.add(device, 0)
        (one,) = taken(paced, 0)
        paced.succeeded(one, 0)
        paced.add(device, 1)
    paced.add("due", 1)
    paced.hurry(["a", "b", "c", "due"], 1)
    sent = taken(paced, 1)
    paced.failed(sent[0], SLOWER, 2)
    paced.add(sent[0], 2)

    assert taken(paced, 2) == ["due"]
    paced.succeeded("due", 3)
    assert (taken(paced, 59), paced.gate.times_closed) == ([], 0)
    assert taken(paced, 60) == ["b"]


def test_interval_counts_from_what_was_sent_before() -> None:
    paced = pacing()
    for device, seconds_ago in (("a", 40.0), ("b", 0.0), ("c", 3600.0)):
        paced.was_sent(device, seconds_ago, 1000)
        paced.add(device, 1000)

    assert [taken(paced, now) for now in (1000, 1019, 1020, 1059, 1060)] == [["c"], [], ["a"], [], ["b"]]


def refusals(gate: Gate, devices: int) -> list[Failure | Refusal]:
    return [gate.judged(f"d{n}", Refusal("nobody")) for n in range(devices)]


def test_devices_that_are_all_refused_one_after_the_other_are_not_believed() -> None:
    judged = refusals(pacing().gate, MOST_REFUSED + 1)

    assert set(map(type, judged[:-1])) == {Refusal}
    assert judged[-1] == Failure("PrintOS refuses one device after the other: nobody", concerns_all=True)


def test_refusals_are_believed_as_long_as_printos_takes_something() -> None:
    paced = pacing()
    for _ in range(5):
        assert set(map(type, refusals(paced.gate, MOST_REFUSED))) == {Refusal}
        assert {type(paced.gate.judged("d0", Refusal("again"))) for _ in range(100)} == {Refusal}
        paced.add("good", 0)
        taken(paced, 0)
        paced.succeeded("good", 0)
        paced.was_sent("good", 3600, 0)


def test_standstill_is_seen_and_a_pause_is_none() -> None:
    paced = pacing()
    paced.add("a", 0)
    assert paced.overdue(20) == 20
    taken(paced, 20)
    assert paced.overdue(50) == 30
    paced.failed("a", SLOWER, 50)
    paced.add("a", 50)

    assert (paced.overdue(70), paced.overdue(100)) == (0, 100 - 81)


@pytest.mark.parametrize("code", [400, 404, 410, 413, 414, 415, 422, 431])
def test_refusal_is_for_good(code: int) -> None:
    assert isinstance(verdict(refused_with(code)), Refusal)


@pytest.mark.parametrize("code", [401, 403, 408, 409, 418, 429, 500, 502, 503, 520])
def test_anything_else_is_tried_again(code: int) -> None:
    assert isinstance(verdict(refused_with(code)), Failure)


def test_mistake_that_nothing_was_sent_for_is_for_good() -> None:
    assert isinstance(verdict(errors.InvalidArgumentError("device_id '..' names no device")), Refusal)


@pytest.mark.parametrize(
    ("code", "asked", "kept"),
    [
        (429, 30.0, 30.0),
        (429, LONGEST_PAUSE, LONGEST_PAUSE),
        (429, 10.0**9, PAUSE_INSTEAD),
        (429, None, None),
        (503, 30.0, 30.0),
        (500, 30.0, None),
    ],
)
def test_pause_that_nobody_can_mean_is_a_minute(code: int, asked: float | None, kept: float | None) -> None:
    judged = verdict(refused_with(code, asked))

    assert isinstance(judged, Failure)
    assert judged.pause == kept


def test_backoff_is_spread_over_half_of_its_length() -> None:
    assert [backoff(times, 0.0) for times in (1, 2, 3, 99)] == [0.5, 1.0, 2.0, 30.0]
    assert [backoff(times, 1.0) for times in (1, 2, 3, 99)] == [1.0, 2.0, 4.0, 60.0]


ENDS: dict[str, Callable[[Pacing, str, float], None]] = {
    "ok": Pacing.succeeded,
    "refused": Pacing.refused,
    "stumbled": Pacing.stumbled,
    "lost": lambda paced, device, now: paced.failed(device, LOST, now),
    "away": lambda paced, device, now: paced.failed(device, AWAY, now),
    "slower": lambda paced, device, now: paced.failed(device, SLOWER, now),
}
ARRIVES = {"ok", "refused", "lost"}


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "500")))
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(sorted(ENDS)), st.floats(0, 90)), max_size=60))
def test_no_device_is_ever_sent_for_sooner_than_allowed_and_none_is_forgotten(
    script: list[tuple[str, str, float]],
) -> None:
    paced, now, arrived_at = pacing(concurrency=2), 0.0, dict.fromkeys("abc", float("-inf"))
    for device, end, passing in script:
        now += passing
        paced.add(device, now)
        for chosen in taken(paced, now):
            assert now - arrived_at[chosen] >= MINUTE - 1e-5
            arrived_at[chosen] = now if end in ARRIVES else arrived_at[chosen]
            ENDS[end](paced, chosen, now)
    for device in "abc":
        paced.add(device, now)
    found = set()
    for _ in range(20):
        now += paced.seconds_left(now) or 0.0
        for device in taken(paced, now):
            found.add(device)
            paced.succeeded(device, now)

    assert found == set("abc")


def test_date_of_retry_after_that_a_wrong_clock_makes_absurd_is_a_minute() -> None:
    a_day = dt.timedelta(days=1).total_seconds()

    judged = verdict(refused_with(429, a_day))

    assert isinstance(judged, Failure)
    assert judged.pause == PAUSE_INSTEAD
