"""What devices and streams are called on NATS: whatever an id holds, it is one token of a subject."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printos_ext.agent.letters import OutboxError
from printos_ext.fleet.names import SHARES, Names, device_of, key_of, share_of

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


@given(device_id=IDS)
def test_any_id_is_one_token_and_comes_back(device_id: str) -> None:
    subject = Names("f").status(device_id)
    *_, token = subject.split(".")

    assert subject.count(".") == 3
    assert not set(token) & set(" *>\t\r\n\0")
    assert token.isascii()
    assert token != "%"
    assert device_of(subject) == device_id


@given(device_id=IDS)
def test_device_always_belongs_to_the_same_share(device_id: str) -> None:
    assert 0 <= share_of(device_id) == share_of(device_id) < SHARES


@pytest.mark.parametrize("device_id", ["", "x" * 2001, "ä" * 400])
def test_id_that_no_subject_can_hold_is_refused_in_one_line(device_id: str) -> None:
    with pytest.raises(OutboxError, match="no subject can hold the id") as caught:
        Names().status(device_id)

    assert len(str(caught.value)) < 200


def test_key_of_a_device_tells_model_and_serial_number_apart() -> None:
    assert len({key_of("a", "b"), key_of("ab", ""), key_of("", "ab"), key_of("b", "a")}) == 4
    assert key_of("HP Indigo 7K", "41000042").isalnum()
