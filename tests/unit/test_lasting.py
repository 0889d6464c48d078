"""Waits and streams of one key: so many at a time, whatever the others have."""

import pytest

from narad.api.caller import ANONYMOUS, Caller
from narad.api.lasting import Lasting
from narad.api.problems import QUOTA_EXCEEDED, Problem
from narad.domain.key import Grant
from narad.domain.scopes import EVERYTHING


def caller(key_id: str) -> Caller:
    return Caller(actor="someone", key_id=key_id, grant=Grant(name="a key"), scopes=EVERYTHING)


def test_a_key_has_its_number_and_gets_room_again_when_one_ends() -> None:
    lasting, mine, yours = Lasting(2), caller("mine"), caller("yours")

    assert [lasting.begin(mine) for _ in range(3)] == [True, True, False]
    assert lasting.begin(yours)
    lasting.end(mine)
    assert [lasting.begin(mine) for _ in range(2)] == [True, False]


def test_a_stream_counts_as_long_as_it_is_open_and_one_too_many_is_a_problem() -> None:
    lasting, mine = Lasting(1), caller("mine")

    with lasting.stream(mine):
        with pytest.raises(Problem) as refused, lasting.stream(mine):
            pass
        assert not lasting.begin(mine)
    assert refused.value.kind is QUOTA_EXCEEDED
    assert refused.value.headers["Retry-After"] == "5"
    assert lasting.begin(mine)


def test_who_has_no_key_has_no_number() -> None:
    lasting = Lasting(1)

    assert all(lasting.begin(ANONYMOUS) for _ in range(100))
    lasting.end(ANONYMOUS)
