"""How an attempt in a test ended: as a value with everything the service would do about it, or as an exception."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from narad.clock import Clock
from narad.domain.decide import Finish, decide
from narad.domain.outcome import Outcome
from narad.domain.retry import RetryPolicy
from narad.domain.status import Status
from narad.domain.task import ClaimedTask, Json, TaskError


class Cancelled(Exception):  # noqa: N818 - named as the outcome that it is
    """The attempt ended because the task was cancelled, as `TaskEnv(cancel_at_progress=…)` asks for."""


class AttemptFailed(Exception):  # noqa: N818 - as above
    """The attempt failed without an exception of the handler that could be raised here; `error` says how."""

    def __init__(self, error: TaskError) -> None:
        super().__init__(f"{error.type}: {error.message}")
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of the task after the attempt.

    `status` is COMPLETED, FAILED, CANCELLED, or PENDING where the task would run again at `run_at`, which is `delay`
    from now. `charged` says whether the attempt counts as a failure, and `exception` is what the handler raised, where
    it ran in this process.
    """

    status: Status
    result: Json = None
    error: TaskError | None = None
    run_at: datetime | None = None
    delay: timedelta | None = None
    charged: bool = False
    exception: BaseException | None = None


def ended(
    task: ClaimedTask, outcome: Outcome, clock: Clock, policy: RetryPolicy, exception: BaseException | None
) -> Ended:
    """The outcome as the service would decide on it."""
    now = clock.now()
    decision = decide(task, outcome, now, policy)
    if isinstance(decision, Finish):
        return Ended(
            status=decision.status,
            result=decision.result,
            error=decision.error,
            charged=decision.charge > 0,
            exception=exception,
        )
    return Ended(
        status=Status.PENDING,
        error=decision.error,
        run_at=decision.run_at,
        delay=decision.run_at - now,
        charged=decision.charge > 0,
        exception=exception,
    )
