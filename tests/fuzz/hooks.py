"""What Schemathesis has to know of this service. It is loaded by Schemathesis, in an environment without Narad."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.specs.openapi.checks import ensure_resource_availability, positive_data_acceptance

# No schema can say these: they depend on what is stored, on what workers offer, on a signature, on limits that are set.
OF_THE_STATE = frozenset(
    {
        "headers_too_large",
        "idempotency_key_reused",
        "invalid_cursor",
        "payload_too_large",
        "precondition_failed",
        "unknown_handler",
    }
)
LONGEST_WAIT_SECONDS = 1


@schemathesis.hook
def before_call(_context: HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    """Waits are a matter of time, not of the document: a long one is made short."""
    given = str((case.query or {}).get("wait", ""))
    if given.isdecimal() and int(given) > LONGEST_WAIT_SECONDS:
        case.query["wait"] = str(LONGEST_WAIT_SECONDS)


@schemathesis.check
def accepted_or_refused_by_its_state(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """A request that fits the document is accepted, unless it does not fit what the service holds."""
    if response.status_code in {400, 412, 413, 422, 431} and _is_of_the_state(response.json()):
        return None
    return positive_data_acceptance(ctx, response, case)


@schemathesis.check
def found_once_created(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """What was created is found; but a task that ended FAILED or CANCELLED has no result."""
    if response.status_code == 404 and response.json()["code"] == "no_result":
        return None
    return ensure_resource_availability(ctx, response, case)


def _is_of_the_state(problem: dict[str, Any]) -> bool:
    if problem["code"] == "validation_error":
        return all(_is_of_no_schema(error) for error in problem.get("errors", [{}]))
    return problem["code"] in OF_THE_STATE


def _is_of_no_schema(error: dict[str, str]) -> bool:
    """Whether words alone say it in the document: what a handler takes, what can be stored, how fields go together."""
    return error.get("code") in {"payload", "unknown_handler", "not_storable"} or error.get("pointer") == "#"
