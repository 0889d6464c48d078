"""The pictured day is the same whenever it is made, and a day as the store could hold it."""

from narad.domain.statistics import MEASURE_OF, Measure
from narad.domain.status import Status
from tests.support.shop_day import AT, DAY, counts_of, day


def test_the_day_is_the_same_each_time() -> None:
    assert day() == day()


def test_nothing_happens_after_the_picture_is_taken_or_before_the_day() -> None:
    for row in day().tasks:
        moments = [row[name] for name in ("created_at", "started_at", "finished_at") if row[name] is not None]
        assert moments == sorted(moments)
        assert moments[0] >= AT - DAY
        assert moments[-1] <= AT


def test_what_ended_is_counted_once() -> None:
    rows = day().tasks
    counts = counts_of(rows)

    for status, wanted in MEASURE_OF.items():
        counted = sum(number for (_, (_, _, measure, _)), number in counts.items() if measure is wanted)
        assert counted == len([row for row in rows if row["status"] is status]) > 0
    created = sum(number for (_, (_, _, measure, _)), number in counts.items() if measure is Measure.CREATED)
    assert created == len(rows)
    assert {row["status"] for row in rows} == set(Status)
