"""Words that are not in a template: names of statuses and priorities, and titles of problems. Marked to be translated.

The test of the catalogues sees that every status, priority and type of problem is here.
"""

from collections.abc import Mapping

from narad.api.attempts import AttemptOutcome
from narad.domain.bulk import BulkAction
from narad.domain.fleet import WorkerState
from narad.domain.key import KeyState
from narad.domain.status import Priority, Status


def N_(message: str) -> str:  # noqa: N802 - the name that gettext's tools know
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


STATUS: Mapping[Status, str] = {
    Status.NEW: N_("New"),
    Status.PENDING: N_("Pending"),
    Status.IN_PROGRESS: N_("In progress"),
    Status.COMPLETED: N_("Completed"),
    Status.FAILED: N_("Failed"),
    Status.CANCELLED: N_("Cancelled"),
}
STATUS_SIGN: Mapping[Status, str] = {
    Status.NEW: "○",
    Status.PENDING: "◔",
    Status.IN_PROGRESS: "▶",
    Status.COMPLETED: "✓",
    Status.FAILED: "✕",
    Status.CANCELLED: "⊘",
}
"""Beside the word: a status is told by more than its colour."""
PRIORITY: Mapping[Priority, str] = {
    Priority.LOW: N_("Low"),
    Priority.MEDIUM: N_("Medium"),
    Priority.HIGH: N_("High"),
}
WORKER_STATE: Mapping[WorkerState, str] = {
    WorkerState.ONLINE: N_("Online"),
    WorkerState.QUIET: N_("Quiet"),
    WorkerState.DRAINING: N_("Draining"),
    WorkerState.LOST: N_("Lost"),
    WorkerState.STOPPED: N_("Stopped"),
}
WORKER_SIGN: Mapping[WorkerState, str] = {
    WorkerState.ONLINE: "●",
    WorkerState.QUIET: "◐",
    WorkerState.DRAINING: "◔",
    WorkerState.LOST: "✕",
    WorkerState.STOPPED: "○",
}
KEY_STATE: Mapping[KeyState, str] = {
    KeyState.ACTIVE: N_("Active"),
    KeyState.EXPIRED: N_("Expired"),
    KeyState.REVOKED: N_("Revoked"),
}
WORKER_STATE_MEANING: Mapping[WorkerState, str] = {
    WorkerState.ONLINE: N_("It takes tasks."),
    WorkerState.QUIET: N_("It takes nothing new until it is resumed; what it runs goes on."),
    WorkerState.DRAINING: N_("It ends: it takes nothing new, and what it runs has the time of a drain to end."),
    WorkerState.LOST: N_("It gave no sign of life for a whole lease. Its tasks are run by others."),
    WorkerState.STOPPED: N_("It ended in order."),
}
STATUS_MEANING: Mapping[Status, str] = {
    Status.NEW: N_("It is stored, and not yet handed over to workers. Nothing of it can be lost any more."),
    Status.PENDING: N_("It is handed over, and waits for a worker or for the time of its next attempt."),
    Status.IN_PROGRESS: N_("One worker runs it. Should that worker die, another one runs it again."),
    Status.COMPLETED: N_("It is done, and has its result. It can be created anew, not run again."),
    Status.FAILED: N_("It failed more often than allowed, or for good. It can be run again."),
    Status.CANCELLED: N_("Somebody stopped it. It can be run again."),
}
OUTCOME: Mapping[AttemptOutcome, str] = {
    "RUNNING": N_("Running"),
    "COMPLETED": N_("Completed"),
    "FAILED": N_("Failed"),
    "LOST": N_("Worker lost"),
    "CANCELLED": N_("Cancelled"),
    "PUT_BACK": N_("Put back"),
}
PROBLEMS: Mapping[str, str] = {
    "malformed-json": N_("The body is not JSON."),
    "unknown-parameter": N_("A parameter is not known."),
    "invalid-cursor": N_("This page of the list cannot be found any more. Start again from the first one."),
    "unauthenticated": N_("A key is needed."),
    "forbidden": N_("Your key does not allow this."),
    "origin-not-allowed": N_("The request comes from another site."),
    "not-found": N_("There is no such thing."),
    "no-result": N_("The task has no result."),
    "method-not-allowed": N_("The method is not allowed here."),
    "invalid-state": N_("The state does not allow this."),
    "request-timeout": N_("The request did not arrive in time."),
    "duplicate-task": N_("An active task has the same unique key."),
    "precondition-failed": N_("The task has changed meanwhile."),
    "payload-too-large": N_("The body is too large."),
    "unsupported-media-type": N_("The body must be application/json."),
    "host-not-allowed": N_("The service does not answer to this name."),
    "validation-error": N_("The request is not valid."),
    "unknown-handler": N_("The handler is not known."),
    "idempotency-key-reused": N_("This form was sent before with other values. Open it anew."),
    "quota-exceeded": N_("There are too many requests."),
    "headers-too-large": N_("The head of the request is too large."),
    "internal": N_("Something went wrong inside the service. Its log says why."),
    "store-unavailable": N_("The database does not answer. Nothing is known to have changed; try again."),
    "temporary-reduced-capacity": N_("More is asked for than can be done now. Try again."),
    "query-too-slow": N_("The list takes the database too long. Narrow it with more filters."),
    "http-error": N_("The request could not be served."),
}
"""By the last part of the problem's type."""
BULK_ACTION: Mapping[BulkAction, str] = {
    BulkAction.CANCEL: N_("Cancel"),
    BulkAction.RETRY: N_("Run again"),
    BulkAction.SET_PRIORITY: N_("Set the priority"),
    BulkAction.PURGE: N_("Remove for ever"),
}
COLUMN: Mapping[str, str] = {
    "handler": N_("Handler"),
    "priority": N_("Priority"),
    "queue": N_("Queue"),
    "progress": N_("Progress"),
    "failures": N_("Failures"),
    "created": N_("Created"),
    "wait": N_("Wait"),
    "run": N_("Run time"),
    "finished": N_("Finished"),
    "worker": N_("Worker"),
    "tags": N_("Tags"),
    "error": N_("Error"),
}
"""The columns of the list of tasks that may be left out."""
