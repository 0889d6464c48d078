"""The endpoint of the audit."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from narad.api.answers import problem_answers
from narad.api.caller import needs
from narad.api.json_route import JsonRoute
from narad.api.keys_schemas import AuditPage, AuditQuery, AuditView
from narad.api.marks import foreign_cursor, read_mark, write_mark
from narad.api.services import Services, UsesServices
from narad.domain.scopes import Scope

router = APIRouter(prefix="/api/v1/audit", tags=["audit"], route_class=JsonRoute)


@router.get("", operation_id="listAudit", responses=problem_answers(400))
@needs(Scope.AUDIT_READ)
async def list_audit(query: Annotated[AuditQuery, Query()], services: UsesServices) -> AuditPage:
    """List what was changed and by whom, the latest first. Who created a task is in the task itself."""
    return await services.promptly(read_audit(services, query))


async def read_audit(services: Services, query: AuditQuery) -> AuditPage:
    """A page of the audit.

    Raises:
        Problem: the cursor is not one of ours.
    """
    before = None if query.cursor is None else _read_cursor(query.cursor)
    found = await services.store.audit.find(query.limit + 1, before=before, key_id=query.key_id, target=query.target)
    page = found[: query.limit]
    return AuditPage(
        items=[AuditView.model_validate(entry) for entry in page],
        next_cursor=write_mark(str(page[-1].id)) if len(found) > query.limit else None,
    )


def _read_cursor(cursor: str) -> UUID:
    try:
        return UUID(read_mark(cursor))
    except ValueError:
        raise foreign_cursor() from None
