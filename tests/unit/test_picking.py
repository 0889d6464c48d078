"""The order in which slots are filled: by priority, with a turn for what waited too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.picking import AgeingQuota, Picker
from narad.domain.status import BY_URGENCY, Priority

LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
LIMITS = {MEDIUM: 15.0, LOW: 60.0}
EVERY = st.integers(2, 20)
AGES = st.dictionaries(st.sampled_from(Priority), st.floats(0, 1_000), min_size=1)


@given(EVERY, st.lists(AGES, min_size=1, max_size=60))
def test_every_pick_but_each_nth_takes_the_most_urgent_at_hand(every: int, heads: list[dict[Priority, float]]) -> None:
    picker = Picker(AgeingQuota(every=every, limits_seconds=LIMITS))

    picks = [(number, ages, picker.pick(ages)) for number, ages in enumerate(heads, start=1)]

    for number, ages, picked in picks:
        if number % every:
            assert picked == next(priority for priority in BY_URGENCY if priority in ages)
        assert picked in ages


@given(EVERY, st.lists(AGES, min_size=1, max_size=10))
def test_each_nth_pick_takes_the_oldest_that_is_over_its_limit_if_any(
    every: int, heads: list[dict[Priority, float]]
) -> None:
    picker = Picker(AgeingQuota(every=every, limits_seconds=LIMITS))

    for ages in heads:
        for _ in range(every - 1):
            picker.pick({HIGH: 0.0})
        picked = picker.pick(ages)
        overdue = {priority: age for priority, age in ages.items() if priority in LIMITS and age > LIMITS[priority]}
        if overdue:
            assert picked is not None
            assert overdue[picked] == max(overdue.values())
        else:
            assert picked == next(priority for priority in BY_URGENCY if priority in ages)


@given(EVERY, st.integers(0, 40), st.sampled_from([MEDIUM, LOW]))
def test_a_task_that_waited_too_long_gets_its_turn_within_n_picks_under_any_load(
    every: int, before: int, priority: Priority
) -> None:
    picker = Picker(AgeingQuota(every=every, limits_seconds=LIMITS))
    for _ in range(before):
        picker.pick({HIGH: 500.0})

    picks = [picker.pick({HIGH: 500.0, priority: LIMITS[priority] + 1}) for _ in range(every)]

    assert picks.count(priority) == 1


def test_a_low_task_is_not_starved_by_aged_medium_ones() -> None:
    # MEDIUM tasks pile up too: LOW has its turn once it is the oldest.
    picker = Picker(AgeingQuota(every=2, limits_seconds=LIMITS))

    picks = [picker.pick({HIGH: 1.0, MEDIUM: 90.0, LOW: 100.0}) for _ in range(2)]

    assert picks == [HIGH, LOW]


@pytest.mark.parametrize(("age", "expected"), [(59.0, HIGH), (60.0, HIGH), (60.1, LOW)])
def test_only_a_wait_above_the_limit_counts_as_too_long(age: float, expected: Priority) -> None:
    picker = Picker(AgeingQuota(every=2, limits_seconds=LIMITS))
    picker.pick({HIGH: 0.0})

    assert picker.pick({HIGH: 0.0, LOW: age}) is expected


@given(EVERY)
def test_where_nothing_waits_nothing_is_picked_and_no_turn_is_used_up(every: int) -> None:
    picker = Picker(AgeingQuota(every=every, limits_seconds=LIMITS))
    for _ in range(every - 1):
        picker.pick({HIGH: 0.0})

    assert picker.pick({}) is None
    assert picker.pick({HIGH: 0.0, LOW: 61.0}) is LOW


@given(EVERY, st.lists(st.integers(0, 50), max_size=30))
def test_a_split_hands_out_every_slot_and_each_nth_by_age(every: int, slots: list[int]) -> None:
    picker = Picker(AgeingQuota(every=every, limits_seconds=LIMITS))

    splits = [picker.split(count) for count in slots]

    assert [by_priority + by_age for by_priority, by_age in splits] == slots
    assert all(by_priority >= 0 and by_age >= 0 for by_priority, by_age in splits)
    assert sum(by_age for _, by_age in splits) == sum(slots) // every


@given(EVERY, st.integers(1, 100))
def test_one_slot_at_a_time_has_its_aged_turn_as_often_as_many_at_once(every: int, slots: int) -> None:
    one_by_one = Picker(AgeingQuota(every=every))
    at_once = Picker(AgeingQuota(every=every))

    splits = [one_by_one.split(1) for _ in range(slots)]

    assert (sum(a for a, _ in splits), sum(b for _, b in splits)) == at_once.split(slots)
