"""The desk in the process of an isolated handler: asks the worker, and waits for its reply."""

import itertools
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from narad.domain.follow_up import Request, Save
from narad.worker import wire
from narad.worker.context import Context
from narad.worker.desk import Answer, runs_a_loop, waited_for
from narad.worker.signals import TaskCancelled


@dataclass(frozen=True, slots=True)
class _Open:
    """Something that was asked for and not answered yet."""

    context: Context
    request: Request
    answer: "Future[UUID | None]"


class ChildDesk:
    """Numbers what is asked for, and finds what a reply is to."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        """`say` takes a line from any thread, which may be interrupted anywhere, and says it soon."""
        self._say = say
        self._numbers = itertools.count(1)
        self._open: dict[int, _Open] = {}
        self._current: Context | None = None

    def begin(self, context: Context) -> None:
        """An attempt has begun; what the one before still asks for is refused."""
        self._current = context
        self._open.clear()

    def ask(self, context: Context, request: Request) -> Answer[UUID | None]:
        """Ask the worker, from any thread."""
        if context is not self._current:
            raise TaskCancelled("The attempt has ended.")
        number = next(self._numbers)
        answer: Future[UUID | None] = Future()
        self._open[number] = _Open(context, request, answer)
        self._say(wire.asked_line(wire.Asked(number=number, request=request)))
        return waited_for(answer, blocks=not runs_a_loop())

    def hear(self, reply: wire.Reply) -> None:
        """Hand a reply to whoever waits for it."""
        asked = self._open.pop(reply.number, None)
        if asked is None:
            return
        problem = wire.problem_of(reply)
        # The handler may have let go of it meanwhile.
        with suppress(InvalidStateError):
            if problem is not None:
                asked.answer.set_exception(problem)
                return
            if isinstance(asked.request, Save):
                asked.context.resume(asked.request.checkpoint)
            asked.answer.set_result(reply.task_id)
