"""The HTTP API of a running Narad, as its clients see it, with the waits that tests need."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import httpx2

Json: TypeAlias = dict[str, Any]

PATH = "/api/v1/tasks"
FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED"})

_WAIT_SECONDS = 30.0
_PAUSE_SECONDS = 0.02
_CLIENTS = 16
_LARGEST_PAGE = 200


class TasksApi:
    """Requests about tasks. Those that say nothing about errors expect success."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def post(self, body: object) -> httpx2.Response:
        """Ask for a task, whatever the answer."""
        return self.http.post(PATH, json=body)

    def create(self, handler: str | None = None, payload: Json | None = None, **fields: object) -> Json:
        """Create a task; the name does not matter unless given."""
        given = {"name": "a task", "handler": handler, "payload": payload, **fields}
        answer = self.post({name: value for name, value in given.items() if value is not None})
        assert answer.status_code == 201, answer.text
        return _object(answer)

    def get(self, task_id: str) -> Json:
        """The task, whole."""
        return self._read(f"{PATH}/{task_id}")

    def status(self, task_id: str) -> str:
        """The status of the task, by its own endpoint."""
        return str(self._read(f"{PATH}/{task_id}/status")["status"])

    def cancel(self, task_id: str) -> httpx2.Response:
        """Ask to cancel the task, whatever the answer."""
        return self.http.delete(f"{PATH}/{task_id}")

    def page(self, **query: str | int | Sequence[str]) -> Json:
        """One page of the list."""
        return self._read(PATH, query)

    def list_all(self, *, limit: int = _LARGEST_PAGE, **query: str | int | Sequence[str]) -> list[Json]:
        """The whole list, page after page."""
        page = self.page(limit=limit, **query)
        items: list[Json] = page["items"]
        while page["next_cursor"] is not None:
            page = self.page(limit=limit, cursor=page["next_cursor"], **query)
            items += page["items"]
        return items

    def wait_for(self, task_id: str, *statuses: str, seconds: float = _WAIT_SECONDS) -> Json:
        """Wait until the task has one of the statuses, and return it; it may not end in another one."""
        seen: list[str] = []

        def arrived() -> bool:
            status = self.status(task_id)
            if status not in seen[-1:]:
                seen.append(status)
            assert status in statuses or status not in FINAL, f"ended {status}: {self.get(task_id)}"
            return status in statuses

        wait_until(arrived, lambda: f"{task_id} is {' or '.join(statuses)}; it was {seen}", seconds=seconds)
        return self.get(task_id)

    def wait_for_failure(self, task_id: str) -> Json:
        """Wait until an attempt of the task has failed."""
        wait_until(lambda: self.get(task_id)["failures"], f"an attempt of {task_id} fails")
        return self.get(task_id)

    def wait_for_all(self, tasks: Iterable[Json], status: str = "COMPLETED") -> list[Json]:
        """Wait until each of the tasks has the status."""
        return [self.wait_for(task["id"], status) for task in tasks]

    def wait_until_done(self, tag: str, *, seconds: float = 60.0) -> list[Json]:
        """Wait until no task with the tag is on its way, and return them all as the list shows them."""
        open_statuses = ("NEW", "PENDING", "IN_PROGRESS")

        def done() -> bool:
            return not self.page(tag=tag, status=open_statuses, limit=1)["items"]

        wait_until(done, f"all tasks with the tag {tag} are done", seconds=seconds)
        return self.list_all(tag=tag)

    def _read(self, path: str, query: dict[str, str | int | Sequence[str]] | None = None) -> Json:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return _object(answer)


async def submit_all(url: str, bodies: Sequence[Json]) -> list[str]:
    """Create tasks over several connections at once; returns their ids."""
    waiting = iter(bodies)
    created: list[str] = []

    async def client(http: httpx2.AsyncClient) -> None:
        for body in waiting:
            answer = await http.post(PATH, json=body)
            assert answer.status_code == 201, answer.text
            created.append(answer.json()["id"])

    async with httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
        await asyncio.gather(*(client(http) for _ in range(_CLIENTS)))
    return created


def wait_until(holds: Callable[[], object], what: str | Callable[[], str], *, seconds: float = _WAIT_SECONDS) -> None:
    """Ask until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(_PAUSE_SECONDS)


def _object(answer: httpx2.Response) -> Json:
    body: Json = answer.json()
    return body
