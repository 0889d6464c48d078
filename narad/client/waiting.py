"""Waiting for the end of a task, and what its end means."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from narad.client.bodies import seconds_of
from narad.client.errors import ResultHidden, TaskCancelled, TaskFailed
from narad.client.handles import HandlerLike, Reader
from narad.client.task_flows import LONGEST_WAIT_SECONDS, Read, create, read_of
from narad.client.views import TaskFields
from narad.client.wire import Call, Flow, ask, path, query_of, rest
from narad.client.words import CreateOptions

_SHORT_SECONDS = 0.1
"""Between two looks where less time is left than a request can wait, which are whole seconds."""
_UNWAITED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a wait is over; None for never."""

    at: float | None
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """So many seconds from now on."""
        return cls(None if seconds is None else clock() + seconds, clock)

    @property
    def left(self) -> float:
        """Seconds until then."""
        return float("inf") if self.at is None else max(0.0, self.at - self.clock())


def created(
    handler: HandlerLike[object] | str | None, payload: Mapping[str, object] | None, options: CreateOptions
) -> Flow[Read]:
    """Create a task, and with `wait` read it when it has ended, or after so long, as it then is."""
    deadline = Deadline.after(seconds_of(options.get("wait", 0)))
    read = yield from create(handler, payload, options)
    return read if read.task.is_final or not deadline.left else (yield from ended(read.task.id, deadline))


def ended(task_id: str, deadline: Deadline) -> Flow[Read]:
    """Read a task when it has ended, or when the time is over, as it then is."""
    while True:
        wait = int(min(deadline.left, LONGEST_WAIT_SECONDS))
        call = Call(
            method="GET", path=path("tasks", task_id), query=query_of({"wait": wait or None}), wait_seconds=wait
        )
        answer = yield from ask(call)
        read = read_of(answer)
        if read.task.is_final or not deadline.left:
            return read
        if wait == 0:
            yield from rest(min(deadline.left, _SHORT_SECONDS))
        elif "preference-applied" not in read.response.headers:
            # The service has too many waits already, so that it answered at once.
            yield from rest(min(deadline.left, read.response.retry_after or _UNWAITED_SECONDS))


def outcome_of(task: TaskFields, reader: Reader) -> object:
    """What the handler of a task that has ended returned.

    Raises:
        TaskFailed: the task ended FAILED.
        TaskCancelled: it ended CANCELLED.
        ResultHidden: the key may not read results.
    """
    if task.status == "FAILED":
        raise TaskFailed(task)
    if task.status == "CANCELLED":
        raise TaskCancelled(task)
    if "result" in task.redacted:
        raise ResultHidden(task)
    return reader(task.raw_result)
