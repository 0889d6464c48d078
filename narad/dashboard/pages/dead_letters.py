"""Dead letters: messages that could not be processed, with the reason; and their way back into their lanes."""

from fastapi import APIRouter, Request, Response

from narad.api import problems
from narad.api.auditing import Note, note
from narad.api.caller import needs
from narad.api.problems import Problem
from narad.dashboard.access import PageRoute
from narad.dashboard.desk import UsesDesk
from narad.dashboard.leading import lead_to
from narad.dashboard.rendering import page
from narad.domain.dead_letter import MOST_LOOKED_AT, DeadLetter, DeadLetters
from narad.domain.scopes import Scope
from narad.errors import BrokerUnavailableError

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH = "/ui/dead-letters"
_KEYS = "key"
_RETRY = {"Retry-After": "5"}


@router.get(PATH, operation_id="deadLettersPage")
@needs(Scope.QUEUES_READ)
async def dead_letters_page(request: Request, desk: UsesDesk) -> Response:
    """The oldest dead letters."""
    found, reason = await _look(desk.dead_letters)
    return await page(
        request,
        "dead_letters.html",
        used=desk.dead_letters is not None,
        letters=found,
        reason=reason,
        most=MOST_LOOKED_AT,
    )


@router.post(PATH + "/replay", operation_id="replayDeadLetters")
@needs(Scope.QUEUES_MANAGE)
async def replay_dead_letters(request: Request, desk: UsesDesk) -> Response:
    """Send the dead letters that were named to the lanes they came from."""
    if desk.dead_letters is None:
        raise Problem(problems.INVALID_STATE, "There is no broker, so there are no dead letters.")
    keys = {key for key in (await request.form()).getlist(_KEYS) if isinstance(key, str)}
    try:
        sent = await desk.dead_letters.replay(keys)
    except BrokerUnavailableError as error:
        detail = f"{error} What was sent already may be there twice, which does no harm. Try again."
        raise Problem(problems.REDUCED_CAPACITY, detail, headers=_RETRY) from error
    note(request, Note(target="dead-letters", count=sent))
    return lead_to(request, PATH)


async def counted(dead_letters: DeadLetters | None) -> int | None:
    """How many there are; None where there is no broker, or it does not answer."""
    try:
        return None if dead_letters is None else await dead_letters.count()
    except BrokerUnavailableError:
        return None


async def _look(dead_letters: DeadLetters | None) -> tuple[list[DeadLetter], str | None]:
    """What is there, and why nothing can be seen."""
    try:
        return ([] if dead_letters is None else [*await dead_letters.look()]), None
    except BrokerUnavailableError as error:
        return [], str(error)
