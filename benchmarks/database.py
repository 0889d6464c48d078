"""Questions to a PostgreSQL database from code that is no coroutine, over one connection."""

import asyncio
import time
from types import TracebackType
from typing import Any, Self

import asyncpg

_LONGEST_SECONDS = 3_600.0
"""A statement may make many million rows."""
_PAUSE_SECONDS = 0.05


class Database:
    """One connection, open from `with` on."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._connection = self._runner.run(asyncpg.connect(self._url))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._runner.run(self._connection.close(timeout=10))
        self._runner.__exit__(kind, error, traceback)

    def execute(self, statement: str, *arguments: object) -> None:
        """Run one statement."""
        self._runner.run(self._connection.execute(statement, *arguments, timeout=_LONGEST_SECONDS))

    def row(self, question: str, *arguments: object) -> Any:  # noqa: ANN401 - a record
        """The first row of the answer."""
        return self._runner.run(self._connection.fetchrow(question, *arguments, timeout=_LONGEST_SECONDS))

    def rows(self, question: str, *arguments: object) -> list[Any]:
        """All rows of the answer."""
        return self._runner.run(self._connection.fetch(question, *arguments, timeout=_LONGEST_SECONDS))

    def wait_until(self, question: str, *arguments: object, seconds: float) -> None:
        """Ask until the answer is true."""
        deadline = time.monotonic() + seconds
        while not self.row(question, *arguments)[0]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:g} s: {question}")
            time.sleep(_PAUSE_SECONDS)
