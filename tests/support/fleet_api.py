"""The endpoints of handlers, queues, workers and statistics, as clients see them."""

import httpx2

from tests.support.tasks_api import Json, TasksApi, wait_until

ROOT = "/api/v1"


class FleetApi:
    """Requests about the fleet. Those that say nothing about errors expect success."""

    def __init__(self, api: TasksApi) -> None:
        self._http = api.http

    def get(self, path: str, **query: str | int | list[str]) -> httpx2.Response:
        """Read something, whatever the answer."""
        return self._http.get(f"{ROOT}/{path}", params=query)

    def post(self, path: str, body: object = None) -> httpx2.Response:
        """Order something, whatever the answer; without a body unless one is given."""
        return self._http.post(f"{ROOT}/{path}") if body is None else self._http.post(f"{ROOT}/{path}", json=body)

    def read(self, path: str, **query: str | int | list[str]) -> Json:
        """What is read."""
        return _object(self.get(path, **query))

    def order(self, path: str, body: object = None) -> Json:
        """What an order answers."""
        return _object(self.post(path, body))

    def list(self, path: str, **query: str | int | list[str]) -> list[Json]:
        """The items of a list that has one page."""
        page = self.read(path, **query)
        assert page["next_cursor"] is None
        items: list[Json] = page["items"]
        return items

    def waiting(self, queue: str) -> int:
        """How many tasks of a queue could run now."""
        lanes = self.read(f"queues/{queue}")["lanes"].values()
        return sum(int(lane["waiting"]["value"]) for lane in lanes)

    def wait_for_heartbeats(self, beats: int = 2) -> None:
        """Wait until each living worker has given signs of life; what was ordered before is done by the second."""
        for _ in range(beats):
            before = self._heartbeats()
            wait_until(lambda: self._have_beaten(before), "every living worker gives a sign of life")  # noqa: B023

    def _heartbeats(self) -> dict[str, str]:
        living = self.list("workers", state=["online", "quiet", "draining"])
        return {worker["id"]: worker["heartbeat_at"] for worker in living}

    def _have_beaten(self, before: dict[str, str]) -> bool:
        now = self._heartbeats()
        return all(now[worker] > at for worker, at in before.items() if worker in now)


def _object(answer: httpx2.Response) -> Json:
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body
