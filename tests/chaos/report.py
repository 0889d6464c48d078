"""What came of a chaos run, in figures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from narad.domain.status import Status
from tests.support.invariants import Row
from tests.support.load import Answers


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that was, and when it was undone."""

    kind: str
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A chaos run. It went well if there are no problems."""

    answers: Answers
    tasks: Mapping[str, Row]
    struck: Sequence[Struck]
    problems: Sequence[str]

    @property
    def recoveries(self) -> list[tuple[float, str]]:
        """Of each fault, how many seconds after its end a task submitted after its end was completed."""
        return [(min(seconds), fault.kind) for fault in self.struck if (seconds := list(self._recoveries_of(fault)))]

    def table(self) -> str:
        """The figures as a table in Markdown."""
        return "\n".join(
            ["| what | how many |", "|---|--:|", *(f"| {name} | {value} |" for name, value in self._rows())]
        )

    def _recoveries_of(self, fault: Struck) -> Iterator[float]:
        for task in self.tasks.values():
            if task.status is Status.COMPLETED and task.finished_at is not None and task.created_at > fault.ended_at:
                yield (task.finished_at - fault.ended_at).total_seconds()

    def _rows(self) -> Iterator[tuple[str, object]]:
        accepted = [self.tasks[task_id] for task_id in self.answers.accepted if task_id in self.tasks]
        statuses = Counter(task.status for task in accepted)
        yield "tasks accepted", len(self.answers.accepted)
        for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED):
            yield f"… {status}", statuses[status]
        yield "… that lost a worker on the way", sum(task.losses > 0 for task in accepted)
        yield "attempts of them", sum(task.attempt for task in accepted)
        yield "stored, though the answer was lost or 503", len(self.tasks) - len(accepted)
        yield "refused with 503", sum(answer.status_code == 503 for answer in self.answers.refused)
        yield "requests without an answer", sum(self.answers.failed.values())
        yield "invariants violated", len(self.problems)
        yield "faults", len(self.struck)
        for kind, times in sorted(Counter(fault.kind for fault in self.struck).items()):
            yield f"… {kind}", times
        yield "recoveries", len(self.recoveries)
        if self.recoveries:
            seconds, kind = max(self.recoveries)
            yield f"slowest recovery, in seconds ({kind})", f"{seconds:.1f}"
