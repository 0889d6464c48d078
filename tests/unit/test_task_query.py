"""The parameters of a list: what they mean to the store, and which are refused."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from narad.api.task_query import SORTS, TaskFilters, TaskQuery, to_filter, to_order
from narad.domain.status import Priority, Status
from narad.domain.task import Part
from narad.store.filters import TaskFilter
from narad.store.order import Order, SortKey

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TIMES = [f"{what}_{side}" for what in ("created", "started", "finished") for side in ("after", "before")]


def query(**parameters: object) -> TaskQuery:
    return TaskQuery.model_validate(parameters)


def refused(**parameters: object) -> str:
    with pytest.raises(ValidationError) as caught:
        query(**parameters)
    (error,) = caught.value.errors()
    assert error["loc"][0] == next(iter(parameters))
    return error["msg"]


def test_nothing_asked_is_the_filter_that_asks_nothing_and_the_newest_first() -> None:
    assert to_filter(TaskQuery(), NOW) == TaskFilter()
    assert to_order(TaskQuery()) == Order(SortKey.CREATED_AT, descending=True)


def test_every_filter_reaches_the_store() -> None:
    worker, task = UUID(int=1), UUID(int=2)
    lists = {
        "status": (Status.NEW,),
        "priority": (Priority.LOW,),
        "handler": ("h",),
        "queue": ("q",),
        "worker": (worker,),
        "parent": (task,),
        "tag": ("t",),
        "id": (task,),
    }
    single = {"name": "n", "q": "some", "error_type": "E", "has_error": False}
    times = {name: NOW + timedelta(days=day) for day, name in enumerate(TIMES)}
    given_ = {**{name: list(value) for name, value in lists.items()}, **single, **times}
    assert set(given_) == set(TaskFilters.model_fields)

    assert to_filter(query(**given_), NOW) == TaskFilter(**lists, **single, **times)  # type: ignore[arg-type] # as named


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ("-90s", timedelta(seconds=90)),
        ("-30m", timedelta(minutes=30)),
        ("-24h", timedelta(hours=24)),
        ("-7d", timedelta(days=7)),
        ("-2w", timedelta(weeks=2)),
        ("-0h", timedelta(0)),
    ],
)
@pytest.mark.parametrize("name", TIMES)
def test_an_age_counts_back(name: str, age: str, expected: timedelta) -> None:
    assert getattr(to_filter(query(**{name: age}), NOW), name) == NOW - expected


def test_a_moment_of_any_zone_is_taken_as_it_is() -> None:
    wanted = to_filter(query(created_after="2026-01-01T05:30:00+05:30"), NOW)

    assert wanted.created_after == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["24h", "+24h", "-24", "-24H", "-1y", "- 24h", "-1.5h", "--1h", "-h", "yesterday", "2026-01-01T00:00:00", ""],
)
def test_what_is_neither_a_moment_nor_an_age_is_refused_with_both_forms(text: str) -> None:
    message = refused(created_after=text)

    assert "2026-01-31T08:00:00Z" in message
    assert "-24h" in message


@pytest.mark.parametrize("age", ["-36526d", "-9999999999s", "-9999999999w"])
def test_an_age_of_more_than_a_century_is_refused(age: str) -> None:
    assert "100 years" in refused(created_after=age)


@given(st.integers(0, 36_525 * 24))
def test_every_age_within_a_century_is_taken(hours: int) -> None:
    assert to_filter(query(finished_before=f"-{hours}h"), NOW).finished_before == NOW - timedelta(hours=hours)


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_is_an_order(sort: str) -> None:
    order = to_order(query(sort=sort))

    assert f"{'-' if order.descending else ''}{order.key}" == sort


def test_every_order_has_its_sort_both_ways() -> None:
    assert set(SORTS) == {f"{sign}{key}" for sign in ("", "-") for key in SortKey}


@pytest.mark.parametrize("sort", ["", "-", "id", "--name", "created_at,-name", "NAME"])
def test_another_sort_is_refused_with_those_there_are(sort: str) -> None:
    assert "'-created_at'" in refused(sort=sort)


@pytest.mark.parametrize("fields", [["payload", "error.traceback"], ["payload,error.traceback"]])
def test_fields_may_repeat_or_stand_with_commas(fields: list[str]) -> None:
    assert query(fields=fields).fields == [Part.PAYLOAD, Part.TRACEBACK]


@pytest.mark.parametrize(
    "parameters",
    [{"fields": ["payloads"]}, {"include": ["all"]}, {"id": [str(UUID(int=n)) for n in range(101)]}, {"q": ""}],
)
def test_a_wrong_value_is_refused(parameters: dict[str, object]) -> None:
    refused(**parameters)


def test_a_hundred_ids_are_taken() -> None:
    assert len(query(id=[str(UUID(int=number)) for number in range(100)]).id) == 100
