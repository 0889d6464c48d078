"""The service over HTTP: the client of this package, and its errors as failures of a command."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

import httpx2

from narad.cli.client_errors import as_failures
from narad.cli.columns import Shown
from narad.client.errors import ApiError, NaradError
from narad.client.following import Following
from narad.client.http import settings
from narad.client.profile import Profile, connection
from narad.client.retrying import RetryPolicy
from narad.client.shell import Shell
from narad.client.wire import API, Answer, Call, ask, json_body, query_of

TIMEOUT_SECONDS = 10.0
_RETRIES = 3
_UNWAITED_SECONDS = 1.0


class Connection:
    """Requests of commands. What goes wrong is a `Failure` with the exit code of its kind."""

    def __init__(self, service: Profile) -> None:
        """Connect to the service on first use."""
        self.url = service.url
        self._http = httpx2.Client(**settings(service))
        policy = RetryPolicy(max_retries=_RETRIES)
        self._shell = Shell(connections=self._http, service=service, timeout=TIMEOUT_SECONDS, policy=policy)

    def get(self, path: str, query: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """What the service shows under a path below /api/v1."""
        return self._ask(Call(method="GET", path=API + path, query=query_of(query))).json()

    def post(self, path: str, body: object = None, *, repeatable: bool = True) -> Any:  # noqa: ANN401 - JSON
        """What the service answers to an order; most say what shall be, so that they may be repeated."""
        return self._ask(Call(method="POST", path=API + path, body=_encoded(body), repeatable=repeatable)).json()

    def create(self, path: str, body: object, key: str | None) -> Any:  # noqa: ANN401 - JSON
        """What the service answers to a creation, which happens once however often it has to be asked for."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._ask(Call(method="POST", path=API + path, body=_encoded(body), headers=headers)).json()

    def wait(self, task_id: str, seconds: float) -> tuple[Shown, float]:
        """The task when it has ended, or after the time; and how long to rest before asking again."""
        whole = int(seconds)
        call = Call(
            method="GET",
            path=f"{API}/tasks/{self.part(task_id)}",
            query=query_of({"wait": whole or None}),
            wait_seconds=whole,
        )
        answer = self._ask(call)
        waited = "preference-applied" in answer.response.headers
        task: Shown = answer.json()
        return task, 0.0 if waited else answer.response.retry_after or _UNWAITED_SECONDS

    def events(self, path: str, query: Mapping[str, Any], *, lasting: bool = False) -> Iterator[Shown]:
        """Events as they come; a stream that is not `lasting` is of one task, and ends with it."""
        following = Following(API + path, query_of(query), self._shell.policy, of_one_task=not lasting)
        with as_failures():
            for event in self._shell.follow(following):
                at = None if event.at is None else event.at.isoformat().replace("+00:00", "Z")
                data = {
                    "id": event.task_id,
                    "status": event.status,
                    "priority": event.priority,
                    "handler": event.handler,
                    "queue": event.queue,
                    "attempt": event.attempt,
                    "version": event.version,
                }
                yield {
                    "type": event.type,
                    "timestamp": at,
                    "data": data,
                }

    def raw(self, method: str, target: str, body: object, headers: Mapping[str, str]) -> str:
        """The body of the answer to any request, which is made once."""
        parts = urlsplit(target)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        call = Call(method=method, path=parts.path, query=query, body=_encoded(body), headers=headers, repeatable=False)
        return self._ask(call, retries=0).body.decode(errors="replace")

    def probe(self, path: str, within: float) -> tuple[int, str]:
        """The status and the body of an answer, whatever they are; the service has so many seconds for it."""
        try:
            answer = self._shell.with_options(within, 0).run(ask(Call(method="GET", path=path)))
        except ApiError as error:
            return error.status, str(error.problem.detail)
        except NaradError as error:
            return 0, str(error)
        return answer.response.status, answer.body.decode(errors="replace")

    def part(self, text: str) -> str:
        """A name or an id as a part of a path."""
        return quote(text, safe="")

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _ask(self, call: Call, retries: int | None = None) -> Answer:
        with as_failures():
            return self._shell.with_options(None, retries).run(ask(call))


def connect(url: str | None, profile: str | None) -> Connection:
    """The service that is meant: what was said, else the environment, else a profile, else this machine."""
    with as_failures():
        return Connection(connection(url, profile=profile))


def _encoded(body: object) -> bytes | None:
    return None if body is None else json_body(body)
