"""Steady submission of short tasks while something else happens to the service."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx2

from tests.support.tasks_api import PATH, Json, wait_until

_CLIENTS = 4
_PRIORITIES = ("LOW", "MEDIUM", "HIGH")
_ANSWER_SECONDS = 30.0


@dataclass(slots=True)
class Answers:
    """What the API said."""

    accepted: list[str] = field(default_factory=list)
    refused: list[httpx2.Response] = field(default_factory=list)
    """Every answer but 201."""
    failed: Counter[str] = field(default_factory=Counter)
    """Requests without an answer, by the kind of error."""
    slowest_seconds: float = 0.0


class Load:
    """Submits tasks at a steady pace over a few connections, on a thread of its own, until it is stopped."""

    def __init__(self, url: str, *, per_second: float = 60.0, body: Callable[[int], Json] | None = None) -> None:
        self.answers = Answers()
        self._url = url
        self._pause_seconds = _CLIENTS / per_second
        self._body = body or _short_task
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
        async with httpx2.AsyncClient(base_url=self._url, timeout=_ANSWER_SECONDS, trust_env=False) as http:
            await asyncio.gather(*(self._client(http) for _ in range(_CLIENTS)))

    async def _client(self, http: httpx2.AsyncClient) -> None:
        while not self._enough.is_set():
            self._number += 1
            started = time.monotonic()
            try:
                answer = await http.post(PATH, json=self._body(self._number))
            except httpx2.HTTPError as error:
                self.answers.failed[type(error).__name__] += 1
            else:
                self._hear(answer)
            self.answers.slowest_seconds = max(self.answers.slowest_seconds, time.monotonic() - started)
            await asyncio.sleep(self._pause_seconds)

    def _hear(self, answer: httpx2.Response) -> None:
        if answer.status_code == httpx2.codes.CREATED:
            self.answers.accepted.append(answer.json()["id"])
        else:
            self.answers.refused.append(answer)


def _short_task(number: int) -> Json:
    return {"name": f"task {number}", "handler": "faults.work", "priority": _PRIORITIES[number % 3]}
