"""Steady submission of tasks while something else happens to the service."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx2

from tests.support.tasks_api import PATH, Json, wait_until

_CLIENTS = 4
PRIORITIES = ("LOW", "MEDIUM", "HIGH")
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Submission:
    """What one client does: it submits a task, and may think better of it after a while."""

    body: Json
    cancel_after_seconds: float | None = None


@dataclass(slots=True)
class Answers:
    """What the API said."""

    accepted: list[str] = field(default_factory=list)
    refused: list[httpx2.Response] = field(default_factory=list)
    """Every answer but 201."""
    failed: Counter[str] = field(default_factory=Counter)
    """Requests without an answer, by the kind of error."""
    cancels: Counter[int] = field(default_factory=Counter)
    """The answers to cancels, by their status code."""
    slowest_seconds: float = 0.0


class Load:
    """Submits tasks at a steady pace over a few connections, on a thread of its own, until it is stopped."""

    def __init__(
        self, url: str, *, per_second: float = 60.0, submission: Callable[[int], Submission] | None = None
    ) -> None:
        """`submission` says what is submitted as the first, the second, …; it is asked in that order."""
        self.answers = Answers()
        self._url = url
        self._pause_seconds = _CLIENTS / per_second
        self._submission = submission or _short_task
        self._enough = threading.Event()
        self._number = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._submit()), name="load", daemon=True)

    @property
    def accepted(self) -> list[str]:
        """The ids that were given out so far."""
        return self.answers.accepted

    def stop(self) -> Answers:
        """Wait for the answers that are still open."""
        self._enough.set()
        self._thread.join(_ANSWER_SECONDS * 2)
        assert not self._thread.is_alive(), "a request hangs"
        return self.answers

    def wait_for_more(self, number: int, *, seconds: float = 30.0) -> None:
        """Wait until so many more tasks were accepted."""
        goal = len(self.accepted) + number
        wait_until(
            lambda: len(self.accepted) >= goal, lambda: f"{number} more accepted: {self._so_far()}", seconds=seconds
        )

    def _so_far(self) -> str:
        answers = self.answers
        refused = Counter(answer.status_code for answer in answers.refused)
        return f"{len(answers.accepted)} accepted, refused {refused}, failed {answers.failed}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _submit(self) -> None:
        async with (
            httpx2.AsyncClient(base_url=self._url, timeout=_ANSWER_SECONDS, trust_env=False) as http,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(_CLIENTS):
                group.create_task(self._client(http, group))

    async def _client(self, http: httpx2.AsyncClient, group: asyncio.TaskGroup) -> None:
        while not self._enough.is_set():
            self._number += 1
            submission = self._submission(self._number)
            started = time.monotonic()
            answer = await self._ask(http.post(PATH, json=submission.body))
            self.answers.slowest_seconds = max(self.answers.slowest_seconds, time.monotonic() - started)
            if answer is not None and self._is_accepted(answer) and submission.cancel_after_seconds is not None:
                group.create_task(self._cancel(http, answer.json()["id"], submission.cancel_after_seconds))
            await asyncio.sleep(self._pause_seconds)

    async def _cancel(self, http: httpx2.AsyncClient, task_id: str, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        answer = await self._ask(http.delete(f"{PATH}/{task_id}"))
        if answer is not None:
            self.answers.cancels[answer.status_code] += 1

    async def _ask(self, request: Awaitable[httpx2.Response]) -> httpx2.Response | None:
        try:
            return await request
        except httpx2.HTTPError as error:
            self.answers.failed[type(error).__name__] += 1
            return None

    def _is_accepted(self, answer: httpx2.Response) -> bool:
        if answer.status_code == httpx2.codes.CREATED:
            self.answers.accepted.append(answer.json()["id"])
            return True
        self.answers.refused.append(answer)
        return False


def _short_task(number: int) -> Submission:
    return Submission({"name": f"task {number}", "handler": "faults.work", "priority": PRIORITIES[number % 3]})
