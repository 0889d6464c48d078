"""An attempt to decide about or to run, and every way it can end."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import strategies as st

from narad.domain.outcome import Cancelled, Completed, Failed, HandedBack, Outcome, Snoozed
from narad.domain.status import Priority
from narad.domain.task import ClaimedTask, TaskError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

ATTEMPT = ClaimedTask(
    id=UUID("0197f3a0-0000-7000-8000-000000000001"),
    attempt=1,
    handler="demo.echo",
    queue="default",
    priority=Priority.MEDIUM,
    payload="{}",
    tags=(),
    failures=0,
    max_attempts=3,
    timeout_seconds=None,
    run_at=NOON,
    deadline_at=None,
)
"""The first attempt of a task; `_replace` makes others."""

DELAYS = st.floats(min_value=0, max_value=1_000_000)
ERRORS = st.builds(
    TaskError, type=st.sampled_from(["ValueError", "Timeout"]), message=st.text(max_size=5), retryable=st.booleans()
)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Completed, st.integers()),
    st.builds(Failed, error=ERRORS, retry_after_seconds=st.none() | DELAYS),
    st.just(Cancelled()),
    st.builds(Snoozed, DELAYS),
    st.builds(HandedBack, st.just("the worker stops"), DELAYS),
)
