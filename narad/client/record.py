"""What handles of tasks have in common, whichever client they are of."""

from typing import Generic, TypeVar, cast

from typing_extensions import override

from narad.client.errors import WaitTimeout
from narad.client.following import Following
from narad.client.handles import Reader
from narad.client.problem import Response
from narad.client.retrying import RetryPolicy
from narad.client.task_flows import Read
from narad.client.views import Event, TaskFields
from narad.client.waiting import outcome_of
from narad.client.wire import path

R = TypeVar("R")


class TaskRecord(TaskFields, Generic[R]):
    """A task as it was read last. Its fields are for reading; they change when it is read again."""

    response: Response
    """Of the answer that it was read from; has the id of the request."""

    def __init__(self, read: Read, reader: Reader) -> None:
        self._reader = reader
        self._whole = False
        self._take(read)

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.handler} {self.status}>"

    def _take(self, read: Read) -> None:
        """Become what was read. An answer that was overtaken by a newer one is left out."""
        if read.task.version >= self.__dict__.get("version", 0):
            self.__dict__.update(vars(read.task), response=read.response, _whole=read.whole)

    def _outcome(self) -> R:
        return cast("R", outcome_of(self, self._reader))

    def _see_ended(self, seconds: float) -> None:
        if not self.is_final:
            raise WaitTimeout(self, seconds)

    def _following(self, policy: RetryPolicy) -> Following:
        return Following(path("tasks", self.id, "events"), (), policy, of_one_task=True)

    def _has_changed(self, event: Event) -> bool:
        """Whether an event is a reason to read the task again, also for who does not want it read at each."""
        return event.is_resync or event.is_final
