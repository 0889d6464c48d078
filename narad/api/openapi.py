"""The OpenAPI document: what the framework makes of the routes, completed and corrected. Knows no route by its name."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from http import HTTPStatus
from typing import Any, TypeAlias

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

import narad
from narad.api import idempotency, problems
from narad.api.event_schemas import event_schemas
from narad.api.gate import PROBES
from narad.api.json_route import JsonRoute
from narad.api.openapi_texts import ANYWHERE, AT_THE_GATE, DESCRIPTION, HEADERS, TAGS, UNNAMED
from narad.api.problem_schemas import example_of, problem_schemas

Document: TypeAlias = dict[str, Any]
Operation: TypeAlias = dict[str, Any]

_PROBLEM = "application/problem+json"
_OF_THE_FRAMEWORK = ("HTTPValidationError", "ValidationError")
_EVENT = {"$ref": "#/components/schemas/EventView"}
_NOTHING_SAID = "Successful Response"
_ERROR = 400


def document_of(routes: Sequence[BaseRoute]) -> Document:
    """The document of these routes."""
    document = get_openapi(
        title="Narad",
        version=narad.__version__,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        # Where the document is: right behind any proxy and under any path.
        servers=[{"url": ".", "description": "Where this document is."}],
        routes=routes,
    )
    components = document.setdefault("components", {})
    kept = {name: schema for name, schema in components.get("schemas", {}).items() if name not in _OF_THE_FRAMEWORK}
    components["schemas"] = dict(sorted((kept | problem_schemas() | event_schemas()).items()))
    for path, operation in operations_of(document):
        operation["summary"] = _in_words(operation["operationId"])
        _without_null(operation)
        _describe_streams(operation)
        _document_problems(operation, ANYWHERE if path in PROBES else ANYWHERE | AT_THE_GATE)
        _document_successes(operation)
        _add_example(operation, document)
    _document_access(document, routes)
    _link(document)
    components["responses"] = _problem_responses(document)
    components["headers"] = {name: header for name, header in HEADERS.items() if _uses(document, "headers", name)}
    document["tags"] = _tags(document)
    return _with_whole_numbers(document)


def operations_of(document: Document) -> Iterator[tuple[str, Operation]]:
    """Every operation with its path."""
    return ((path, operation) for path, methods in document["paths"].items() for operation in methods.values())


def rendered(document: Document) -> bytes:
    """The document as it is served."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def resolved(schema: Mapping[str, Any], document: Document) -> Mapping[str, Any]:
    """A schema itself, where it is a reference."""
    found = schema
    while "$ref" in found:
        found = document["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found


def _in_words(operation_id: str) -> str:
    words = re.sub(r"(?<=[a-z])[A-Z]", lambda match: f" {match[0].lower()}", operation_id)
    return words[0].upper() + words[1:]


def _without_null(operation: Operation) -> None:
    """A parameter that is not given is left out; nothing in a URL or a header is null."""
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
        if choices:
            rest = {word: value for word, value in schema.items() if word != "anyOf"}
            parameter["schema"] = rest | (choices[0] if len(choices) == 1 else {"anyOf": choices})


def _describe_streams(operation: Operation) -> None:
    """In words of OpenAPI 3.1: the framework has one of 3.2 for an item of a stream; tools look for it in `schema`."""
    for answer in operation["responses"].values():
        for content in answer.get("content", {}).values():
            if "itemSchema" in content:
                item = content.pop("itemSchema")
                item["properties"]["data"] |= {"contentMediaType": "application/json", "contentSchema": _EVENT}
                content["schema"] = content["x-itemSchema"] = item


def _document_problems(operation: Operation, anyway: Set[int]) -> None:
    """Ours in place of the framework's, those that a request may meet anyway, and one text for all of a status."""
    answers = operation["responses"]
    for status in sorted({kind.status for kind in problems.KINDS} & anyway):
        answers.setdefault(str(status), {"content": {_PROBLEM: {}}})
    for status, answer in answers.items():
        if int(status) >= _ERROR and (_PROBLEM in answer.get("content", {}) or _is_of_the_framework(answer)):
            answers[status] = {"$ref": f"#/components/responses/Problem{status}"}
    operation["responses"] = dict(sorted(answers.items()))


def _is_of_the_framework(answer: Mapping[str, Any]) -> bool:
    schemas = [content.get("schema", {}) for content in answer.get("content", {}).values()]
    return any(schema.get("$ref", "").endswith(_OF_THE_FRAMEWORK) for schema in schemas)


def _problem_responses(document: Document) -> dict[str, Any]:
    """The answers that are problems, one of each status in use."""
    statuses = sorted({kind.status for kind in problems.KINDS})
    used = [status for status in statuses if _uses(document, "responses", f"Problem{status}")]
    return {f"Problem{status}": _problem_response(status) for status in used}


def _problem_response(status: int) -> dict[str, Any]:
    kinds = [kind for kind in problems.KINDS if kind.status == status]
    headers = {"Retry-After"} if status in {429, 503} else {"WWW-Authenticate"} if status == 401 else set()  # noqa: PLR2004
    if status not in UNNAMED:
        headers.add("X-Request-ID")
    return {
        "description": " Or: ".join(kind.title for kind in kinds),
        "headers": {name: _reference("headers", name) for name in sorted(headers)},
        "content": {
            _PROBLEM: {
                "schema": _reference("schemas", "ProblemView"),
                "examples": {kind.code: {"summary": kind.title, "value": example_of(kind)} for kind in kinds},
            }
        },
    }


def _document_successes(operation: Operation) -> None:
    """A plain word where nothing was said, and headers that follow from a rule. Endpoints declare the others."""
    takes_key = any(parameter["name"] == idempotency.HEADER for parameter in operation.get("parameters", []))
    for status, answer in operation["responses"].items():
        if "$ref" not in answer:
            if answer["description"] == _NOTHING_SAID:
                answer["description"] = f"{HTTPStatus(int(status)).phrase}."
            headers = answer.setdefault("headers", {})
            headers["X-Request-ID"] = _reference("headers", "X-Request-ID")
            if takes_key and int(status) < _ERROR:
                headers[idempotency.REPLAYED] = _reference("headers", idempotency.REPLAYED)


def _add_example(operation: Operation, document: Document) -> None:
    """An example of the body, where its schema has one or its parts have."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        example = _example(content["schema"], document)
        if example is not None and "examples" not in content:
            content.setdefault("example", example)


def _example(schema: Mapping[str, Any], document: Document) -> object:
    found = resolved(schema, document)
    if "examples" in found:
        return found["examples"][0]
    if "anyOf" in found:
        return next((one for one in (_example(part, document) for part in found["anyOf"]) if one is not None), None)
    if found.get("type") == "array":
        item = _example(found["items"], document)
        return None if item is None else [item]
    members = {name: _example(part, document) for name, part in found.get("properties", {}).items()}
    return {name: member for name, member in members.items() if member is not None} or None


def _document_access(document: Document, routes: Sequence[BaseRoute]) -> None:
    """Which scope a key needs, where there are keys."""
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "nrd_…"}}
    for route in routes:
        if isinstance(route, JsonRoute) and route.include_in_schema:
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                operation["security"] = [{"key": []}, {}]
                operation["x-required-scope"] = route.access.scope


def _link(document: Document) -> None:
    """From the answer that something was created to all that can be done with it, by its id."""
    for path, operation in operations_of(document):
        created = operation["responses"].get("201", {})
        if "id" not in _properties(created, document):
            continue
        collection = path.partition("/{")[0]
        links = {}
        for other, target in operations_of(document):
            names = re.findall(r"{(\w+)}", other)
            if other.startswith(f"{collection}/{{") and len(names) == 1:
                parameters = {names[0]: "$response.body#/id"}
                links[target["operationId"]] = {"operationId": target["operationId"], "parameters": parameters}
        if links:
            created["links"] = links


def _properties(answer: Mapping[str, Any], document: Document) -> Mapping[str, Any]:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    properties: Mapping[str, Any] = resolved(schema, document).get("properties", {})
    return properties


def _tags(document: Document) -> list[dict[str, str]]:
    used = {tag for _, operation in operations_of(document) for tag in operation.get("tags", [])}
    return [{"name": name, "description": text} for name, text in TAGS.items() if name in used]


def _with_whole_numbers(document: Document) -> Document:
    """The framework writes 1000 as 1000.0."""
    written: Document = json.loads(
        json.dumps(document), parse_float=lambda text: int(number) if (number := float(text)).is_integer() else number
    )
    return written


def _reference(section: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{section}/{name}"}


def _uses(document: Document, section: str, name: str) -> bool:
    return json.dumps(_reference(section, name))[1:-1] in json.dumps(document)
