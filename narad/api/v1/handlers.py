"""The endpoints of the catalogue: which handlers there are, and whether somebody offers them."""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Path

from narad.api import problems
from narad.api.answers import problem_answers
from narad.api.caller import needs
from narad.api.errors import nearest
from narad.api.fleet_schemas import HandlerPage, HandlerView, VersionView
from narad.api.json_route import JsonRoute
from narad.api.problems import Problem
from narad.api.services import Services, UsesServices
from narad.domain.names import HANDLER_NAME, LONGEST_HANDLER_NAME
from narad.domain.scopes import Scope
from narad.store.catalogue import PublishedVersion
from narad.store.fleet import Offer

router = APIRouter(prefix="/api/v1/handlers", tags=["handlers"], route_class=JsonRoute)

HandlerName = Annotated[str, Path(pattern=HANDLER_NAME, max_length=LONGEST_HANDLER_NAME)]


@router.get("", operation_id="listHandlers", responses=problem_answers())
@needs(Scope.HANDLERS_READ)
async def list_handlers(services: UsesServices) -> HandlerPage:
    """List the handlers that a worker has published within the last 30 days."""
    return HandlerPage(items=await services.promptly(read_handlers(services)))


@router.get("/{name}", operation_id="getHandler", responses=problem_answers(404))
@needs(Scope.HANDLERS_READ)
async def get_handler(name: HandlerName, services: UsesServices) -> HandlerView:
    """Read one handler."""
    return await services.promptly(existing_handler(services, name))


async def existing_handler(services: Services, name: str) -> HandlerView:
    """The handler.

    Raises:
        Problem: nobody has published one of that name.
    """
    known = {handler.name: handler for handler in await read_handlers(services)}
    if name not in known:
        close = nearest(name, sorted(known))
        hint = f" Did you mean {close}?" if close else ""
        detail = f"No worker has published a handler {name}.{hint}"
        raise Problem(problems.NOT_FOUND, detail, nearest=close)
    return known[name]


async def read_handlers(services: Services) -> list[HandlerView]:
    """Every handler known, by name."""
    now = services.clock.now()
    published = await services.store.catalogue.published(now=now)
    offers = await services.store.fleet.offers(now=now)
    return [_view(list(versions), offers) for _, versions in groupby(published, key=lambda version: version.name)]


def _view(versions: Sequence[PublishedVersion], offers: Sequence[Offer]) -> HandlerView:
    """The view of a handler, given its versions, the latest first."""
    latest = versions[0]
    heartbeats = [offer.heartbeat_at for offer in offers if latest.name in offer.handlers]
    return HandlerView(
        name=latest.name,
        title=latest.title,
        description=latest.description,
        queue=latest.queue,
        payload_schema=dict(latest.payload_schema),
        result_schema=None if latest.result_schema is None else dict(latest.result_schema),
        options=dict(latest.options),
        versions=[VersionView(fingerprint=one.fingerprint, published_at=one.seen_at) for one in versions],
        offered=bool(heartbeats),
        last_seen_at=max([latest.seen_at, *heartbeats]),
    )
