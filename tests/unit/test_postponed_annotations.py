"""A module whose annotations are texts until they are asked for, as many modules of users are."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from narad import Context, handler
from narad.worker.signature import PayloadError


@handler("postponed.one")
async def one(when: datetime, attempt_now: Context, width: int = 1) -> dict[str, int]:
    """Take a bit of everything."""
    return {"attempt": attempt_now.attempt, "year": when.year, "width": width}


def test_types_and_context_are_found_behind_postponed_annotations() -> None:
    assert one.signature.context_name == "attempt_now"
    assert one.signature.arguments(json.dumps({"when": "2026-03-01T12:00:00Z"})) == {
        "when": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "width": 1,
    }


def test_a_payload_is_checked_against_postponed_annotations() -> None:
    with pytest.raises(PayloadError, match=r"^width: "):
        one.signature.arguments(json.dumps({"when": "2026-03-01T12:00:00Z", "width": "x"}))


def test_a_result_is_checked_against_a_postponed_annotation() -> None:
    assert one.signature.result({"year": "2026"}, 100) == {"year": 2026}
