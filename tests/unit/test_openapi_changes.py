"""What breaks clients is named, one by one and in words; what does not, is not."""

import copy
from typing import Any

import pytest

from tests.support.openapi_changes import breaking_changes

TREE = {"$ref": "#/components/schemas/Tree"}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Test", "version": "1"},
    "paths": {
        "/tasks": {
            "post": {
                "operationId": "createTask",
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                "responses": {
                    "201": {
                        "headers": {"Location": {}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}},
                    },
                    "404": {"$ref": "#/components/responses/Problem"},
                },
            }
        },
        "/trees": {
            "put": {"operationId": "putTree", "responses": {}, "requestBody": {"content": {"a/b": {"schema": TREE}}}}
        },
    },
    "components": {
        "responses": {"Problem": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}},
        "schemas": {
            "Priority": {"type": "string", "enum": ["LOW", "HIGH"]},
            "Tree": {"type": "object", "properties": {"left": TREE, "right": TREE, "name": {"type": "string"}}},
            "New": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 200},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "priority": {"$ref": "#/components/schemas/Priority", "default": "LOW"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "seconds": {"type": "number"},
                },
            },
            "Task": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string"},
                    "attempt": {"type": "integer"},
                    "error": {
                        "anyOf": [{"type": "object", "properties": {"type": {"type": "string"}}}, {"type": "null"}]
                    },
                },
            },
        },
    },
}
CREATE = ("paths", "/tasks", "post")
NEW = ("components", "schemas", "New")
TASK = ("components", "schemas", "Task")
TREE_NAME = ("components", "schemas", "Tree", "properties", "name")
GONE = object()


def changed(*changes: tuple[tuple[str | int, ...], object]) -> dict[str, Any]:
    """The document with other values at these places, or without them."""
    document = copy.deepcopy(DOCUMENT)
    for path, value in changes:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        if value is GONE:
            del place[path[-1]]
        else:
            place[path[-1]] = value
    return document


def test_a_document_does_not_break_itself() -> None:
    assert breaking_changes(DOCUMENT, DOCUMENT) == []


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("paths", "/tasks"), GONE, "POST /tasks is gone."),
        ((*CREATE, "operationId"), "makeTask", "POST /tasks: the operationId createTask became makeTask."),
        ((*CREATE, "parameters"), [], "POST /tasks: the query parameter limit is gone."),
        ((*CREATE, "parameters", 0, "required"), True, "POST /tasks: the query parameter limit became required."),
        (
            (*CREATE, "parameters", 0, "schema", "minimum"),
            2,
            "POST /tasks, the query parameter limit: minimum is 2, was 1.",
        ),
        ((*CREATE, "parameters", 0, "in"), "header", "POST /tasks: the query parameter limit is gone."),
        ((*CREATE, "requestBody"), GONE, "POST /tasks: the body is gone."),
        ((*CREATE, "requestBody", "required"), True, "POST /tasks: the body became required."),
        (
            (*CREATE, "requestBody", "content"),
            {"text/plain": {}},
            "POST /tasks, body: the media type application/json is gone.",
        ),
        ((*CREATE, "responses", "404"), GONE, "POST /tasks: the status 404 is gone."),
        ((*CREATE, "responses", "201", "headers"), {}, "POST /tasks, answer 201: the header Location is gone."),
        (
            ("components", "responses", "Problem", "content"),
            {"application/json": {}},
            "POST /tasks, answer 404: the media type application/problem+json is gone.",
        ),
        ((*NEW, "properties", "tags"), GONE, "POST /tasks, body: the field tags is gone."),
        ((*NEW, "required"), ["name", "note"], "POST /tasks, body: the field note became required."),
        ((*NEW, "required"), ["name", "owner"], "POST /tasks, body: the new field owner is required."),
        ((*NEW, "additionalProperties"), False, "POST /tasks, body: unknown fields are no longer taken."),
        ((*NEW, "properties", "name", "maxLength"), 100, "POST /tasks, body, field name: maxLength is 100, was 200."),
        ((*NEW, "properties", "name", "minLength"), 1, "POST /tasks, body, field name: minLength is 1, was not set."),
        ((*NEW, "properties", "name", "pattern"), "^a", "POST /tasks, body, field name: pattern is ^a, was not set."),
        ((*NEW, "properties", "name", "enum"), ["a"], "POST /tasks, body, field name: takes only a now."),
        ((*NEW, "properties", "note"), {"type": "string"}, "POST /tasks, body, field note: null is no longer taken."),
        (
            (*NEW, "properties", "seconds", "type"),
            "integer",
            "POST /tasks, body, field seconds: number is no longer taken.",
        ),
        (
            (*NEW, "properties", "tags", "items", "type"),
            "integer",
            "POST /tasks, body, field tags, items: string is no longer taken.",
        ),
        (
            ("components", "schemas", "Priority", "enum"),
            ["HIGH"],
            "POST /tasks, body, field priority: the value LOW is no longer taken.",
        ),
        ((*TASK, "properties", "attempt"), GONE, "POST /tasks, answer 201: the field attempt is gone."),
        ((*TASK, "required"), [], "POST /tasks, answer 201: the field id may be missing now."),
        (
            (*TASK, "properties", "attempt", "type"),
            "string",
            "POST /tasks, answer 201, field attempt: may be string now.",
        ),
        (
            (*TASK, "properties", "id"),
            {"type": ["string", "null"]},
            "POST /tasks, answer 201, field id: may be null now.",
        ),
        (
            (*TASK, "properties", "error", "anyOf", 0, "properties"),
            {},
            "POST /tasks, answer 201, field error: the field type is gone.",
        ),
        ((*TREE_NAME, "type"), "integer", "PUT /trees, body, field name: string is no longer taken."),
    ],
)
def test_a_change_that_breaks_is_named(path: tuple[str | int, ...], value: object, words: str) -> None:
    assert words in breaking_changes(DOCUMENT, changed((path, value)))


