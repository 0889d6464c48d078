"""What the guard raises. No further attempt would help, so each of them fails the task where a handler lets it pass."""

from narad.worker.signals import Fatal


class RequestRefused(Fatal):
    """The request was not sent: it does not go where requests may go."""


class AnswerRefused(Fatal):
    """The answer was not read to its end: it is larger than it may be, or in a form that nobody asked for."""
