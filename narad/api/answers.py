"""What endpoints have in common: the problems they document, and how they answer with one task."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from narad.api import problems
from narad.api.problems import Problem
from narad.domain.task import TaskSummary

PROBLEM_ANSWER: dict[str, Any] = {
    "description": "A problem.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemView"}}},
}


def problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that an endpoint documents: those of these statuses, and what any may meet."""
    return dict.fromkeys((*statuses, 422, 503), PROBLEM_ANSWER)


def json_answer(view: BaseModel, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An answer made without the framework's second validation of what we made ourselves."""
    return Response(view.model_dump_json(), status_code=status, headers=headers, media_type="application/json")


def place_of(task: TaskSummary, request: Request) -> str:
    """The address of a task, for the header Location."""
    return f"{request.scope.get('root_path', '')}/api/v1/tasks/{task.id}"


def invalid_state(task: TaskSummary, detail: str, *allowed_actions: str) -> Problem:
    """The problem of a task that is not in a state for what was asked."""
    return Problem(problems.INVALID_STATE, detail, current_status=task.status, allowed_actions=[*allowed_actions])


def missing(task_id: object) -> Problem:
    """The problem of a task that is not there."""
    return Problem(problems.NOT_FOUND, f"There is no task {task_id}.")
