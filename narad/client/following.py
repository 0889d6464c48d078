"""Following events over as many connections as it takes: where to go on, what to leave out, when to give up."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from narad.client.errors import NaradError, UnexpectedAnswer
from narad.client.retrying import RetryPolicy
from narad.client.sse import Frame, SseParser
from narad.client.views import Event
from narad.client.wire import Call

SILENCE_SECONDS = 45.0
"""The service says something every 15 seconds; who says nothing for so long is gone."""
_RESYNC = "resync"
_END = "end"
_OF_TASKS = "task."


class Following:
    """A course of events, given piece by piece what comes over the connections that it asks for."""

    def __init__(
        self,
        path: str,
        query: Iterable[tuple[str, str]],
        policy: RetryPolicy,
        *,
        of_one_task: bool,
        after: str | None = None,
    ) -> None:
        """A stream `of_one_task` begins with where that task stands, and ends with it."""
        self.ended = False
        self._path = path
        self._query = tuple(query)
        self._policy = policy
        self._of_one_task = of_one_task
        self._place = after
        self._parser = SseParser()
        self._connections = 0
        self._retries = 0
        self._last: Event | None = None

    def call(self) -> Call:
        """The request for the next connection."""
        headers = {"Accept": "text/event-stream"}
        if self._place is not None:
            headers["Last-Event-ID"] = self._place
        return Call(method="GET", path=self._path, query=self._query, headers=headers)

    def opened(self) -> list[Event]:
        """The connection is there. What was missed meanwhile and cannot be told is told of as a `resync`."""
        self._parser = SseParser()
        self._connections += 1
        lost = self._connections > 1 and self._place is None
        return [Event(type=_RESYNC)] if lost else []

    def feed(self, piece: bytes) -> list[Event]:
        """The events that end within this piece."""
        found: list[Event] = []
        for frame in self._parser.feed(piece):
            self._retries = 0
            if frame.event == _END:
                self.ended = True
            if self.ended:
                break
            self._place = frame.id or self._place
            event = _event(frame)
            if event is None:
                continue
            if self._is_new(event):
                found.append(event)
            self._last = event
            self.ended = self._of_one_task and event.is_final
        return found

    def pause_after(self, failure: NaradError | None) -> float:
        """Seconds until the next connection, after one that failed, or that the service ended.

        Raises:
            NaradError: the failure, where another connection is not worth it.
        """
        if failure is None:
            return self._policy.back_off(0) if self._parser.retry_seconds is None else self._parser.retry_seconds
        pause = self._policy.pause(self.call(), failure, self._retries)
        self._retries += 1
        if pause is None:
            raise failure
        return pause

    def _is_new(self, event: Event) -> bool:
        """Whether it says something; a connection without a place to go on from begins with where the task stands."""
        return not (self._of_one_task and event.place is None and _without_time(event) == _without_time(self._last))


def _without_time(event: Event | None) -> Event | None:
    return None if event is None else replace(event, at=None, version=None, place=None)


def _event(frame: Frame) -> Event | None:
    """The event of a frame; None of one that only newer clients know."""
    if frame.event == _RESYNC:
        return Event(type=_RESYNC, place=frame.id)
    if not frame.event.startswith(_OF_TASKS):
        return None
    try:
        said = json.loads(frame.data)
        task = dict(said["data"])
        return Event(
            type=said["type"],
            at=datetime.fromisoformat(said["timestamp"]),
            task_id=task["id"],
            place=frame.id,
            **{name: task.get(name) for name in ("status", "priority", "handler", "queue", "attempt", "version")},
        )
    except (ValueError, TypeError, KeyError) as error:
        raise UnexpectedAnswer(f"The stream has an event that is none of Narad's: {frame.data[:200]}") from error
