"""The context of the handler that runs here, for code that a handler calls."""

from contextvars import ContextVar

from narad.worker.context import Context

_current: ContextVar[Context] = ContextVar("narad_context")


def current_context() -> Context:
    """The context of the handler that runs here, where none is at hand as a parameter.

    Raises:
        LookupError: no handler runs here, or it runs in a thread that was not started with its context.
    """
    try:
        return _current.get()
    except LookupError:
        raise LookupError("No handler runs here: current_context() is for code that a handler calls.") from None


def make_current(context: Context) -> None:
    """Make it that of the code which runs from here on in this asyncio task or thread; the executor's side."""
    _current.set(context)
