"""What the client sends: bodies and parameters out of Python values."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from narad import handler
from narad.client import Json
from narad.client.bodies import NewTask, filter_body, new_task, task_fields
from narad.client.task_flows import clone, create_many, page
from narad.client.wire import path, query_of
from narad.worker.signature import ResultError
from tests.support.client_flows import TASK, answer, carry_out, task

MOMENT = datetime(2026, 11, 24, 10, tzinfo=UTC)


class Size(BaseModel):
    width: int = Field(alias="w")


class Answer(TypedDict):
    size: Size
    at: datetime


@handler("client.typed")
async def typed(size: Size, at: datetime) -> Answer:
    """Return what it is given."""
    return {"size": size, "at": at}


def test_a_task_is_called_as_its_handler_unless_it_has_a_name() -> None:
    assert new_task("demo.echo", None, {}) == {"name": "demo.echo", "handler": "demo.echo"}
    assert new_task("demo.echo", {"n": 1}, {"name": "Echo"}) == {
        "name": "Echo",
        "handler": "demo.echo",
        "payload": {"n": 1},
    }
    assert new_task(None, None, {"name": "Default"}) == {"name": "Default"}
    with pytest.raises(TypeError, match="handler or a name"):
        new_task(None, None, {})


def test_options_become_the_fields_of_the_service() -> None:
    body = task_fields(
        {
            "timeout": timedelta(minutes=2),
            "expires_in": 30,
            "tags": ("a", "b"),
            "run_at": MOMENT,
            "priority": "HIGH",
            "max_attempts": 2,
            "unique_key": "k",
            "on_conflict": "return_existing",
        }
    )

    assert body == {
        "timeout_seconds": 120,
        "expires_in_seconds": 30,
        "tags": ["a", "b"],
        "run_at": "2026-11-24T10:00:00+00:00",
        "priority": "HIGH",
        "max_attempts": 2,
        "unique_key": "k",
        "on_conflict": "return_existing",
    }


def test_a_delay_is_a_time_from_now_on() -> None:
    before = datetime.now(UTC)

    run_at = datetime.fromisoformat(task_fields({"delay": timedelta(hours=1)})["run_at"])

    assert before + timedelta(hours=1) <= run_at <= datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(TypeError, match="run_at and delay"):
        task_fields({"delay": 1, "run_at": MOMENT})


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        task_fields({"run_at": datetime(2026, 11, 24)})  # noqa: DTZ001 - that is what is refused


def test_python_values_become_json_as_their_handler_reads_them() -> None:
    payload = new_task(typed, {"size": Size(w=3), "at": MOMENT}, {})["payload"]

    assert payload == {"size": {"w": 3}, "at": "2026-11-24T10:00:00Z"}
    assert typed.signature.arguments(json.dumps(payload)) == {"size": Size(w=3), "at": MOMENT}


def test_a_payload_for_a_name_may_hold_python_values_too() -> None:
    values = {"day": date(2026, 1, 2), "sum": Decimal("1.50"), "id": UUID(int=7), "at": Path("/a")}

    assert new_task("x", values, {})["payload"] == {
        "day": "2026-01-02",
        "sum": "1.50",
        "id": str(UUID(int=7)),
        "at": "/a",
    }
    with pytest.raises(TypeError, match="no form in JSON"):
        new_task("x", {"thing": object()}, {})


def test_a_result_becomes_what_the_handler_returned() -> None:
    stored: Json = {"size": {"w": 3}, "at": "2026-11-24T10:00:00Z"}

    assert typed.read_result(stored) == {"size": Size(w=3), "at": MOMENT}
    with pytest.raises(ResultError, match=r"size\.w"):
        typed.read_result({"size": {}, "at": "2026-11-24T10:00:00Z"})


def test_a_batch_is_cut_into_requests_of_a_thousand_each_with_a_key_of_its_own() -> None:
    items: list[NewTask] = [NewTask("demo.echo", {"n": number}) for number in range(1_001)]
    given = [answer(201, {"items": [TASK] * count}) for count in (1_000, 1)]

    reads, journal = carry_out(create_many(items, "key"), given)

    assert len(reads) == 1_001
    assert [call.headers["Idempotency-Key"] for call in journal.calls] == ["key.0", "key.1000"]
    assert [len(json.loads(call.body or b"")["items"]) for call in journal.calls] == [1_000, 1]


def test_a_filter_is_the_same_in_a_body_and_in_a_list() -> None:
    assert filter_body({"status": "FAILED", "tag": ("a", "b"), "created_after": MOMENT, "has_error": True}) == {
        "status": ["FAILED"],
        "tag": ["a", "b"],
        "created_after": "2026-11-24T10:00:00+00:00",
        "has_error": True,
    }
    assert query_of({"status": ["FAILED", "NEW"], "has_error": True, "created_after": MOMENT, "limit": None}) == (
        ("status", "FAILED"),
        ("status", "NEW"),
        ("has_error", "true"),
        ("created_after", "2026-11-24T10:00:00+00:00"),
    )


def test_a_page_knows_whether_it_came_with_results() -> None:
    body = {"items": [TASK], "next_cursor": "c", "prev_cursor": None, "has_more": True}

    bare, _ = carry_out(page({}), [answer(200, body)])
    whole, journal = carry_out(page({"fields": ["payload", "result"], "limit": 1}), [answer(200, body)])

    assert (bare.whole, whole.whole) == (False, True)
    assert (whole.next_cursor, whole.has_more, whole.total) == ("c", True, None)
    assert journal.calls[0].query == (("fields", "payload"), ("fields", "result"), ("limit", "1"))


def test_a_clone_says_only_what_differs() -> None:
    _, journal = carry_out(clone("x", {"payload": {"at": MOMENT}, "idempotency_key": "k"}), [task()])

    (call,) = journal.calls
    assert json.loads(call.body or b"") == {"payload": {"at": "2026-11-24T10:00:00Z"}}
    assert call.headers["Idempotency-Key"] == "k"


def test_names_are_quoted_in_paths() -> None:
    assert path("handlers", "../keys?x#y") == "/api/v1/handlers/..%2Fkeys%3Fx%23y"
