"""What the exit code of a command says."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The codes; scripts branch on them, so that they never change their meaning."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    CONFLICT = 5
    UNAVAILABLE = 6
    TASK_FAILED = 10
    TASK_CANCELLED = 11
    WAIT_OVER = 12
    INTERRUPTED = 130


_OF_STATUS = {
    400: ExitCode.USAGE,
    401: ExitCode.NOT_ALLOWED,
    403: ExitCode.NOT_ALLOWED,
    404: ExitCode.NOT_FOUND,
    405: ExitCode.USAGE,
    409: ExitCode.CONFLICT,
    412: ExitCode.CONFLICT,
    413: ExitCode.USAGE,
    422: ExitCode.USAGE,
    429: ExitCode.UNAVAILABLE,
    502: ExitCode.UNAVAILABLE,
    503: ExitCode.UNAVAILABLE,
    504: ExitCode.UNAVAILABLE,
}

_OF_TASK = {
    "COMPLETED": ExitCode.DONE,
    "FAILED": ExitCode.TASK_FAILED,
    "CANCELLED": ExitCode.TASK_CANCELLED,
}
FINAL = frozenset(_OF_TASK)
"""The statuses in which a task has ended."""


def of_answer(status: int) -> ExitCode:
    """The code for a request that was answered with this HTTP status."""
    return _OF_STATUS.get(status, ExitCode.ERROR)


def of_task(status: str) -> ExitCode:
    """The code for a task that ended with this status."""
    return _OF_TASK[status]