def test_a_new_parameter_that_is_required_breaks() -> None:
    parameter = {"name": "owner", "in": "query", "required": True, "schema": {"type": "string"}}
    document = changed(((*CREATE, "parameters"), [*DOCUMENT["paths"]["/tasks"]["post"]["parameters"], parameter]))

    assert breaking_changes(DOCUMENT, document) == ["POST /tasks: the new query parameter owner is required."]


def test_a_body_that_is_new_and_required_breaks() -> None:
    old = changed(((*CREATE, "requestBody"), GONE))
    new = changed(((*CREATE, "requestBody", "required"), True))

    assert breaking_changes(old, DOCUMENT) == []
    assert breaking_changes(old, new) == ["POST /tasks: a body became required."]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("paths", "/more"), {"get": {"operationId": "more", "responses": {}}}),
        ((*CREATE, "description"), "Better."),
        ((*CREATE, "responses", "409"), {}),
        ((*CREATE, "responses", "201", "headers", "ETag"), {}),
        ((*CREATE, "parameters", 0, "schema", "minimum"), 0),
        ((*CREATE, "parameters", 0, "schema", "type"), "number"),
        ((*NEW, "properties", "owner"), {"type": "string"}),
        ((*NEW, "required"), []),
        ((*NEW, "properties", "name", "maxLength"), 300),
        ((*NEW, "properties", "name"), {}),
        ((*NEW, "properties", "name", "minLength"), 0),
        ((*NEW, "properties", "seconds"), {"type": ["number", "string"]}),
        ((*TASK, "properties", "owner"), {"type": "string"}),
        ((*TASK, "required"), ["id", "attempt"]),
        ((*TASK, "properties", "error"), {"type": "null"}),
        (("components", "schemas", "Priority", "enum"), ["LOW", "MEDIUM", "HIGH"]),
    ],
)
def test_a_change_that_adds_does_not_break(path: tuple[str | int, ...], value: object) -> None:
    assert breaking_changes(DOCUMENT, changed((path, value))) == []


def test_every_change_is_named_once() -> None:
    document = changed(((*CREATE, "responses", "404"), GONE), ((*NEW, "properties", "tags"), GONE))

    assert breaking_changes(DOCUMENT, document) == [
        "POST /tasks, body: the field tags is gone.",
        "POST /tasks: the status 404 is gone.",
    ]
