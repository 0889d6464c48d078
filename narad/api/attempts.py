"""The attempts of a task as people see them: what is kept of those that failed, and what its row says of the latest."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

from narad.api.schemas import ErrorView, ShownMoment
from narad.domain.status import Status
from narad.domain.task import FailedAttempt, Task

AttemptOutcome = TypeAliasType(
    "AttemptOutcome", Literal["RUNNING", "COMPLETED", "FAILED", "LOST", "CANCELLED", "PUT_BACK"]
)
_OUTCOMES: dict[Status, AttemptOutcome] = {
    Status.IN_PROGRESS: "RUNNING",
    Status.COMPLETED: "COMPLETED",
    Status.CANCELLED: "CANCELLED",
    Status.FAILED: "FAILED",
    Status.PENDING: "PUT_BACK",
    Status.NEW: "PUT_BACK",
}


class AttemptView(BaseModel):
    """One execution of a task."""

    model_config = ConfigDict(from_attributes=True)

    attempt: int
    outcome: AttemptOutcome = Field(description="LOST: its worker died. PUT_BACK: it ended without a charge, to go on.")
    worker_id: UUID | None
    started_at: ShownMoment | None
    finished_at: ShownMoment | None
    error: ErrorView | None


class AttemptsView(BaseModel):
    """The known attempts of a task, the first first."""

    items: list[AttemptView]


def attempts_of(task: Task, failed: Sequence[FailedAttempt]) -> AttemptsView:
    """The attempts of a task, out of those kept and its row."""
    items = [
        AttemptView(
            attempt=one.attempt,
            outcome="LOST" if one.error.type == "WorkerLost" else "FAILED",
            worker_id=one.worker_id,
            started_at=one.started_at,
            finished_at=one.finished_at,
            error=ErrorView.model_validate(one.error, from_attributes=True),
        )
        for one in failed
    ]
    known = {item.attempt for item in items}
    if task.attempt and task.attempt not in known:
        items.append(_latest(task))
    return AttemptsView(items=items)


def _latest(task: Task) -> AttemptView:
    ended = task.status in {Status.COMPLETED, Status.FAILED, Status.CANCELLED}
    return AttemptView(
        attempt=task.attempt,
        outcome=_OUTCOMES[task.status],
        worker_id=task.worker_id,
        started_at=task.started_at,
        finished_at=task.finished_at if ended else None,
        error=ErrorView.model_validate(task.error, from_attributes=True) if ended and task.error else None,
    )
