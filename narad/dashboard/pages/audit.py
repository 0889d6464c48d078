"""The audit: who changed what."""

from fastapi import APIRouter, Request, Response
from starlette.status import HTTP_200_OK, HTTP_422_UNPROCESSABLE_CONTENT

from narad.api.caller import needs
from narad.api.keys_schemas import AuditPage, AuditQuery
from narad.api.services import UsesServices
from narad.api.v1.audit import read_audit
from narad.dashboard.access import PageRoute
from narad.dashboard.queries import address_with, asked
from narad.dashboard.rendering import page
from narad.domain.scopes import Scope

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH = "/ui/audit"
_NOTHING = AuditPage(items=[], next_cursor=None)


@router.get(PATH, operation_id="auditPage")
@needs(Scope.AUDIT_READ)
async def audit_page(request: Request, services: UsesServices) -> Response:
    """The audit, the latest first."""
    wanted = asked(request, AuditQuery)
    query = wanted.query
    return await page(
        request,
        "audit.html",
        status=HTTP_422_UNPROCESSABLE_CONTENT if wanted.wrong else HTTP_200_OK,
        query=query,
        found=_NOTHING if wanted.wrong else await services.promptly(read_audit(services, query)),
        wrong=wanted.wrong,
        unknown=wanted.unknown,
        is_first=query.cursor is None,
        filtered=query.key_id is not None or query.target is not None,
        address=lambda **changes: address_with(request, changes),
    )
