"""What handlers logged about a task."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from narad.api.answers import problem_answers
from narad.api.caller import needs
from narad.api.json_route import JsonRoute
from narad.api.logs_schemas import LogPage, LogQuery, page_of
from narad.api.services import UsesCaller, UsesServices
from narad.api.visible import existing
from narad.domain.scopes import Scope

router = APIRouter(prefix="/api/v1/tasks/{task_id}/logs", tags=["tasks"], route_class=JsonRoute)


@router.get("", operation_id="listTaskLogs", responses=problem_answers(400, 404))
@needs(Scope.TASKS_READ)
async def list_task_logs(
    task_id: UUID, query: Annotated[LogQuery, Query()], services: UsesServices, caller: UsesCaller
) -> LogPage:
    """List the lines that handlers logged about a task, the first first, those of all its attempts."""
    await existing(task_id, services, caller)
    found = await services.promptly(services.store.log_lines.read(task_id, query.limit + 1, after=query.place))
    return page_of(found, query.limit, caller)
