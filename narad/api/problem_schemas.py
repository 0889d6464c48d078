"""Problems in the OpenAPI document: their schema, and an example of each kind."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from narad.api.problems import Kind
from narad.domain.task import Json

REFERENCE = "#/components/schemas/{model}"
_REQUEST_ID = "0193b7c2-5f0e-7c3a-9b1d-2f6a8c4e0d11"


class FieldErrorView(TypedDict):
    """What is wrong with one place of a request: `pointer` leads into the body, the others name it."""

    detail: str
    code: Annotated[str, Field(description="What programs branch on.")]
    pointer: NotRequired[Annotated[str, Field(description="Into the body, as of RFC 6901.")]]
    parameter: NotRequired[Annotated[str, Field(description="The name of a path or query parameter.")]]
    header: NotRequired[Annotated[str, Field(description="The name of a header.")]]


class ProblemView(TypedDict):
    """An error, as of RFC 9457. Some kinds have more members, which say what can be done."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc] # as Pydantic documents it

    type: Annotated[str, Field(description="The address of a page that says what to do.")]
    title: Annotated[str, Field(description="The same for all problems of this type.")]
    status: int
    detail: Annotated[str, Field(description="What was wrong this time.")]
    code: Annotated[str, Field(description="What programs branch on.")]
    request_id: NotRequired[Annotated[str, Field(description="The X-Request-ID of the answer.")]]
    trace_id: NotRequired[Annotated[str, Field(description="The trace that `traceparent` of the request names.")]]
    errors: NotRequired[list[FieldErrorView]]


def problem_schemas() -> dict[str, Any]:
    """The schemas of problems, by their names in the document."""
    schema = TypeAdapter(ProblemView).json_schema(ref_template=REFERENCE)
    return {**schema.pop("$defs"), "ProblemView": schema}


def example_of(kind: Kind) -> dict[str, Json]:
    """A problem of this kind, as a client gets it."""
    return {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.title,
        "code": kind.code,
        "request_id": _REQUEST_ID,
        **_PARTICULARS.get(kind.slug, {}),
    }


_TASK = "0193b7c2-1a2b-7c3d-8e4f-5a6b7c8d9e0f"
_PARTICULARS: Mapping[str, dict[str, Json]] = {
    "malformed-json": {"detail": "Expecting ',' delimiter at character 17."},
    "unknown-parameter": {
        "detail": "There is no parameter statuses. Did you mean status?",
        "nearest": "status",
        "errors": [{"detail": "is not a known parameter", "code": "unknown", "parameter": "statuses"}],
    },
    "invalid-cursor": {
        "detail": "The cursor cannot be used. It belongs to a list with other filters; start again without a cursor.",
        "errors": [{"detail": "is not a valid cursor", "code": "cursor", "parameter": "cursor"}],
    },
    "not-found": {"detail": f"There is no task {_TASK}."},
    "no-result": {"detail": f"Task {_TASK} ended FAILED: ValueError.", "current_status": "FAILED"},
    "invalid-state": {
        "detail": f"Task {_TASK} is COMPLETED already; there is nothing left to cancel.",
        "current_status": "COMPLETED",
        "allowed_actions": ["clone"],
    },
    "duplicate-task": {"detail": f"Task {_TASK} waits or runs with the same unique_key.", "existing_task": _TASK},
    "precondition-failed": {"detail": f"Task {_TASK} has version 8 by now.", "current_version": 8},
    "payload-too-large": {"detail": "The body has 2097152 bytes; at most 1048576 are taken."},
    "unsupported-media-type": {"detail": "Content-Type is text/plain."},
    "validation-error": {
        "detail": "2 fields are not valid.",
        "errors": [
            {"detail": "Input should be 'LOW', 'MEDIUM' or 'HIGH'", "code": "enum", "pointer": "#/priority"},
            {"detail": "must not be blank", "code": "value_error", "pointer": "#/name"},
        ],
    },
    "unknown-handler": {
        "detail": "No worker offers a handler demo.ecko. Did you mean demo.echo?",
        "nearest": "demo.echo",
        "errors": [{"detail": "is not a known handler", "code": "unknown_handler", "pointer": "#/handler"}],
    },
    "idempotency-key-reused": {
        "detail": "A key stands for one request. Take a new one.",
        "errors": [{"detail": "came with another body before", "code": "reused", "header": "Idempotency-Key"}],
    },
    "internal": {"detail": "The request could not be carried out; the log of the service says why."},
    "store-unavailable": {"detail": "The database does not answer. Nothing is known to have changed; try again."},
}
