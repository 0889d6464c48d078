"""The list of tasks: its filters."""

from collections.abc import Iterable

import pytest

from tests.support.tasks_api import Json, TasksApi


def ids(tasks: Iterable[Json]) -> set[str]:
    return {task["id"] for task in tasks}


def test_status_chooses_and_repeats(api: TasksApi, tag: str) -> None:
    done, failed = api.create("demo.echo", tags=[tag]), api.create("demo.fail", {"fatal": True}, tags=[tag])
    waiting = api.create("demo.echo", tags=[tag], run_at="2999-01-01T00:00:00Z")
    api.wait_for(done["id"], "COMPLETED")
    api.wait_for(failed["id"], "FAILED")

    assert ids(api.list_all(tag=tag, status="COMPLETED")) == {done["id"]}
    assert ids(api.list_all(tag=tag, status=["COMPLETED", "FAILED"])) == {done["id"], failed["id"]}
    assert ids(api.list_all(tag=tag, status=["NEW", "PENDING"])) == {waiting["id"]}
    assert ids(api.list_all(tag=tag, status="CANCELLED")) == set()
    api.cancel(waiting["id"])


def test_priority_chooses_and_repeats(api: TasksApi, tag: str) -> None:
    low, medium, high = (api.create("demo.echo", tags=[tag], priority=p)["id"] for p in ("LOW", "MEDIUM", "HIGH"))

    assert ids(api.list_all(tag=tag, priority="LOW")) == {low}
    assert ids(api.list_all(tag=tag, priority=["HIGH", "MEDIUM"])) == {medium, high}


def test_handler_and_queue_choose(api: TasksApi, tag: str) -> None:
    echo, simulate = api.create("demo.echo", tags=[tag]), api.create("demo.simulate", {"seconds": 0}, tags=[tag])
    elsewhere = api.create("demo.echo", tags=[tag], queue="nobody-serves-this")

    assert ids(api.list_all(tag=tag, handler="demo.simulate")) == {simulate["id"]}
    assert ids(api.list_all(tag=tag, handler=["demo.simulate", "demo.echo"], queue="default")) == ids([echo, simulate])
    assert ids(api.list_all(tag=tag, queue="nobody-serves-this")) == {elsewhere["id"]}
    api.cancel(elsewhere["id"])


def test_repeated_tags_are_alternatives(api: TasksApi, tag: str) -> None:
    first = api.create("demo.echo", tags=[f"{tag}-a", "shared"])
    second = api.create("demo.echo", tags=["shared", f"{tag}-b"])
    both = api.create("demo.echo", tags=[f"{tag}-a", f"{tag}-b", f"{tag}-a"])

    assert both["tags"] == [f"{tag}-a", f"{tag}-b"]
    assert ids(api.list_all(tag=f"{tag}-a")) == ids([first, both])
    assert ids(api.list_all(tag=[f"{tag}-a", f"{tag}-b"])) == ids([first, second, both])
    assert api.list_all(tag=tag) == []


@pytest.mark.parametrize("odd", ['with "quotes"', "a,b", "100%_\\", "{brace}", "[x]", "ünï 🎉", "'; --"])
def test_a_tag_may_hold_any_character(api: TasksApi, tag: str, odd: str) -> None:
    task = api.create("demo.echo", tags=[f"{tag} {odd}"])

    assert ids(api.list_all(tag=f"{tag} {odd}")) == {task["id"]}


def test_different_filters_add_up(api: TasksApi, tag: str) -> None:
    wanted = api.create("demo.echo", tags=[tag], priority="HIGH")
    api.create("demo.echo", tags=[tag], priority="LOW")
    api.create("demo.simulate", {"seconds": 0}, tags=[tag], priority="HIGH")
    api.create("demo.echo", priority="HIGH")

    assert ids(api.list_all(tag=tag, priority="HIGH", handler="demo.echo")) == {wanted["id"]}


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("report", ["Report 100% done", "the_REPORT", "theXreport"]),
        ("REPORT", ["Report 100% done", "the_REPORT", "theXreport"]),
        ("100%", ["Report 100% done"]),
        ("%", ["Report 100% done"]),
        ("e_r", ["the_REPORT"]),
        ("_", ["the_REPORT"]),
        ("\\", ["back\\slash"]),
        ("/", []),
        ("ärger", ["Ärger", "ärger"]),
        ("", ["Report 100% done", "the_REPORT", "theXreport", "back\\slash", "Ärger", "ärger"]),
    ],
)
def test_name_finds_a_part_literally_and_in_any_case(api: TasksApi, tag: str, part: str, found: list[str]) -> None:
    for name in ("Report 100% done", "the_REPORT", "theXreport", "back\\slash", "Ärger", "ärger"):
        api.create("demo.echo", name=name, tags=[tag])

    assert sorted(task["name"] for task in api.list_all(tag=tag, name=part)) == sorted(found)


def test_created_after_is_inclusive_and_created_before_exclusive(api: TasksApi, tag: str) -> None:
    first, second, third = (api.create("demo.echo", tags=[tag]) for _ in range(3))
    moment = second["created_at"]

    assert ids(api.list_all(tag=tag, created_after=moment)) == ids([second, third])
    assert ids(api.list_all(tag=tag, created_before=moment)) == ids([first])
    assert ids(api.list_all(tag=tag, created_after=moment, created_before=third["created_at"])) == ids([second])
    assert api.list_all(tag=tag, created_after=moment, created_before=moment) == []


def test_times_of_other_zones_mean_the_same_moment(api: TasksApi, tag: str) -> None:
    task = api.create("demo.echo", tags=[tag])

    assert ids(api.list_all(tag=tag, created_after="2020-01-01T05:30:00+05:30")) == {task["id"]}
    assert api.list_all(tag=tag, created_before="2020-01-01T00:00:00-08:00") == []


def test_a_list_leaves_out_what_may_be_large(api: TasksApi, tag: str) -> None:
    api.create("demo.fail", {"fatal": True}, tags=[tag])

    item = api.wait_until_done(tag)[0]

    assert item["error"]["type"] == "Fatal"
    assert not {"payload", "result"} & item.keys()
    assert "traceback" not in item["error"]
