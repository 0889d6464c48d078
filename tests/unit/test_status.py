"""The table of moves, against the design and against the diagram that people read."""

import re

import pytest

from narad.domain.status import BY_URGENCY, FINAL, MOVES, WAITING, Move, Priority, Status, is_legal
from tests.support.repository import text_of

DESIGN = {
    (Status.NEW, Status.PENDING),
    (Status.NEW, Status.IN_PROGRESS),
    (Status.PENDING, Status.IN_PROGRESS),
    (Status.IN_PROGRESS, Status.COMPLETED),
    (Status.IN_PROGRESS, Status.FAILED),
    (Status.IN_PROGRESS, Status.CANCELLED),
    (Status.IN_PROGRESS, Status.PENDING),
    (Status.NEW, Status.CANCELLED),
    (Status.PENDING, Status.CANCELLED),
    (Status.FAILED, Status.PENDING),
    (Status.CANCELLED, Status.PENDING),
}
ARROW = re.compile(r"^\s*(\w+) --> (\w+): (.+)$", re.MULTILINE)


def test_the_moves_are_those_of_the_design_and_no_others() -> None:
    moves = [(move.source, move.target) for move in MOVES]

    assert set(moves) == DESIGN
    assert len(moves) == len(DESIGN)


@pytest.mark.parametrize("source", Status)
@pytest.mark.parametrize("target", Status)
def test_a_change_is_legal_only_if_the_table_has_it(source: Status, target: Status) -> None:
    assert is_legal(source, target) == ((source, target) in DESIGN)


def test_out_of_a_final_status_leads_only_a_retry_to_pending() -> None:
    out = {move for move in MOVES if move.source in FINAL}

    assert out == {
        Move("retry", Status.FAILED, Status.PENDING),
        Move("retry", Status.CANCELLED, Status.PENDING),
    }


def test_every_status_is_waiting_running_or_final() -> None:
    assert {status for status in Status if status.is_waiting} == WAITING == {Status.NEW, Status.PENDING}
    assert {status for status in Status if status.is_final} == FINAL
    assert set(Status) - WAITING - FINAL == {Status.IN_PROGRESS}


def test_statuses_and_priorities_keep_their_names_and_codes() -> None:
    # Their order is what the store keeps: it may grow at the end and change nowhere else.
    assert list(Status) == ["NEW", "PENDING", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED"]
    assert list(Priority) == ["LOW", "MEDIUM", "HIGH"]
    assert BY_URGENCY == (Priority.HIGH, Priority.MEDIUM, Priority.LOW)


def test_the_diagram_in_the_docs_shows_exactly_the_moves() -> None:
    diagram = re.search(r"```mermaid\nstateDiagram-v2\n(.*?)```", text_of("docs/statuses.md"), re.DOTALL)
    assert diagram is not None

    drawn = [
        Move(verb.strip(), Status(source), Status(target)) for source, target, verb in ARROW.findall(diagram.group(1))
    ]

    assert len(drawn) == len(set(drawn))
    assert set(drawn) == set(MOVES)


def test_the_docs_explain_every_status_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", text_of("docs/statuses.md"), re.MULTILINE)

    assert rows == list(Status)
