"""The errors of the client.

NaradError
├── ConfigurationError      what names the service cannot be read or used
├── ConnectionFailed        the service was not reached, or broke off
├── UnexpectedAnswer        something answered that does not speak as Narad does
├── ApiError                the service said no; `problem` says why
│   ├── BadRequest          400, and the other 4xx without a name here
│   ├── Unauthenticated     401
│   ├── Forbidden           403
│   ├── NotFound            404
│   ├── Conflict            409, 412
│   ├── ValidationFailed    422
│   ├── RateLimited         429
│   └── ServerError         5xx
├── TaskFailed              the task ended FAILED; `error` says why
├── TaskCancelled           the task ended CANCELLED
├── ResultHidden            the key may not read results
├── WaitTimeout             the time to wait is over; the task goes on
└── OperationTimeout        likewise, of an operation on many tasks
"""

from typing import TYPE_CHECKING

from narad.client.problem import Problem, Response, problem_of

if TYPE_CHECKING:
    from narad.client.fleet_views import BulkFields
    from narad.client.views import TaskError, TaskFields


class NaradError(Exception):
    """Base of every error that the client raises on purpose."""


class ConfigurationError(NaradError):
    """The address, the key or the profile of the service cannot be read or used."""


class ConnectionFailed(NaradError):
    """The service was not reached, or the connection broke off.

    `sent` says whether the request may have reached the service, and so may have been carried out.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class UnexpectedAnswer(NaradError):
    """What answered does not speak as Narad does: another service, or a version that is too old or too new."""


class ApiError(NaradError):
    """The service said no."""

    def __init__(self, problem: Problem, response: Response) -> None:
        super().__init__(problem.text)
        self.problem = problem
        self.response = response

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """What programs branch on."""
        return self.problem.code

    @property
    def request_id(self) -> str | None:
        """What the log of the service calls the request."""
        return self.problem.request_id

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to ask again, where the service said so."""
        return self.response.retry_after


class BadRequest(ApiError):
    """The request is not one that the service understands or takes."""


class Unauthenticated(ApiError):
    """A key is needed, or the key is not good."""


class Forbidden(ApiError):
    """The key does not allow this."""


class NotFound(ApiError):
    """There is no such thing."""


class Conflict(ApiError):
    """The state does not allow this."""


class ValidationFailed(ApiError):
    """The request is understood, and not valid; `problem.errors` names the places."""


class RateLimited(ApiError):
    """There are too many requests."""


class ServerError(ApiError):
    """The service could not do it."""


class TaskFailed(NaradError):
    """The task ended FAILED."""

    def __init__(self, task: "TaskFields") -> None:
        error = task.error
        reason = "no error is known" if error is None else f"{error.type}: {error.message}"
        super().__init__(f"Task {task.id} ({task.handler}) FAILED after {task.failures} failed attempts. {reason}")
        self.task = task
        self.error: TaskError | None = error


class TaskCancelled(NaradError):
    """The task ended CANCELLED."""

    def __init__(self, task: "TaskFields") -> None:
        reason = f": {task.cancel_reason}" if task.cancel_reason else "."
        super().__init__(f"Task {task.id} ({task.handler}) was CANCELLED{reason}")
        self.task = task


class ResultHidden(NaradError):
    """The task is COMPLETED, but the key may not read its result."""

    def __init__(self, task: "TaskFields") -> None:
        super().__init__(f"Your key may not read the result of task {task.id}: it needs the scope tasks:payload:read.")
        self.task = task


class WaitTimeout(NaradError, TimeoutError):
    """The time to wait is over; the task goes on."""

    def __init__(self, task: "TaskFields", seconds: float) -> None:
        super().__init__(f"Task {task.id} is {task.status} after a wait of {seconds:g} s, and goes on.")
        self.task = task


class OperationTimeout(NaradError, TimeoutError):
    """The time to wait is over; the operation on many tasks goes on."""

    def __init__(self, operation: "BulkFields", seconds: float) -> None:
        super().__init__(f"Bulk operation {operation.id} has not ended after a wait of {seconds:g} s, and goes on.")
        self.operation = operation


_SERVER_ERROR = 500
_OF_STATUS: dict[int, type[ApiError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    422: ValidationFailed,
    429: RateLimited,
}


def error_of(response: Response, body: bytes) -> ApiError:
    """The error that an answer stands for."""
    kind = ServerError if response.status >= _SERVER_ERROR else _OF_STATUS.get(response.status, BadRequest)
    return kind(problem_of(response, body), response)
