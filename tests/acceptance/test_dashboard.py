"""The pages as a reader without scripts gets them: what they say, what their forms do, and who may see it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from narad.dashboard import form_tokens
from narad.dashboard.headers import POLICY
from tests.support.dashboard import Reader, forms_of, text_of
from tests.support.keys_api import Locked
from tests.support.pages import Page
from tests.support.service import Embedded, Service, StartEmbedded

NOBODY = "019b0000-0000-7000-8000-000000000000"
"""The id of no task, the same in every process of a run."""
PATHS = (
    "/ui",
    "/ui/failures",
    "/ui/tasks",
    "/ui/tasks/new",
    "/ui/bulk",
    "/ui/queues",
    "/ui/dead-letters",
    "/ui/workers",
    "/ui/handlers",
    "/ui/handlers/demo.simulate",
    "/ui/system",
    "/ui/keys",
    "/ui/keys/new",
    "/ui/audit",
    "/ui/help",
    "/ui/login",
)
NewReader: TypeAlias = Callable[[str], Reader]
FOREIGN = "<script>alert(1)</script>\"'>{{7*7}}"


@pytest.fixture
def new_reader() -> Iterator[NewReader]:
    """Makes readers, each with cookies of its own."""
    with ExitStack() as stack:

        def make(url: str) -> Reader:
            reader = Reader(url)
            stack.callback(reader.close)
            return reader

        yield make


@pytest.fixture
def reader(service: Service, new_reader: NewReader) -> Reader:
    """A reader of the shared service, which is open."""
    return new_reader(service.api.url)


@pytest.fixture
def stranger(locked: Locked, new_reader: NewReader) -> Reader:
    """A reader of the shared service with keys, who has shown none."""
    return new_reader(locked.url)


@pytest.mark.parametrize("path", PATHS)
def test_every_page_runs_and_loads_nothing_but_its_own_files(reader: Reader, path: str) -> None:
    answer = reader.open(path)
    page = Page(answer.text)

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"
    assert [name for name in page.inline if name != "script"] == []  # data in application/json is no script
    for address in page.loads:
        assert address.startswith("/ui/static/")
        loaded = reader.open(address)
        assert loaded.status_code == 200
        assert loaded.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert len(answer.content) <= 60_000


def test_the_address_alone_leads_to_the_pages(reader: Reader) -> None:
    assert reader.open("/").headers["location"] == "/ui"
    assert reader.open("/favicon.ico").headers["content-type"] == "image/x-icon"


def test_a_form_creates_a_task_once_however_often_it_is_sent(reader: Reader, service: Service) -> None:
    form = reader.form("/ui/tasks/new", "/ui/tasks/new")
    filled = {"name": "From a form", "handler": "demo.echo", "payload": '{"width": 320}', "tags": "one, two"}

    first, again = reader.send(form, filled), reader.send(form, filled)
    other = reader.send(form, filled, name="Another")

    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    assert other.status_code == 422
    task = service.api.wait_for(first.headers["location"].rpartition("/")[2], "COMPLETED")
    assert (task["name"], task["tags"], task["payload"]) == ("From a form", ["one", "two"], {"width": 320})
    shown = text_of(reader.open(first.headers["location"]).text)
    assert "From a form" in shown
    assert '"width": 320' in shown


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": " "}, "must not be blank"),
        ({"payload": "{oops}"}, "line 1, column 2"),
        ({"payload": "[1]"}, "valid dictionary"),
        ({"handler": "demo.ecko"}, "demo.ecko"),
        ({"run_at": "soon"}, "must be a time"),
    ],
)
def test_a_form_that_is_wrong_is_shown_again_with_what_is_wrong(
    reader: Reader, fields: dict[str, str], says: str
) -> None:
    form = reader.form("/ui/tasks/new", "/ui/tasks/new")
    filled = {"name": "Wrong", "description": "kept", **fields}

    answer = reader.send(form, filled)

    assert answer.status_code == 422
    assert says in text_of(answer.text)
    (shown,) = [one for one in forms_of(answer.text) if one.action == "/ui/tasks/new" and one.method == "post"]
    assert shown.fields["description"] == "kept"
    assert shown.fields["once"] == form.fields["once"]


def test_a_waiting_task_is_cancelled_and_run_again_by_forms(reader: Reader, service: Service) -> None:
    task_id = service.api.create("demo.echo", run_at="2999-01-01T00:00:00Z")["id"]
    page = f"/ui/tasks/{task_id}"

    cancelled = reader.send(reader.form(page, "/cancel"))
    assert cancelled.headers["location"] == page
    assert service.api.status(task_id) == "CANCELLED"

    assert reader.send(reader.form(page, "/retry")).status_code == 303
    service.api.wait_for(task_id, "COMPLETED")
    late = reader.http.post(f"{page}/cancel", data=reader.form("/ui/tasks/new", "/ui/tasks/new").fields)
    assert late.status_code == 409
    assert "COMPLETED already" in text_of(late.text)


def test_actions_are_kept_in_the_audit_under_the_name_that_the_api_has_for_them(
    reader: Reader, service: Service
) -> None:
    task_id = service.api.create("demo.echo", run_at="2999-01-01T00:00:00Z")["id"]

    reader.send(reader.form(f"/ui/tasks/{task_id}", "/cancel"))

    entries = service.api.http.get("/api/v1/audit").json()["items"]
    assert [(one["action"], one["outcome"]) for one in entries if one["target"] == task_id] == [("cancelTask", "done")]


def test_a_part_of_a_page_is_answered_by_its_own_address(reader: Reader, service: Service) -> None:
    task_id = service.api.create("demo.echo", run_at="2999-01-01T00:00:00Z", tags=["parts"])["id"]

    whole, part = reader.open("/ui/tasks?tag=parts"), reader.part("/ui/tasks?tag=parts")

    assert "<html" in whole.text
    assert "<html" not in part.text
    assert f'href="/ui/tasks/{task_id}"' in part.text
    assert 'id="banners"' in part.text
    assert "HX-Request-Type" in part.headers["vary"]


@pytest.mark.parametrize("path", PATHS)
def test_every_page_answers_who_asks_for_a_part_of_it(reader: Reader, path: str) -> None:
    assert reader.part(path).status_code == 200


@pytest.mark.parametrize("path", ["/ui/nothing", f"/ui/tasks/{NOBODY}", "/ui/tasks/no-id", "/ui/static/app.py"])
def test_what_is_not_there_is_a_page_too(reader: Reader, path: str) -> None:
    whole, part = reader.open(path), reader.part(path)

    assert whole.status_code == part.status_code
    assert whole.status_code in {404, 422}
    assert "<html" in whole.text
    assert "<html" not in part.text
    assert 'role="alert"' in part.text
    assert whole.headers["content-security-policy"] == POLICY


def test_filters_left_empty_are_none_and_unknown_ones_are_told(reader: Reader, service: Service) -> None:
    task_id = service.api.create("demo.echo", tags=["filters"])["id"]

    answer = reader.open("/ui/tasks?tag=filters&handler=&q=&priority=&colour=red")

    assert answer.status_code == 200
    assert task_id in answer.text
    assert "colour" in text_of(answer.text)
    wrong = reader.open("/ui/tasks?tag=filters&status=DONE")
    assert wrong.status_code == 422
    assert task_id not in wrong.text


def test_pages_of_the_list_lead_on_and_back(reader: Reader, service: Service) -> None:
    ids = [service.api.create("demo.echo", tags=["paged"])["id"] for _ in range(5)][::-1]

    def linked(html: str, relation: str) -> str:
        return html.partition(f'rel="{relation}" href="')[2].partition('"')[0].replace("&amp;", "&")

    first = reader.open("/ui/tasks?tag=paged&limit=3").text
    second = reader.open(linked(first, "next")).text
    back = reader.open(linked(second, "prev")).text

    def shown(html: str) -> list[str]:
        return [task_id for task_id in ids if f"row-{task_id}" in html]

    assert (shown(first), shown(second), shown(back)) == (ids[:3], ids[3:], ids[:3])


@pytest.mark.parametrize("parameter", ["q", "name", "handler", "queue", "tag", "cursor", "sort", "status", "lang", "x"])
def test_nothing_that_an_address_holds_becomes_markup(reader: Reader, parameter: str) -> None:
    answer = reader.http.get("/ui/tasks", params={parameter: FOREIGN})

    assert "<script>alert" not in answer.text
    assert "49" not in answer.text.partition('class="empty"')[2]


def test_nothing_that_a_task_holds_becomes_markup(reader: Reader, service: Service) -> None:
    task = service.api.create(
        "demo.fail",
        {"message": FOREIGN},
        name=FOREIGN,
        description=FOREIGN,
        tags=[FOREIGN, "markup"],
        unique_key=FOREIGN,
        max_attempts=1,
    )
    service.api.wait_for(task["id"], "FAILED")

    for path in (f"/ui/tasks/{task['id']}", "/ui/tasks?tag=markup"):
        assert "<script>alert" not in reader.open(path).text
        assert "&lt;script&gt;alert" in reader.open(path).text


def test_what_looks_like_a_secret_is_hidden(reader: Reader, service: Service) -> None:
    payload = {"user": "ann", "Authorization": "Bearer hush", "deep": [{"db_password": "hush"}]}
    task = service.api.create("demo.echo", payload)
    service.api.wait_for(task["id"], "COMPLETED")

    page = reader.open(f"/ui/tasks/{task['id']}").text

    assert "ann" in page
    assert "hush" not in page


@pytest.mark.parametrize(
    ("headers", "lang", "words"),
    [
        ({}, "en", "Tasks"),
        ({"Accept-Language": "de, ru;q=0.8, en;q=0.5"}, "ru", "Задачи"),
        ({"Accept-Language": "ru;q=0, en"}, "en", "Tasks"),
        ({"Accept-Language": ";;q=,*;q=x"}, "en", "Tasks"),
    ],
)
def test_a_page_speaks_the_language_that_the_browser_prefers(
    reader: Reader, headers: dict[str, str], lang: str, words: str
) -> None:
    answer = reader.open("/ui/tasks", **headers)

    assert answer.headers["content-language"] == lang
    assert f'<html lang="{lang}"' in answer.text
    assert words in text_of(answer.text)


def test_choices_are_kept_and_lead_back(reader: Reader) -> None:
    form = reader.form("/ui/tasks?tag=x", "/ui/choices")

    answer = reader.send(form, language="ru", theme="dark", zone="utc")

    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/tasks?tag=x")
    assert (
        '<html lang="ru" data-theme="dark" data-zone="utc">'
        in reader.open("/ui/system", **{"Accept-Language": "en"}).text
    )


def test_a_language_that_is_chosen_prevails_over_that_of_the_address(reader: Reader) -> None:
    form = reader.form("/ui/tasks?tag=a%2Fb&lang=ru&sort=name", "/ui/choices")

    chosen, other = reader.send(form, language="en"), reader.send(form, language="x")

    assert chosen.headers["location"] == "/ui/tasks?tag=a%2Fb&sort=name"
    assert '<html lang="en"' in reader.open(chosen.headers["location"]).text
    assert other.headers["location"] == "/ui/tasks?tag=a%2Fb&lang=ru&sort=name"
    assert reader.send(reader.form("/ui?lang=ru", "/ui/choices"), language="en").headers["location"] == "/ui"


@pytest.mark.parametrize("path", ["/ui/queues", "/ui/handlers", "/ui/handlers/demo.echo", "/ui/system"])
def test_a_page_is_drawn_again_by_its_whole_address(reader: Reader, path: str) -> None:
    assert f'hx-get="{path}?lang=ru"' in reader.open(f"{path}?lang=ru").text


def test_the_pages_of_a_task_and_a_worker_are_drawn_again_by_their_whole_addresses(
    reader: Reader, service: Service
) -> None:
    (worker, *_) = service.api.http.get("/api/v1/workers", params={"state": "online"}).json()["items"]
    task = f"/ui/tasks/{service.api.create('demo.echo', run_at='2999-01-01T00:00:00Z')['id']}"

    for address in (f"/ui/workers/{worker['id']}?lang=ru", f"{task}?lang=ru&amp;tab=json", f"{task}?lang=ru"):
        page = reader.open(address.replace("&amp;", "&")).text
        assert f'hx-get="{address}"' in page
    assert f'href="{task}?lang=ru&amp;tab=payload"' in reader.open(f"{task}?lang=ru").text


@pytest.mark.parametrize("goal", ["//evil.example", "https://evil.example/ui", "/ui/../api", "/\\evil", "/uix", ""])
def test_nobody_is_led_to_another_place(reader: Reader, goal: str) -> None:
    answer = reader.send(reader.form("/ui", "/ui/choices"), back=goal)

    assert answer.headers["location"] in {"/ui", "/ui/../api"}


def test_a_form_of_another_site_changes_nothing(reader: Reader, service: Service, new_reader: NewReader) -> None:
    task_id = service.api.create("demo.echo", run_at="2999-01-01T00:00:00Z")["id"]
    form = reader.form(f"/ui/tasks/{task_id}", "/cancel")

    refused = [
        reader.send_from(form, {"Origin": "https://evil.example"}),
        reader.send_from(form, {"Origin": "null"}),
        reader.send_from(form, {"Sec-Fetch-Site": "cross-site"}),
        reader.send_from(form, {"Sec-Fetch-Site": "same-site"}),
        reader.send(form, {form_tokens.FIELD: "made up"}),
        reader.http.post(form.action),
        new_reader(service.api.url).send(form),
    ]

    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert service.api.status(task_id) == "NEW"


def test_a_stranger_is_led_to_the_login_and_back(stranger: Reader, locked: Locked) -> None:
    turned_away = stranger.open("/ui/tasks?status=FAILED&tag=a")
    assert turned_away.status_code == 303
    login = turned_away.headers["location"]
    assert login.startswith("/ui/login?next=")
    assert stranger.part("/ui/tasks").headers["hx-redirect"] == "/ui/login"
    assert stranger.open("/ui/events").status_code == 303

    answer = stranger.log_in(locked.admin_key["key"], path=login)

    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/tasks?status=FAILED&tag=a")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert locked.admin_key["key"].split("_")[2] not in cookie
    assert stranger.open("/ui/tasks").status_code == 200
    assert stranger.send(stranger.form("/ui", "/ui/logout")).status_code == 303
    assert stranger.open("/ui/tasks").status_code == 303


def test_a_wrong_key_is_refused_with_the_reason_and_only_so_often(
    start_embedded: StartEmbedded, new_reader: NewReader
) -> None:
    locked = Locked(start_embedded())
    reader = new_reader(locked.url)

    answers = [reader.log_in(key) for key in ("", "nrd_x", locked.admin_key["key"][:-1], "кот", "5")]

    assert [answer.status_code for answer in answers] == [401] * 5
    assert "mistyped" in text_of(answers[1].text)
    limited = reader.log_in(locked.admin_key["key"])
    assert limited.status_code == 429
    assert "retry-after" in limited.headers


def test_a_session_shows_and_does_what_the_key_may(locked: Locked, stranger: Reader) -> None:
    made = locked.admin.post(
        "/api/v1/tasks",
        json={"name": "a", "handler": "demo.echo", "payload": {"hush": 1}, "run_at": "2999-01-01T00:00:00Z"},
    ).json()
    foreign = locked.admin.post("/api/v1/tasks", json={"name": "b", "handler": "demo.simulate"}).json()
    key = locked.create(scopes=["tasks:read"], handlers=["demo.echo"])["key"]
    stranger.log_in(key)

    page = stranger.open(f"/ui/tasks/{made['id']}")
    assert page.status_code == 200
    assert "hush" not in page.text
    assert "/cancel" not in page.text
    assert stranger.open("/ui/tasks/new").status_code == 403
    assert stranger.open("/ui/system").status_code == 403
    assert stranger.open(f"/ui/tasks/{foreign['id']}").status_code == 404
    token = forms_of(page.text)[0].fields["_token"]
    refused = stranger.http.post(f"/ui/tasks/{made['id']}/cancel", data={"_token": token})
    assert refused.status_code == 403
    assert "tasks:cancel" in refused.text


def test_a_session_ends_with_its_key(start_embedded: StartEmbedded, new_reader: NewReader) -> None:
    locked = Locked(start_embedded())
    key = locked.create(role="viewer")
    cookie = new_reader(locked.url)
    cookie.log_in(key["key"])
    session = cookie.http.cookies["narad_session"]
    forged = f"{locked.admin_key['id']}.{session.partition('.')[2]}"

    locked.admin.delete(f"/api/v1/keys/{key['id']}")

    for value in (session, forged, f"{key['id']}.99999999999999999999.x", "..", "x"):
        late = new_reader(locked.url)
        late.http.cookies.set("narad_session", value, path="/ui")
        assert late.open("/ui/tasks").status_code == 303


def test_under_a_path_every_address_of_a_page_is_under_it(start_embedded: StartEmbedded, new_reader: NewReader) -> None:
    service: Embedded = start_embedded(NARAD_ROOT_PATH="/x/y")
    reader = new_reader(service.api.url)

    for path in ("/ui", "/x/y/ui"):
        page = Page(reader.open(path).text)
        assert all(address.startswith(("/x/y/ui", "#")) for address in [*page.loads, *page.leads])
        sent = [form.action for form in forms_of(reader.open(path).text) if form.method != "dialog"]
        assert all(address.startswith("/x/y/ui/") for address in sent)
    assert reader.open("/x/y").status_code == 404
    assert reader.open("/x/y/").headers["location"] == "/x/y/ui"
    created = reader.send(reader.form("/x/y/ui/tasks/new", "/new"), name="Under a path")
    assert created.headers["location"].startswith("/x/y/ui/tasks/")
    assert service.api.http.get("/x/y/api/v1/tasks").status_code == 200
    assert service.api.http.get("/livez").status_code == service.api.http.get("/x/y/readyz").status_code == 200
