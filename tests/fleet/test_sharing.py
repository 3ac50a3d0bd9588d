"""How forwarders share the devices out, from who is there alone."""

from hypothesis import given
from hypothesis import strategies as st

from printos_ext.fleet.names import SHARES
from printos_ext.fleet.rates import Rate
from printos_ext.fleet.sharing import GONE_AFTER, SETTLED_AFTER, Circle, shared_out

MEMBERS = st.sets(st.text("abcdef0123456789", min_size=1, max_size=8), min_size=1, max_size=70)
ALL = set(range(SHARES))


@given(members=MEMBERS)
def test_every_share_has_one_owner_and_nobody_has_more_than_his_part(members: set[str]) -> None:
    shares = shared_out(members)

    assert sorted(share for mine in shares.values() for share in mine) == sorted(ALL)
    assert max(map(len, shares.values())) <= -(-SHARES // len(members))


@given(members=MEMBERS)
def test_order_in_which_others_are_heard_makes_no_difference(members: set[str]) -> None:
    assert shared_out(sorted(members)) == shared_out(sorted(members, reverse=True))


def test_newcomer_moves_few_shares() -> None:
    before, after = shared_out(["a", "b", "c"]), shared_out(["a", "b", "c", "d"])

    moved = sum(len(after[member] - before.get(member, set())) for member in after)
    assert moved <= SHARES / 4 + 6


def test_lonely_forwarder_takes_all_once_others_could_have_been_heard() -> None:
    circle = Circle("a")

    assert circle.mine(0.0) == set()
    assert circle.mine(SETTLED_AFTER) == ALL


def test_newcomer_is_made_room_for_at_once_and_takes_over_later() -> None:
    old, new = Circle("a"), Circle("b")
    for circle in (old, new):
        circle.hear("a", 100.0)
        circle.hear("b", 100.0)
    old.mine(0.0)
    left, taken = old.mine(100.0), new.mine(100.0)

    assert (0 < len(left) < SHARES, taken) == (True, set())
    assert new.mine(100.0 + SETTLED_AFTER) == ALL - left


def test_whoever_is_not_heard_any_more_or_takes_leave_is_replaced() -> None:
    silent, leaving = Circle("a"), Circle("a")
    for circle in (silent, leaving):
        circle.hear("b", 0.0)
        circle.mine(0.0)
    leaving.leave(["b"])
    leaving.mine(1.0)
    silent.mine(GONE_AFTER)
    silent.mine(GONE_AFTER + 0.1)

    assert leaving.mine(1.0 + SETTLED_AFTER) == ALL
    assert silent.mine(GONE_AFTER) != ALL
    assert silent.mine(GONE_AFTER + 0.1 + SETTLED_AFTER) == ALL


def test_who_was_cut_off_has_nothing_until_the_others_could_be_heard() -> None:
    circle = Circle("a")
    circle.mine(0.0)
    assert circle.mine(10.0) == ALL

    circle.begin()

    assert circle.mine(10.1) == set()


def test_rate_is_that_of_the_last_minute() -> None:
    rate = Rate()
    for second in range(0, 200, 5):
        rate.add(float(second), min(second, 100) * 10)

    assert rate.per_second == 0.0
    rate.add(205.0, 1600)
    assert round(rate.per_second, 1) == round(600 / 60, 1)
