"""The pure parts of the pages of tasks: the search box, forms out of schemas, commands, the life of a task."""

import dataclasses
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from narad.api.submission import as_stored
from narad.dashboard.formatting import HIDDEN, masked, unmasked
from narad.dashboard.life import life_of
from narad.dashboard.pages.export import safe_cell
from narad.dashboard.schema_form import NotJsonError, fields_of, read, write
from narad.dashboard.search import parsed
from narad.dashboard.snippets import command, curl, python
from narad.domain.status import Status
from narad.domain.task import Json
from tests.support.tasks import new_task

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SCHEMA: dict[str, Json] = {
    "type": "object",
    "required": ["url", "size"],
    "$defs": {"Size": {"type": "object", "required": ["width"], "properties": {"width": {"type": "integer"}}}},
    "properties": {
        "url": {"type": "string"},
        "size": {"$ref": "#/$defs/Size"},
        "ratio": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
        "mode": {"enum": ["fast", "good"]},
        "deep": {"type": "boolean", "default": False},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ("free text", {"q": ["free text"]}),
        ('status:failed tag:nightly age>1h "free text"',
         {"status": ["FAILED"], "tag": ["nightly"], "created_before": ["-1h"], "q": ["free text"]}),
        ("status:new,in-progress", {"status": ["NEW", "IN_PROGRESS"]}),
        ("handler:http", {"handler": ["http.get", "http.request"]}),
        ("handler:other", {"handler": ["other"]}),
        ('name:"two words" finished<-2d', {"name": ["two words"], "finished_before": ["-2d"]}),
        ("colour:red", {"colour": ["red"]}),
        ("http://example.org/x", {"q": ["http://example.org/x"]}),
    ],
)  # fmt: skip
def test_a_text_becomes_parameters_of_the_list(text: str, parameters: dict[str, list[str]]) -> None:
    assert parsed(text, ["http.request", "http.get", "mail"]).parameters == parameters


def test_an_id_leads_to_its_task() -> None:
    task_id = uuid4()

    assert parsed(f" {task_id} ").task == parsed(task_id.hex).task == task_id
    assert parsed(str(task_id)[:20]).task is None


def test_a_schema_becomes_fields_and_their_values_the_payload() -> None:
    fields = fields_of(SCHEMA)
    assert fields is not None
    assert [(one.name, one.kind, one.required) for one in fields] == [
        ("payload/url", "text", True),
        ("payload/size/width", "integer", True),
        ("payload/ratio", "number", False),
        ("payload/mode", "choice", False),
        ("payload/deep", "boolean", False),
        ("payload/tags", "json", False),
    ]

    payload: dict[str, Json] = {
        "url": "x",
        "size": {"width": 3},
        "ratio": 0.5,
        "mode": "fast",
        "deep": True,
        "tags": ["a"],
    }
    given, is_whole = write(fields, payload)

    assert is_whole
    assert read(fields, given) == payload
    assert read(fields, {"payload/url": "x"}) == {"url": "x"}
    assert read(fields, given | {"payload/size/width": "wide"})["size"] == {"width": "wide"}
    assert write(fields, payload | {"more": 1})[1] is False
    assert write(fields, payload | {"ratio": None})[1] is False
    assert write(fields, {})[1] is True


def test_fields_do_for_a_payload_only_where_each_can_show_its_value() -> None:
    fields = fields_of(SCHEMA)
    assert fields is not None

    names = ("url", "ratio", "mode", "deep", "tags")
    assert [name for name in names if write(fields, {name: HIDDEN})[1]] == ["url", "tags"]
    assert write(fields, {"size": {"width": HIDDEN}})[1] is False


def test_json_in_a_field_that_is_none_is_told_with_its_place() -> None:
    fields = fields_of(SCHEMA)
    assert fields is not None

    with pytest.raises(NotJsonError) as raised:
        read(fields, {"payload/tags": "[1,\n2"})

    assert raised.value.args[0].name == "payload/tags"
    assert "line 2, column 2" in raised.value.args[1]


@pytest.mark.parametrize("schema", [{}, {"type": "object", "additionalProperties": True}, {"properties": {}}])
def test_a_schema_without_properties_has_no_fields(schema: dict[str, Json]) -> None:
    assert fields_of(schema) is None


def test_commands_say_what_a_body_says() -> None:
    body: dict[str, Json] = {"name": "it's", "handler": "demo.echo", "payload": {"a": 1}, "timeout_seconds": 2.5}

    assert """it'"'"'s""" in curl("http://h", body, with_key=False)
    assert "$NARAD_API_KEY" in curl("http://h", body, with_key=True)
    assert "narad tasks create demo.echo --input '{\"a\": 1}'" in command("http://h", body)
    assert "--time-limit 2.5s" in command("http://h", body)
    compile(python("http://h", body), "snippet", "exec")
    assert "timeout=2.5" in python("http://h", body)


def test_what_was_hidden_in_a_form_is_put_back() -> None:
    original: Json = {"user": "ann", "token": "hush", "deep": [{"password": "x"}]}

    assert unmasked(masked(original), original) == original
    assert unmasked({"token": "other"}, original) == {"token": "other"}
    assert unmasked({"user": HIDDEN, "new_token": HIDDEN}, original) == {"user": HIDDEN, "new_token": HIDDEN}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert safe_cell(f"a{text}") == f"a{text}"


def test_the_life_of_a_task_branches_into_its_ends() -> None:
    task = dataclasses.replace(
        as_stored(new_task(created_at=NOON, run_at=NOON)),
        status=Status.FAILED,
        started_at=NOON + timedelta(seconds=2),
        finished_at=NOON + timedelta(seconds=5),
        attempt=1,
    )

    life = life_of(task, NOON + timedelta(hours=1))

    assert [(one.label, one.seconds) for one in life.way] == [("Created", None), ("Started", 2.0)]
    assert [(one.status, one.is_here, one.seconds) for one in life.ends] == [
        (Status.COMPLETED, False, None), (Status.FAILED, True, 3.0), (Status.CANCELLED, False, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "run_at", "now", "way"),
    [
        (Status.NEW, 0, 60, [("Created", True, None), ("Start", False, 60.0)]),
        (Status.PENDING, 0, 60, [("Created", True, None), ("Start", False, 60.0)]),
        (Status.PENDING, 360, 120, [("Created", False, None), ("Not before", True, 360.0), ("Start", False, None)]),
        (Status.PENDING, 360, 370, [("Created", False, None), ("Due", True, 360.0), ("Start", False, 10.0)]),
    ],
)
def test_a_task_that_waits_for_its_next_attempt_has_its_start_ahead(
    status: Status, run_at: int, now: int, way: list[tuple[str, bool, float | None]]
) -> None:
    task = dataclasses.replace(
        as_stored(new_task(created_at=NOON, run_at=NOON + timedelta(seconds=run_at))),
        status=status,
        started_at=NOON + timedelta(seconds=30),
        attempt=1,
        failures=1,
    )

    life = life_of(task, NOON + timedelta(seconds=now))

    assert [(one.label, one.is_here, one.seconds) for one in life.way] == way
    assert life.way[-1].at is None
    assert not any(one.is_here for one in life.ends)
