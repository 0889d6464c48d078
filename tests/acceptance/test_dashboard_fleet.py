"""The pages of queues, workers, handlers, system, keys and the audit, as a reader without scripts gets them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias
from uuid import UUID

import pytest
from aio_pika.exceptions import DeliveryError

from narad.dispatch.subscription import LANE_HEADER, REASON_HEADER
from narad.dispatch.topology import DEAD_LETTER_QUEUE, lane_queue
from narad.domain.message import encode
from narad.domain.status import Priority
from narad.domain.task import Lane
from tests.support.broker_messages import Message, publish
from tests.support.dashboard import Reader, forms_of, text_of
from tests.support.fleet_api import FleetApi
from tests.support.keys_api import Locked
from tests.support.service import Service, StartDistributed, StartEmbedded
from tests.support.tasks_api import wait_until

LogInOnce: TypeAlias = Callable[[Locked], Reader]
FOREIGN = "<script>alert(1)</script>\"'>"
LATER = "2999-01-01T00:00:00Z"


@pytest.fixture
def reader(service: Service) -> Iterator[Reader]:
    """A reader of the shared service, which is open."""
    reader = Reader(service.api.url)
    yield reader
    reader.close()


@pytest.fixture
def stranger(locked: Locked) -> Iterator[Reader]:
    """A reader of the shared service with keys, who has shown none."""
    reader = Reader(locked.url)
    yield reader
    reader.close()


@pytest.fixture(scope="package")
def log_in_once() -> Iterator[LogInOnce]:
    """Readers who have shown the first key of a service: one for each service, for logins are limited."""
    readers: dict[str, Reader] = {}

    def logged_in(locked: Locked) -> Reader:
        if locked.url not in readers:
            readers[locked.url] = Reader(locked.url)
            assert readers[locked.url].log_in(locked.admin_key["key"]).status_code == 303
        return readers[locked.url]

    yield logged_in
    for reader in readers.values():
        reader.close()


@pytest.fixture
def admin(locked: Locked, log_in_once: LogInOnce) -> Reader:
    """A reader of the shared service with keys, who may do everything; log in another one to log out again."""
    return log_in_once(locked)


@pytest.fixture
def worker_id(service: Service) -> str:
    """A living worker of the shared service."""
    return str(FleetApi(service.api).read("workers", state="online")["items"][0]["id"])


def is_published(url: str, message: Message) -> bool:
    """Publish a message, unless its queue is not there yet."""
    try:
        publish(url, [message])
    except DeliveryError:
        return False
    return True


def test_a_queue_is_paused_with_a_reason_and_resumed(reader: Reader, service: Service, tag: str) -> None:
    service.api.create("demo.echo", queue=tag, priority="HIGH")

    paused = reader.send(reader.form("/ui/queues", f"/{tag}/pause"), reason=FOREIGN)

    assert paused.headers["location"] == "/ui/queues"
    assert FleetApi(service.api).read(f"queues/{tag}")["paused_reason"] == FOREIGN
    page = reader.open("/ui/queues").text
    assert "<script>alert" not in page
    assert f"queue={tag}&amp;priority=HIGH" in page
    reader.send(reader.form("/ui/queues", f"/{tag}/resume"))
    assert FleetApi(service.api).read(f"queues/{tag}")["paused"] is False
    entries = service.api.http.get("/api/v1/audit", params={"target": tag}).json()["items"]
    assert [one["action"] for one in entries] == ["resumeQueue", "pauseQueue"]


def test_a_reason_that_is_too_long_is_refused_and_pauses_nothing(reader: Reader, service: Service, tag: str) -> None:
    service.api.create("demo.echo", queue=tag, run_at=LATER)

    answer = reader.send(reader.form("/ui/queues", f"/{tag}/pause"), reason="x" * 501)

    assert answer.status_code == 422
    assert FleetApi(service.api).read(f"queues/{tag}")["paused"] is False


def test_a_worker_shows_what_it_is_and_is_made_quiet_and_resumed(
    reader: Reader, service: Service, worker_id: str
) -> None:
    page = f"/ui/workers/{worker_id}"
    worker = FleetApi(service.api).read(f"workers/{worker_id}")

    assert page in reader.open("/ui/workers").text
    shown = text_of(reader.open(page).text)
    assert all(str(worker[name]) in shown for name in ("host", "pid", "version"))
    reader.send(reader.form(page, "/quiet"))
    assert FleetApi(service.api).read(f"workers/{worker_id}")["state"] == "quiet"
    reader.send(reader.form(page, "/resume"))
    assert FleetApi(service.api).read(f"workers/{worker_id}")["state"] == "online"
    assert page not in reader.open("/ui/workers?state=lost").text
    assert reader.open("/ui/workers?state=odd").status_code == 422


@pytest.mark.parametrize(("handler", "number"), [("tests.hold", 1), ("demo.echo", 0)])
def test_a_worker_shows_a_key_only_the_tasks_of_its_handlers(
    start_embedded: StartEmbedded, handler: str, number: int
) -> None:
    locked = Locked(start_embedded())
    held = locked.service.api.create("tests.hold", {"gate": "seen"}, name="Held and hidden")
    locked.service.api.wait_for(held["id"], "IN_PROGRESS")
    key = locked.create(scopes=["workers:read", "workers:manage", "tasks:read"], handlers=[handler])["key"]
    reader = Reader(locked.url)
    reader.log_in(key)

    with locked.client(key) as client:
        (listed,) = client.get("/api/v1/workers").json()["items"]
        path = f"workers/{listed['id']}"
        answers = [client.get(f"/api/v1/{path}"), client.post(f"/api/v1/{path}/quiet")]
    page = reader.open(f"/ui/{path}").text
    reader.close()
    locked.service.gate("seen").touch()

    seen = [[task["id"] for task in worker["tasks"]] for worker in (listed, *(one.json() for one in answers))]
    assert seen == [[held["id"]] * number] * 3
    assert ("Held and hidden" in page, held["id"] in page) == (bool(number),) * 2


def test_a_handler_shows_its_schema_and_leads_to_its_form(reader: Reader, worker_id: str) -> None:
    assert "/ui/handlers/demo.fail" in reader.open("/ui/handlers").text
    page = reader.open("/ui/handlers/demo.fail").text

    assert "/ui/tasks/new?handler=demo.fail" in page
    assert f"/ui/workers/{worker_id}" in page
    assert "additionalProperties" in text_of(page)
    assert reader.open("/ui/handlers/demo.nothing").status_code == 404


def test_diagnostics_are_a_file_without_secrets(reader: Reader) -> None:
    answer = reader.open("/ui/system/diagnostics")

    assert answer.headers["content-disposition"].startswith('attachment; filename="narad-diagnostics-')
    bundle = answer.json()
    assert bundle["checks"]["store"] == "ok"
    assert bundle["settings"]["NARAD_DATABASE_URL"] == "••••••"
    assert bundle["relay_backlog"]["relation"] == "eq"
    assert bundle["workers"]


def test_dead_letters_are_told_of_where_there_is_a_broker(reader: Reader, service: Service) -> None:
    page = text_of(reader.open("/ui/dead-letters").text)

    if "broker" not in service.api.http.get("/readyz").json()["checks"]:
        assert "There is no broker." in page
        assert "Tasks go without a broker here" in text_of(reader.open("/ui/queues").text)
        return
    assert "No message is parked." in page
    assert "0 messages could not be processed" in text_of(reader.open("/ui/queues").text)


def test_a_dead_letter_is_seen_with_its_reason_and_sent_to_its_lane_again(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=1)
    reader, broker = Reader(service.api.url), service.settings["NARAD_BROKER_URL"]
    lane = lane_queue(Lane("default", Priority.HIGH)).name
    task = service.api.create("demo.echo", run_at=LATER)
    parked = {REASON_HEADER: "lost its way", LANE_HEADER: lane}
    for message in (Message(lane, b"<b>odd"), Message(DEAD_LETTER_QUEUE, encode(UUID(task["id"])), parked)):
        wait_until(partial(is_published, broker, message), "the worker has made the queues")
    wait_until(lambda: "&lt;b&gt;odd" in reader.open("/ui/dead-letters").text, "the worker parks what it cannot read")

    page = reader.open("/ui/dead-letters").text
    assert "<b>odd" not in page
    assert f'href="/ui/tasks/{task["id"]}"' in page
    assert "2 messages could not be processed" in text_of(reader.open("/ui/queues").text)
    row = next(part for part in page.split("<tr>") if "lost its way" in part)
    key = row.partition('name="key" value="')[2].partition('"')[0]
    form = reader.form("/ui/dead-letters", "/replay")

    assert reader.send(form, key=key).headers["location"] == "/ui/dead-letters"

    assert "lost its way" not in reader.open("/ui/dead-letters").text
    assert "&lt;b&gt;odd" in reader.open("/ui/dead-letters").text
    (entry,) = service.api.http.get("/api/v1/audit", params={"target": "dead-letters"}).json()["items"]
    assert (entry["action"], entry["count"], entry["outcome"]) == ("replayDeadLetters", 1, "done")
    reader.close()


def test_a_key_is_shown_once_rotated_and_revoked(locked: Locked, admin: Reader) -> None:
    form = admin.form("/ui/keys/new", "/ui/keys/new")
    filled = {"name": FOREIGN, "role": "viewer", "networks": "127.0.0.0/8, ::1"}

    made, again = admin.send(form, filled), admin.send(form, filled)

    assert made.status_code == 201
    assert made.headers["cache-control"] == "private, no-store"
    assert "<script>alert" not in made.text
    secret = made.text.partition('id="secret">')[2].partition("<")[0]
    key_id = secret.split("_")[1]
    assert (again.status_code, secret in again.text) == (409, False)
    assert secret not in admin.open("/ui/keys").text
    with locked.client(secret) as client:
        assert client.get("/api/v1/tasks").status_code == 200
    rotated = admin.send(admin.form("/ui/keys", f"/{key_id}/rotate"))
    assert rotated.status_code == 200
    assert secret not in rotated.text
    assert admin.send(admin.form("/ui/keys", f"/{key_id}/revoke")).headers["location"] == "/ui/keys"
    with locked.client(secret) as client:
        assert client.get("/api/v1/tasks").status_code == 401
    audit = text_of(admin.open(f"/ui/audit?target={key_id}").text)
    assert all(action in audit for action in ("createKey", "rotateKey", "revokeKey"))


def test_a_list_of_keys_that_cannot_be_is_told_of(admin: Reader) -> None:
    wrong, unknown = admin.open("/ui/keys?limit=999"), admin.open("/ui/keys?colour=red")

    assert (wrong.status_code, unknown.status_code) == (422, 200)
    assert "limit : Input should be less than or equal to 200" in text_of(wrong.text)
    assert "There is no key yet" not in text_of(wrong.text)
    assert "left out: colour" in text_of(unknown.text)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": " "}, "/name"),
        ({"role": ""}, "must have a role"),
        ({"networks": "home"}, "neither an address"),
        ({"expires_in_days": "soon"}, "expires_in_days"),
    ],
)
def test_a_form_of_a_key_that_is_wrong_is_shown_again(admin: Reader, fields: dict[str, str], says: str) -> None:
    form = admin.form("/ui/keys/new", "/ui/keys/new")

    answer = admin.send(form, {"name": "wrong", "owner": "kept", "role": "viewer", **fields})

    assert answer.status_code == 422
    assert says in text_of(answer.text)
    (shown,) = [one for one in forms_of(answer.text) if one.action == "/ui/keys/new"]
    assert shown.fields["owner"] == "kept"


def test_pages_and_buttons_are_for_those_whose_key_allows_them(locked: Locked, stranger: Reader) -> None:
    stranger.log_in(locked.create(role="viewer")["key"])

    assert stranger.open("/ui/queues").status_code == 200
    assert "/pause" not in stranger.open("/ui/queues").text
    for path in ("/ui/keys", "/ui/keys/new", "/ui/audit", "/ui/system/diagnostics"):
        assert stranger.open(path).status_code == 403, path
    token = forms_of(stranger.open("/ui/queues").text)[0].fields["_token"]
    for path in ("/ui/queues/default/pause", "/ui/dead-letters/replay", "/ui/keys/x/revoke"):
        assert stranger.http.post(path, data={"_token": token}).status_code == 403, path


def test_a_key_that_reads_no_tasks_has_pages_that_ask_by_themselves_and_lead_to_none(locked: Locked, tag: str) -> None:
    task = locked.service.api.create("demo.echo", queue=tag, priority="HIGH")
    reads = ["queues:read", "workers:read", "handlers:read"]
    worker = FleetApi(locked.service.api).read("workers", state="online")["items"][0]["id"]
    paths = ("/ui", "/ui/queues", "/ui/workers", f"/ui/workers/{worker}", "/ui/handlers/demo.echo", "/ui/system")

    less, more = (
        Reader(locked.url, Authorization=f"Bearer {locked.create(scopes=scopes)['key']}")
        for scopes in (reads, [*reads, "tasks:read"])
    )
    shown, whole = ([reader.open(path).text for path in paths] for reader in (less, more))
    less.close()
    more.close()
    locked.service.api.cancel(task["id"])

    assert all("data-polls" in page and "/ui/events" not in page and 'href="/ui/tasks' not in page for page in shown)
    assert all("data-polls" not in page and "/ui/events" in page for page in whole)
    assert tag in shown[1]
    assert all('href="/ui/tasks?' in whole[number] for number in (0, 1, 3))


def test_the_help_is_for_everybody(stranger: Reader) -> None:
    assert "IN_PROGRESS" in text_of(stranger.open("/ui/help").text)


def test_only_those_who_showed_a_key_are_told_of_what_waits(start_distributed: StartDistributed) -> None:
    locked = Locked(start_distributed(workers=0))
    known, stranger = Reader(locked.url), Reader(locked.url)
    known.log_in(locked.admin_key["key"])
    locked.service.api.create("demo.echo", run_at=LATER)
    told = "1 task waits and no worker is online."
    wait_until(lambda: told in text_of(known.open("/ui/help").text), "the standing is looked at again")

    pages = [stranger.open("/ui/login"), stranger.open("/ui/help")]
    known.close()
    stranger.close()

    assert [page.status_code for page in pages] == [200] * 2
    assert not any("no worker is online" in page.text for page in pages)


def test_pages_of_the_audit_lead_on(start_embedded: StartEmbedded) -> None:
    service = start_embedded()
    reader = Reader(service.api.url)
    for _ in range(3):
        reader.send(reader.form("/ui/queues", "/default/pause"))
        reader.send(reader.form("/ui/queues", "/default/resume"))

    first = reader.open("/ui/audit?target=default&limit=4").text
    following = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = reader.open(following).text
    reader.close()

    assert (first.count("Queue</code>"), second.count("Queue</code>")) == (4, 2)
    assert 'rel="first"' in second
