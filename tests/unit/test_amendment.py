"""What follows from an amendment, for any task and any time."""

from dataclasses import asdict
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from narad.api.submission import as_stored
from narad.domain.amendment import Amendment, amended
from narad.domain.status import Priority
from narad.domain.task import Task
from tests.support.tasks import NOW, new_task

SECONDS = st.integers(-1_000, 1_000).map(lambda number: timedelta(seconds=number))


def a_task(run_in: timedelta, expires_after: timedelta | None, priority: Priority) -> Task:
    run_at = NOW + run_in
    expires_at = None if expires_after is None else run_at + abs(expires_after)
    return as_stored(new_task(run_at=run_at, expires_at=expires_at, priority=priority))


TASKS = st.builds(a_task, SECONDS, st.none() | SECONDS, st.sampled_from(Priority))
AMENDMENTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(),
        "description": st.none() | st.text(),
        "priority": st.sampled_from(Priority),
        "tags": st.lists(st.text()),
        "run_at": SECONDS.map(lambda delta: NOW + delta),
    },
)


@given(TASKS, AMENDMENTS)
def test_nothing_is_written_but_what_is_given_and_what_follows(task: Task, amendment: Amendment) -> None:
    values = amended(task, amendment, NOW)

    assert set(values) - set(amendment) <= {"expires_at", "due_at", "handovers"}
    assert all(values[field] == amendment[field] for field in amendment if field != "run_at")  # type: ignore[literal-required]


@given(TASKS, AMENDMENTS)
def test_a_task_is_due_anew_when_it_goes_another_way_or_at_another_time_and_only_then(
    task: Task, amendment: Amendment
) -> None:
    values = amended(task, amendment, NOW)

    moves = "run_at" in amendment or amendment.get("priority", task.priority) != task.priority
    assert ("due_at" in values) is moves
    if moves:
        assert values["due_at"] >= NOW
        assert values["due_at"] >= values.get("run_at", task.run_at)


@given(TASKS, SECONDS)
def test_the_time_that_a_task_may_wait_moves_with_it(task: Task, delta: timedelta) -> None:
    values = amended(task, {"run_at": NOW + delta}, NOW)

    assert values["run_at"] == max(NOW + delta, NOW)
    if task.expires_at is None:
        assert "expires_at" not in values
    else:
        assert values["expires_at"] - values["run_at"] == task.expires_at - task.run_at


@given(TASKS)
def test_an_empty_amendment_changes_nothing(task: Task) -> None:
    before = asdict(task)

    assert amended(task, {}, NOW) == {}
    assert asdict(task) == before
