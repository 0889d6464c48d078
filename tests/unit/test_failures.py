"""Failures that are alike stand in one group, whatever release or worker they come from."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.failures import MOST_WORKERS, Failure, Fingerprint, fingerprint_of, grouped, place_of

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SPANS = 12


def failure(number: int = 0, **fields: Any) -> Failure:  # noqa: ANN401 - fields of Failure
    plain: dict[str, Any] = {
        "task_id": UUID(int=number),
        "handler": "mail.send",
        "finished_at": NOW - timedelta(minutes=number),
        "worker_id": UUID(int=1),
        "error_type": "Oops",
        "message": f"message {number}",
        "traceback_tail": None,
    }
    return Failure(**plain | fields)


def traceback(*frames: str) -> str:
    shown = "\n".join(f"  {frame}\n    code()" for frame in frames)
    return f"Traceback (most recent call last):\n{shown}\nOops: text"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (None, ""),
        ("no traceback at all", ""),
        (
            traceback('File "/srv/app/a.py", line 3, in run', 'File "/srv/app/mail.py", line 9, in send'),
            "mail.py in send",
        ),
        (traceback('File "/other/mail.py", line 12, in send'), "mail.py in send"),
        (traceback('File "C:\\app\\mail.py", line 1, in <module>'), "mail.py in <module>"),
        ('le "/cut/off.py", line 1, in run\n' + traceback('File "/srv/b.py", line 1, in f'), "b.py in f"),
    ],
)
def test_the_place_is_the_innermost_frame_without_directory_and_line(text: str | None, place: str) -> None:
    assert place_of(text) == place


def test_a_fingerprint_does_not_look_at_messages_or_workers() -> None:
    first, second = failure(1), failure(2, worker_id=None)

    assert fingerprint_of(first) == fingerprint_of(second) == Fingerprint("mail.send", "Oops", "")
    assert fingerprint_of(failure(error_type=None)) == Fingerprint("mail.send", "", "")
    assert fingerprint_of(failure(handler="other")) != fingerprint_of(first)


def test_a_group_tells_when_it_was_seen_and_by_whom() -> None:
    workers = [UUID(int=number) for number in range(1, MOST_WORKERS + 3)]
    failures = [failure(number, worker_id=worker) for number, worker in enumerate(workers)]
    failures.append(failure(20, worker_id=workers[-1]))

    (group,) = grouped(failures, until=NOW, spans=SPANS)

    assert (group.count, group.first_seen, group.last_seen) == (8, NOW - timedelta(minutes=20), NOW)
    assert group.newest.message == "message 0"
    assert group.workers == [workers[-1], *workers[: MOST_WORKERS - 1]]
    assert group.more_workers == 2
    assert (group.over_time[0], group.over_time[-1], sum(group.over_time)) == (1, 2, 8)


def test_the_largest_group_comes_first_then_what_failed_last() -> None:
    failures = [failure(1, handler="old"), failure(0, handler="new"), failure(5), failure(6)]

    assert [group.fingerprint.handler for group in grouped(failures, until=NOW, spans=SPANS)] == [
        "mail.send",
        "new",
        "old",
    ]
    assert grouped([], until=NOW, spans=SPANS) == []


@given(
    st.lists(
        st.builds(
            failure,
            number=st.integers(0, 1_000),
            handler=st.sampled_from("ab"),
            error_type=st.sampled_from(["x", None]),
            finished_at=st.integers(0, 400_000).map(lambda seconds: NOW - timedelta(seconds=seconds)),
        ),
        max_size=40,
    )
)
def test_every_failure_is_counted_once_and_at_one_time(failures: list[Failure]) -> None:
    groups = grouped(failures, until=NOW, spans=SPANS)

    assert sum(group.count for group in groups) == len(failures)
    assert all(sum(group.over_time) == group.count for group in groups)
    assert all(group.first_seen <= group.newest.finished_at == group.last_seen for group in groups)
    assert len({group.fingerprint for group in groups}) == len(groups)
