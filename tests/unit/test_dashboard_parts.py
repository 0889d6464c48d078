"""The pure parts of the dashboard: how values look, what is hidden, what a page is asked for."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from fastapi import Request

from narad.api.task_query import TaskQuery
from narad.dashboard.course import RANGES, course_of
from narad.dashboard.formatting import HIDDEN, LONGEST_JSON, NOTHING, between, duration, masked, percent, pretty
from narad.dashboard.queries import address_with, asked
from narad.dashboard.settings_page import shown_settings
from narad.domain.histogram import percentile
from narad.domain.statistics import Measure
from narad.domain.status import Status
from narad.domain.task import Json
from narad.settings import Settings
from narad.store.statistics import Bucketed

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def request(query: str, path: str = "/ui/tasks") -> Request:
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": [],
        "scheme": "http", "server": ("testing", 80), "root_path": "",
    }  # fmt: skip
    return Request(scope)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, NOTHING), (-1, "0 ms"), (0, "0 ms"), (0.25, "250 ms"), (4.21, "4.2 s"), (42.4, "42 s"),
        (200, "3 m 20 s"), (3600, "1 h"), (7500, "2 h 5 m"), (273_600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_a_duration_is_shown_in_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_a_duration_that_has_no_end_yet_is_none() -> None:
    assert between(NOON, None) == between(None, NOON) == NOTHING
    assert between(NOON, NOON + timedelta(seconds=2)) == "2.0 s"


def test_what_looks_like_a_secret_is_hidden_at_any_depth() -> None:
    value: Json = {
        "Password": "a",
        "items": [{"api_token": 1, "AUTHORIZATION": ["x"], "clientSecret": {"a": 1}, "name": "b"}],
    }

    assert masked(value) == {
        "Password": HIDDEN,
        "items": [{"api_token": HIDDEN, "AUTHORIZATION": HIDDEN, "clientSecret": HIDDEN, "name": "b"}],
    }
    assert masked({"token": None}) == {"token": None}
    assert masked("a password") == "a password"


@pytest.mark.parametrize(
    ("part", "text"), [(0, "0 %"), (0.29, "29 %"), (0.57, "57 %"), (0.999, "99 %"), (0.999_999, "99 %"), (1, "100 %")]
)
def test_a_part_is_all_of_it_only_where_nothing_is_missing(part: float, text: str) -> None:
    assert percent(part) == text


def test_json_is_shown_up_to_a_limit() -> None:
    assert pretty({"a": "é"}) == '{\n  "a": "é"\n}'
    assert len(pretty(["x" * 1000] * 1000)) == LONGEST_JSON + 2


def test_a_page_is_asked_by_the_model_of_the_api() -> None:
    wanted = asked(request("status=FAILED&status=NEW&name=&limit=7&lang=ru&colour=red"), TaskQuery)

    assert wanted.query.status == [Status.FAILED, Status.NEW]
    assert (wanted.query.name, wanted.query.limit) == (None, 7)
    assert (wanted.wrong, wanted.unknown) == ({}, ("colour",))


def test_what_cannot_be_understood_is_named_and_left_out() -> None:
    wanted = asked(request("status=DONE&limit=900&tag=a"), TaskQuery)

    assert set(wanted.wrong) == {"status", "limit"}
    assert wanted.query.tag == ["a"]
    assert wanted.query.status == []


def test_an_address_with_other_filters_begins_at_the_first_page() -> None:
    page = request("tag=a&tag=b&cursor=x&q=")

    assert address_with(page, {"status": "NEW"}) == "/ui/tasks?tag=a&tag=b&status=NEW"
    assert address_with(page, {"cursor": "y"}) == "/ui/tasks?tag=a&tag=b&cursor=y"
    assert address_with(page, {"tag": None}) == "/ui/tasks"


def bucketed(starts_at: datetime, measure: Measure, total: int, bucket: int = 0) -> Bucketed:
    return Bucketed(starts_at=starts_at, measure=measure, bucket=bucket, total=total)


@pytest.mark.parametrize("name", RANGES)
def test_a_range_ends_with_the_span_that_lasts_still(name: str) -> None:
    now = NOON + timedelta(minutes=7, seconds=30)
    starts = RANGES[name].starts(now)

    assert starts[-1] <= now < starts[-1] + RANGES[name].length
    assert {after - before for before, after in pairwise(starts)} == {RANGES[name].length}
    assert all(RANGES[name].span.start(start) == start for start in starts)


def test_a_course_has_every_span_and_what_they_come_to() -> None:
    starts = RANGES["15m"].starts(NOON)
    first, second = starts[:2]
    counted = [
        bucketed(second, Measure.COMPLETED, 6),
        bucketed(second, Measure.FAILED, 2),
        bucketed(second, Measure.CREATED, 9),
        bucketed(second, Measure.WAIT, 10, bucket=4),
        bucketed(first - timedelta(minutes=1), Measure.FAILED, 100),
    ]

    course = course_of(counted, starts)

    assert [one.starts_at for one in course.stretches] == list(starts)
    assert (course.stretches[0].completed, course.stretches[0].wait) == (0, (None, None))
    assert (course.stretches[1].completed, course.stretches[1].failed) == (6, 2)
    assert course.stretches[1].wait == course.wait == (percentile({4: 1}, 0.5), percentile({4: 1}, 0.95))
    assert (course.completed, course.failed, course.success) == (6, 2, 0.75)
    assert course_of([], starts).success is None


def test_a_setting_that_is_secret_shows_only_that_it_is_set() -> None:
    settings = Settings(secret_key="x" * 40, database_url="postgresql://u:hush@h/d", queues="a,b")  # type: ignore[arg-type]
    shown = {one.variable: one.value for one in shown_settings(settings)}

    assert set(shown.values()) & {"x" * 40, "postgresql://u:hush@h/d"} == set()
    assert shown["NARAD_SECRET_KEY"] == shown["NARAD_DATABASE_URL"] != ""
    assert shown["NARAD_BROKER_URL"] == ""
    assert shown["NARAD_QUEUES"] == "a, b"
