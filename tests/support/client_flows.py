"""Courses of the client carried out without a network: the answers are given, the requests and pauses are kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from narad.client.errors import ConnectionFailed, NaradError
from narad.client.problem import Response
from narad.client.wire import Answer, Call, Flow, Pause

T = TypeVar("T")
Given: TypeAlias = Answer | NaradError

TASK: dict[str, Any] = {
    "id": "0193b7c2-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
    "name": "demo.echo",
    "description": None,
    "priority": "MEDIUM",
    "status": "NEW",
    "handler": "demo.echo",
    "queue": "default",
    "unique_key": None,
    "tags": ["a", "b"],
    "created_at": "2026-11-24T10:00:00.000000Z",
    "run_at": "2026-11-24T10:00:00.000000Z",
    "expires_at": None,
    "started_at": None,
    "finished_at": None,
    "cancel_requested_at": None,
    "cancel_reason": None,
    "attempt": 0,
    "failures": 0,
    "losses": 0,
    "max_attempts": 3,
    "max_losses": 3,
    "timeout_seconds": None,
    "worker_id": None,
    "created_by": None,
    "progress": None,
    "error": None,
    "version": 1,
    "payload": {},
    "result": None,
    "redacted": [],
}


@dataclass
class Clock:
    """A time that only pauses move."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Journal:
    """What a course did."""

    calls: list[Call] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)


def answer(status: int = 200, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer of the service."""
    return Answer(
        response=Response(status=status, headers={"x-request-id": "r-1", **(headers or {})}),
        body=json.dumps(body).encode(),
    )


def task(**fields: object) -> Answer:
    """An answer with one task."""
    return answer(200, TASK | fields)


def problem(status: int, code: str, headers: Mapping[str, str] | None = None, **more: object) -> Answer:
    """An answer that is a problem."""
    body = {"type": "/problems/x", "title": "It is so.", "status": status, "detail": "It is so.", "code": code, **more}
    return answer(status, body, headers)


def lost() -> ConnectionFailed:
    """A request whose answer is lost."""
    return ConnectionFailed("lost", sent=True)


def carry_out(flow: Flow[T], given: Sequence[Given], clock: Clock | None = None) -> tuple[T, Journal]:
    """Carry a course out with these answers; each must be asked for."""
    journal = Journal()
    try:
        return _carried_out(flow, list(given), journal, clock), journal
    finally:
        flow.close()


def _carried_out(flow: Flow[T], given: list[Given], journal: Journal, clock: Clock | None) -> T:
    try:
        step = next(flow)
        while True:
            if isinstance(step, Pause):
                journal.pauses.append(step.seconds)
                if clock is not None:
                    clock.now += step.seconds
                step = flow.send(None)
                continue
            journal.calls.append(step)
            if clock is not None:
                clock.now += step.wait_seconds
            said = given.pop(0)
            step = flow.throw(said) if isinstance(said, NaradError) else flow.send(said)
    except StopIteration as end:
        assert not given, f"not asked for: {given}"
        value: T = end.value
        return value
