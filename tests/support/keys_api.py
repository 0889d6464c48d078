"""A running Narad that asks for keys, and requests with keys of any kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.support.service import Service
from tests.support.tasks_api import wait_until

Json = dict[str, Any]
PATH = "/api/v1/keys"


class Locked:
    """A service with its first key, which may do everything."""

    def __init__(self, service: Service) -> None:
        """Create the first key, which locks a service that was open until then."""
        self.service = service
        answer = service.api.http.post(PATH, json={"name": "first", "role": "admin"})
        assert answer.status_code == 201, answer.text
        self.admin_key: Json = answer.json()
        service.api.http.headers["Authorization"] = f"Bearer {self.admin_key['key']}"
        self.admin = service.api.http
        self.url = service.api.url

    def create(self, **fields: object) -> Json:
        """A new key, with its secret."""
        answer = self.admin.post(PATH, json={"name": "a key", **fields})
        assert answer.status_code == 201, answer.text
        key: Json = answer.json()
        return key

    @contextmanager
    def client(self, token: str | None = None, **headers: str) -> Iterator[httpx2.Client]:
        """A client that sends this key, or none."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        with httpx2.Client(base_url=self.url, timeout=30, trust_env=False, headers=headers) as client:
            yield client

    @contextmanager
    def with_key(self, **fields: object) -> Iterator[httpx2.Client]:
        """A client that sends a new key."""
        with self.client(self.create(**fields)["key"]) as client:
            yield client


def wait_for_lock(client: httpx2.Client, seconds: float = 30.0) -> None:
    """Wait until an open service asks for a key."""
    wait_until(lambda: client.get("/api/v1/tasks").status_code == 401, "a key is asked for", seconds=seconds)


def refused(answer: httpx2.Response, status: int, code: str) -> Json:
    """The problem of an answer that must be one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: Json = answer.json()
    assert problem["code"] == code
    return problem
