"""The client where connections break: what is sent again is done once, what is followed is followed to its end."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import httpx2
import pytest

from narad import AsyncClient, Client
from narad.client import ConnectionFailed, Event, NewTask, Task
from tests.support.keys_api import Locked
from tests.support.ports import free_port
from tests.support.proxy import Proxy
from tests.support.service import Service, StartEmbedded

_SECONDS = 30


class Network:
    """A client whose connections go through a proxy, and what is done before each of its requests."""

    def __init__(self, proxy: Proxy, client: Client) -> None:
        self.proxy = proxy
        self.client = client
        self.requests: list[httpx2.Request] = []
        self.before: Callable[[], None] | None = None

    def sends(self, request: httpx2.Request) -> None:
        """A request is about to be sent."""
        self.requests.append(request)
        if self.before is not None:
            self.before()


@pytest.fixture
def network(service: Service) -> Iterator[Network]:
    """A way to the shared service that can be broken."""
    with network_to(service.api.url) as network:
        yield network


@contextmanager
def network_to(url: str, api_key: str | None = None) -> Iterator[Network]:
    port = httpx2.URL(url).port
    assert port is not None
    hooks: dict[str, list[Callable[[httpx2.Request], None]]] = {"request": []}
    with Proxy(port) as proxy, httpx2.Client(event_hooks=hooks, trust_env=False) as connections:
        client = Client(proxy.url(url), api_key, http_client=connections)
        network = Network(proxy, client)
        connections.event_hooks = {"request": [network.sends]}
        yield network


def creations(tag: str) -> dict[str, Callable[[Client, Task[object]], object]]:
    return {
        "create": lambda client, _: client.tasks.create("demo.echo", {"n": 1}, name=tag, tags=[tag]),
        "create_many": lambda client, _: client.tasks.create_many([NewTask("demo.echo", name=tag, tags=[tag])]),
        "clone": lambda client, model: client.tasks.clone(model.id, name=tag, tags=[tag]),
    }


@pytest.mark.parametrize("way", ["create", "create_many", "clone"])
def test_a_creation_whose_answer_is_lost_makes_one_task(network: Network, service: Service, tag: str, way: str) -> None:
    with Client(service.api.url) as other:
        model = other.tasks.create("demo.echo")
        network.proxy.lose_answer(about=tag.encode())

        creations(tag)[way](network.client, model)

        network.proxy.wait_until_lost()
        assert [request.method for request in network.requests] == ["POST", "POST"]
        assert len({request.headers["idempotency-key"] for request in network.requests}) == 1
        assert len(list(other.tasks.iter(tag=tag))) == 1


def test_an_operation_and_a_key_whose_answers_are_lost_are_made_once(locked: Locked, tag: str) -> None:
    key = locked.admin_key["key"]
    with network_to(locked.url, api_key=key) as network, Client(locked.url, key) as other:
        network.proxy.lose_answer(about=tag.encode())
        operation = network.client.bulk.cancel(filter={"tag": tag}, reason=tag)
        network.proxy.wait_until_lost()
        network.proxy.lose_answer(about=tag.encode())
        made = network.client.keys.create(tag, role="viewer")
        network.proxy.wait_until_lost()

        assert len(network.requests) == 4
        assert [one.id for one in other.bulk.list() if one.reason == tag] == [operation.id]
        assert [one.id for one in other.keys.iter() if one.name == tag] == [made.id]
        assert made.key is None


def test_a_lost_answer_is_told_of_where_nothing_is_tried_again(network: Network, service: Service, tag: str) -> None:
    network.proxy.lose_answer(about=tag.encode())

    with pytest.raises(ConnectionFailed) as caught:
        network.client.with_options(max_retries=0).tasks.create("demo.echo", tags=[tag])

    assert caught.value.sent
    assert len(service.api.list_all(tag=tag)) == 1


def test_a_service_that_is_not_reached_is_asked_until_it_is(network: Network) -> None:
    network.proxy.cut()
    network.before = lambda: network.proxy.heal() if len(network.requests) > 1 else None

    task = network.client.tasks.create("demo.echo", {"n": 1})

    assert task.response.retries == 1
    assert task.result(timeout=_SECONDS) == {"n": 1}


def test_a_service_that_is_never_reached_is_given_up(network: Network) -> None:
    network.proxy.cut()

    with pytest.raises(ConnectionFailed, match="not reached") as caught:
        network.client.with_options(max_retries=1).tasks.list()

    assert not caught.value.sent
    assert len(network.requests) == 2


def test_a_task_runs_once_more_though_the_answer_to_its_retry_is_lost(network: Network, service: Service) -> None:
    task = network.client.tasks.create("demo.fail", {"fatal": True}).wait(timeout=_SECONDS)
    network.proxy.lose_answer(about=b"/retry")

    task.retry()

    network.proxy.wait_until_lost()
    assert task.wait(timeout=_SECONDS).attempt == 2


def test_a_result_whose_answer_is_lost_is_read_again(network: Network, tag: str) -> None:
    task = network.client.tasks.create("demo.echo", {"tag": tag})
    network.proxy.lose_answer(about=b'"status":"COMPLETED"')

    assert task.result(timeout=_SECONDS) == {"tag": tag}
    network.proxy.wait_until_lost()


def test_a_stream_that_is_cut_goes_on_where_it_was(network: Network, service: Service) -> None:
    gate = uuid4().hex
    task = network.client.tasks.create("tests.hold", {"gate": gate})
    seen: list[Event] = []

    for event in task.stream():
        seen.append(event)
        if event.type == "task.started":
            network.proxy.cut()
            network.proxy.heal()
            service.gate(gate).touch()

    streams = [request for request in network.requests if request.url.path.endswith("/events")]
    types = [event.type for event in seen]
    assert len(streams) == 2
    assert types.count("task.started") == types.count("task.completed") == 1
    assert types[-1] == "task.completed"
    assert task.raw_result == 1


async def test_a_stream_on_a_loop_goes_on_too(service: Service) -> None:
    gate = uuid4().hex
    port = httpx2.URL(service.api.url).port
    assert port is not None
    with Proxy(port) as proxy:
        async with AsyncClient(proxy.url(service.api.url)) as client:
            task = await client.tasks.create("tests.hold", {"gate": gate})
            types: list[str] = []
            async for event in task.stream():
                types.append(event.type)
                if event.type == "task.started":
                    proxy.cut()
                    proxy.heal()
                    service.gate(gate).touch()

    assert types.count("task.started") == types.count("task.completed") == 1
    assert task.raw_result == 1


def test_a_task_is_followed_over_a_restart_of_the_service(start_embedded: StartEmbedded) -> None:
    service = start_embedded(NARAD_PORT=str(free_port()))
    gate = uuid4().hex
    with Client(service.api.url, max_retries=100) as client, ThreadPoolExecutor() as threads:
        task = client.tasks.create("tests.hold", {"gate": gate})
        seen: list[Event] = []
        following = threads.submit(lambda: seen.extend(task.stream()))
        service.api.wait_for(task.id, "IN_PROGRESS")
        (process,) = service.processes

        process.terminate()
        process.wait()
        service.dev()
        service.gate(gate).touch()
        following.result(timeout=2 * _SECONDS)

    assert seen[-1].type == "task.completed"
    assert task.raw_result == 2
