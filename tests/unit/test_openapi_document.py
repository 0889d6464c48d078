"""The OpenAPI document: valid, whole, and in step with docs/openapi.json."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.sse import EventSourceResponse
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from pydantic import BaseModel
from starlette.routing import Route

from narad.api.app import ROUTES
from narad.api.openapi import document_of, operations_of
from narad.api.problems import KINDS
from tests.support.openapi_changes import breaking_changes
from tests.support.openapi_snapshot import current, kept

DOCUMENT = current()
OPERATIONS = {operation["operationId"]: operation for _, operation in operations_of(DOCUMENT)}
PROBLEM = "application/problem+json"

each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Checks values against a schema of the document."""
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example of the document: where it is, its schema and the example."""
    bodies = [(name, one["requestBody"]) for name, one in OPERATIONS.items() if "requestBody" in one]
    for name, part in [*bodies, *DOCUMENT["components"]["responses"].items()]:
        for content in part["content"].values():
            if "example" in content:
                yield name, content["schema"], content["example"]
            for code, example in content.get("examples", {}).items():
                yield f"{name}-{code}", content["schema"], example["value"]


def answers_of(operation: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Its answers by their statuses, references followed."""
    shared = DOCUMENT["components"]["responses"]
    return {
        int(status): shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        for status, answer in operation["responses"].items()
    }


def test_the_document_in_the_repository_is_that_of_the_code() -> None:
    broken = breaking_changes(kept(), DOCUMENT)

    assert not broken, "These changes break clients:\n" + "\n".join(f"- {change}" for change in broken)
    assert kept() == DOCUMENT, "docs/openapi.json is not up to date: run make openapi"


def test_it_is_valid_openapi_of_version_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    validate(DOCUMENT, cls=OpenAPIV31SpecValidator)


def test_every_route_of_the_api_is_in_it() -> None:
    paths = {route.path for route in ROUTES if isinstance(route, Route) and route.include_in_schema}

    assert paths == set(DOCUMENT["paths"])


def test_a_path_that_is_named_is_not_taken_by_one_with_a_parameter() -> None:
    routes = [route for route in ROUTES if isinstance(route, Route)]

    for route in routes:
        if not route.param_convertors:
            assert next(one for one in routes if one.path_regex.match(route.path)).path == route.path


def test_it_can_be_served_behind_any_proxy_and_under_any_path() -> None:
    assert [server["url"] for server in DOCUMENT["servers"]] == ["."]


def test_every_operation_has_a_short_name_of_its_own() -> None:
    assert len(OPERATIONS) == len(list(operations_of(DOCUMENT)))
    for name in OPERATIONS:
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name), name
        assert len(name) <= 24, name


@each_operation
def test_an_operation_says_what_it_does(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"].strip().endswith(".")
    assert operation["tags"]


def test_every_tag_is_described() -> None:
    used = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}

    assert {tag["name"] for tag in DOCUMENT["tags"]} == used, "add it to TAGS in narad/api/openapi_texts.py"


@each_operation
def test_errors_of_an_operation_are_problems(operation: dict[str, Any]) -> None:
    answers = answers_of(operation)

    assert {408, 431, 500} <= answers.keys()
    for status, answer in answers.items():
        if status >= 400 and operation["operationId"] != "getReadiness":
            assert set(answer["content"]) == {PROBLEM}
    if operation.get("parameters") or "requestBody" in operation:
        assert 422 in answers
    if "requestBody" in operation:
        assert {400, 413, 415} <= answers.keys()


def test_nothing_is_left_of_the_problems_of_the_framework() -> None:
    assert "HTTPValidationError" not in str(DOCUMENT)
    assert not {"HTTPValidationError", "ValidationError"} & DOCUMENT["components"]["schemas"].keys()


@each_operation
def test_the_headers_of_every_answer_are_there(operation: dict[str, Any]) -> None:
    takes_key = any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", []))
    for status, answer in answers_of(operation).items():
        headers = answer["headers"].keys()
        assert ("X-Request-ID" in headers) is (status not in {408, 431})
        assert ("Idempotent-Replayed" in headers) is (takes_key and status < 400)
        if status in {429, 503} and PROBLEM in answer["content"]:
            assert "Retry-After" in headers
        if "links" in answer:
            assert "Location" in headers


def test_what_was_created_leads_to_all_that_can_be_done_with_it() -> None:
    links = OPERATIONS["createTask"]["responses"]["201"]["links"]

    assert {"getTask", "cancelTask", "getTaskStatus"} <= links.keys()
    assert links["getTask"]["parameters"] == {"task_id": "$response.body#/id"}
    assert links.keys() <= OPERATIONS.keys()
    assert "links" not in OPERATIONS["createTasks"]["responses"]["201"]


@each_operation
def test_every_body_has_an_example(operation: dict[str, Any]) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        assert content.keys() & {"example", "examples"}, "give its model an example, by json_schema_extra"


@pytest.mark.parametrize(("schema", "example"), [one[1:] for one in examples()], ids=[one[0] for one in examples()])
def test_every_example_fits_its_schema(schema: dict[str, Any], example: object) -> None:
    validator(schema).validate(example)


def test_every_kind_of_problem_has_an_example_where_its_status_is_in_use() -> None:
    used = {int(name.removeprefix("Problem")) for name in DOCUMENT["components"]["responses"]}
    shown = {
        code
        for answer in DOCUMENT["components"]["responses"].values()
        for code in answer["content"][PROBLEM]["examples"]
    }

    assert shown == {kind.code for kind in KINDS if kind.status in used}


def test_every_choice_of_texts_has_a_name() -> None:
    unnamed = [
        f"{name}.{field}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for field, part in schema.get("properties", {}).items()
        for one in [part, part.get("items", {}), *part.get("anyOf", [])]
        if len(one.get("enum", [])) > 1
    ]

    assert not unnamed, "make it an enum or a TypeAliasType"


def test_no_parameter_may_be_null() -> None:
    for operation in OPERATIONS.values():
        for parameter in operation.get("parameters", []):
            assert {"type": "null"} not in parameter["schema"].get("anyOf", []), parameter["name"]


class Frame(BaseModel):
    """An item of a stream."""

    number: int


def test_a_stream_is_described_in_words_of_openapi_3_1() -> None:
    router = APIRouter(tags=["events"])

    @router.get("/frames", response_class=EventSourceResponse)
    async def frames() -> AsyncIterator[Frame]:
        """Count."""
        yield Frame(number=1)

    document = document_of(router.routes)

    validate(document, cls=OpenAPIV31SpecValidator)
    stream = document["paths"]["/frames"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    assert stream["schema"] == stream["x-itemSchema"]
    assert "itemSchema" not in stream
