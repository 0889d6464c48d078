"""Whole lives of a task: any order of hand-over, claim, outcome, cancel, rescue and retry keeps the promises."""

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from narad.domain.decide import Decision, Finish, PutBack, decide
from narad.domain.outcome import Cancelled, Failed, Outcome
from narad.domain.status import MOVES, Status
from narad.domain.task import ClaimedTask
from tests.support.attempts import ATTEMPT, NOON, OUTCOMES

LEGAL = {(move.source, move.target) for move in MOVES}


class TaskLife(RuleBasedStateMachine):
    """One task as the store keeps it, in a few fields; all that ends an attempt goes through the real `decide`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.status = Status.NEW
        self.attempt = 0
        self.failures = 0
        self.failed_attempts = 0
        self.losses = 0
        self.max_attempts = self.max_losses = 1
        self.run_at = NOON
        self.finished_at: datetime | None = None
        self.cancel_requested = False
        self.highest_attempt = 0
        self.old_attempts: list[ClaimedTask] = []

    @initialize(max_attempts=st.integers(1, 4), max_losses=st.integers(0, 3), delay=st.integers(0, 3))
    def submit(self, max_attempts: int, max_losses: int, delay: int) -> None:
        self.max_attempts, self.max_losses = max_attempts, max_losses
        self.run_at = self.now + timedelta(seconds=delay)

    @rule(seconds=st.sampled_from([1, 60, 1_000_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.status is Status.NEW)
    @rule()
    def hand_over(self) -> None:
        self._move(Status.PENDING)

    @precondition(lambda self: self.status.is_waiting and self.run_at <= self.now)
    @rule()
    def claim(self) -> None:
        self._move(Status.IN_PROGRESS)
        self.attempt += 1

    @precondition(lambda self: self.status is Status.IN_PROGRESS)
    @rule(outcome=OUTCOMES)
    def attempt_ends(self, outcome: Outcome) -> None:
        self.failed_attempts += isinstance(outcome, Failed)
        decision = decide(self._claimed(), outcome, self.now)
        if self.cancel_requested and isinstance(decision, PutBack):
            decision = decide(self._claimed(), Cancelled(), self.now)
            self.failed_attempts -= isinstance(outcome, Failed)
        self._apply(decision)

    @precondition(lambda self: self.old_attempts)
    @rule(data=st.data(), outcome=OUTCOMES)
    def old_attempt_ends_late(self, data: st.DataObject, outcome: Outcome) -> None:
        late = data.draw(st.sampled_from(self.old_attempts))
        before = (self.status, self.attempt, self.failures, self.run_at, self.finished_at)

        self._apply(decide(late, outcome, self.now))

        assert (self.status, self.attempt, self.failures, self.run_at, self.finished_at) == before

    @precondition(lambda self: self.status is Status.IN_PROGRESS)
    @rule()
    def worker_is_lost(self) -> None:
        self.old_attempts.append(self._claimed())
        self.losses += 1
        if self.losses > self.max_losses:
            self._finish(Status.FAILED)
        elif self.cancel_requested:
            self._finish(Status.CANCELLED)
        else:
            self._move(Status.PENDING)
            self.run_at = self.now

    @precondition(lambda self: not self.status.is_final)
    @rule()
    def person_cancels(self) -> None:
        if self.status.is_waiting:
            self._finish(Status.CANCELLED)
        else:
            self.cancel_requested = True

    @precondition(lambda self: self.status in {Status.FAILED, Status.CANCELLED})
    @rule()
    def person_retries(self) -> None:
        self._move(Status.PENDING)
        self.failures = self.failed_attempts = self.losses = 0
        self.cancel_requested = False
        self.finished_at = None
        self.run_at = self.now

    @invariant()
    def attempt_only_grows(self) -> None:
        assert self.attempt >= self.highest_attempt
        self.highest_attempt = self.attempt

    @invariant()
    def failed_attempts_are_charged_and_never_above_the_allowance(self) -> None:
        assert self.failures == self.failed_attempts
        assert self.failures <= self.max_attempts

    @invariant()
    def a_used_up_allowance_is_final(self) -> None:
        assert self.failures < self.max_attempts or self.status.is_final

    @invariant()
    def final_means_finished(self) -> None:
        assert self.status.is_final == (self.finished_at is not None)

    def _claimed(self) -> ClaimedTask:
        return ATTEMPT._replace(attempt=self.attempt, failures=self.failures, max_attempts=self.max_attempts)

    def _apply(self, decision: Decision) -> None:
        """Write a decision as the store does: fenced by the number of the attempt."""
        if self.status is not Status.IN_PROGRESS or decision.attempt != self.attempt:
            return
        self.failures += decision.charge
        match decision:
            case Finish(status=status, at=at):
                assert at == self.now
                self._finish(status)
            case PutBack(run_at=run_at):
                assert run_at >= self.now
                self._move(Status.PENDING)
                self.run_at = run_at

    def _finish(self, status: Status) -> None:
        assert status.is_final
        self._move(status)
        self.finished_at = self.now

    def _move(self, target: Status) -> None:
        assert (self.status, target) in LEGAL
        self.status = target


TestTaskLife = TaskLife.TestCase
