"""Calls of handlers, to real servers on loopback: what is refused reaches nobody, what is allowed arrives."""

import asyncio
import gzip
import json
import ssl
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import httpx2
import pytest
import trustme

from narad.outbound.options import OutboundOptions
from narad.outbound.outbound import Outbound
from narad.outbound.refusals import AnswerRefused, RequestRefused
from tests.support.receiver import Received, Receiver, drip, flood, plain, silence

LOOPBACK = ("127.0.0.0/8",)
MOST = 100_000


class Resolver:
    """Gives each name its addresses, a list for each time it is asked; the last for ever."""

    def __init__(self, **names: Sequence[list[str]]) -> None:
        self._left = {name: list(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._left[host.partition(".")[0]]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@asynccontextmanager
async def outbound(
    *receivers: Receiver,
    resolver: Resolver | None = None,
    networks: tuple[str, ...] = LOOPBACK,
    hosts: tuple[str, ...] = (),
    seconds: float = 20,
    ca_file: str = "",
    proxy: str = "",
) -> AsyncIterator[Outbound]:
    """What calls the ports of these servers, and no others."""
    options = OutboundOptions(
        allowed_networks=networks,
        allowed_hosts=hosts,
        ports=tuple(receiver.port for receiver in receivers),
        timeout_seconds=seconds,
        most_bytes=MOST,
        ca_file=ca_file,
        proxy=proxy,
    )
    calls = Outbound(options, resolver)
    try:
        yield calls
    finally:
        await calls.close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "LOCALHOST.", "2130706433", "0x7f.1", "0x7f000001", "017700000001", "127.1", "0",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::1]", "[::]", "169.254.169.254",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[fe80::1%25lo]", "%31%32%37.0.0.1",
        "127\u30020\u30020\u30021", "user:password@127.0.0.1", "public.test#@127.0.0.1", "private.test", "mixed.test",
    ],
)  # fmt: skip
async def test_no_spelling_of_an_address_that_is_not_public_is_called(receiver: Receiver, host: str) -> None:
    resolver = Resolver(
        localhost=[["127.0.0.1", "::1"]],
        LOCALHOST=[["127.0.0.1"]],
        private=[["127.0.0.1"]],
        mixed=[["93.184.215.14", "127.0.0.1"]],
        public=[["127.0.0.1"]],
    )
    async with outbound(receiver, resolver=resolver, networks=()) as calls:
        with pytest.raises(RequestRefused) as caught:
            await calls.client().get(f"http://{host.replace('#', f':{receiver.port}#')}:{receiver.port}/")

    assert receiver.received == []
    if host.endswith(".test"):
        assert "127.0.0.1" not in str(caught.value)


async def test_the_system_s_own_resolver_is_judged_too(receiver: Receiver) -> None:
    async with outbound(receiver, networks=()) as calls:
        with pytest.raises(RequestRefused, match="not public"):
            await calls.client().get(f"http://localhost:{receiver.port}/")

    assert receiver.received == []


async def test_a_port_that_is_not_listed_is_not_called(receiver: Receiver) -> None:
    with Receiver() as other:
        async with outbound(other) as calls:
            with pytest.raises(RequestRefused, match=f"Port {receiver.port}"):
                await calls.client().get(receiver.url)

    assert receiver.received == []


async def test_an_allowed_network_is_called_and_hears_its_name(receiver: Receiver) -> None:
    async with outbound(receiver, resolver=Resolver(orders=[["127.0.0.1"]])) as calls:
        answer = await calls.client().post(f"http://orders.test:{receiver.port}/new?a=1", json={"b": 2})

    assert answer.json() == {"method": "POST", "path": "/new?a=1", "body": '{"b":2}'}
    assert receiver.received[0].headers["host"] == f"orders.test:{receiver.port}"
    assert receiver.received[0].headers["user-agent"].startswith("narad/")


async def test_an_allowed_host_is_called_wherever_it_leads(receiver: Receiver) -> None:
    resolver = Resolver(orders=[["127.0.0.1"]], other=[["127.0.0.1"]])
    async with outbound(receiver, resolver=resolver, networks=(), hosts=("orders.test",)) as calls:
        assert (await calls.client().get(f"http://orders.test:{receiver.port}/")).status_code == 200
        with pytest.raises(RequestRefused):
            await calls.client().get(f"http://other.test:{receiver.port}/")


async def test_a_name_that_changes_its_address_after_the_check_gains_nothing(receiver: Receiver) -> None:
    # Whoever resolved a second time, to connect, would reach the second address.
    resolver = Resolver(rebinding=[["127.0.0.1"], ["127.0.0.9"]])
    async with outbound(receiver, resolver=resolver, networks=("127.0.0.1/32",)) as calls:
        assert (await calls.client().get(f"http://rebinding.test:{receiver.port}/")).status_code == 200

    assert resolver.asked == ["rebinding.test"]


async def test_each_new_connection_is_judged_anew(receiver: Receiver) -> None:
    receiver.replies["/"] = plain(200, connection="close")
    resolver = Resolver(rebinding=[["127.0.0.1"], ["127.0.0.9"]])
    async with outbound(receiver, resolver=resolver, networks=("127.0.0.1/32",)) as calls:
        await calls.client().get(f"http://rebinding.test:{receiver.port}/")
        with pytest.raises(RequestRefused):
            await calls.client().get(f"http://rebinding.test:{receiver.port}/")

    assert len(receiver.received) == 1


async def test_where_one_address_of_a_name_does_not_answer_the_next_is_tried(receiver: Receiver) -> None:
    resolver = Resolver(both=[["127.0.0.7", "127.0.0.1"]])
    async with outbound(receiver, resolver=resolver) as calls:
        assert (await calls.client().get(f"http://both.test:{receiver.port}/")).status_code == 200


async def test_what_cannot_be_reached_is_told_without_its_address(receiver: Receiver) -> None:
    async with outbound(receiver, resolver=Resolver(gone=[["127.0.0.7"]], nowhere=[[]])) as calls:
        with pytest.raises(httpx2.ConnectError, match=r"no connection to gone\.test:\d+") as caught:
            await calls.client().get(f"http://gone.test:{receiver.port}/")
        with pytest.raises(httpx2.ConnectError, match=r"nowhere\.test has no address"):
            await calls.client().get(f"http://nowhere.test:{receiver.port}/")
    assert "127.0.0.7" not in str(caught.value)


@pytest.mark.parametrize("follows", [False, True])
async def test_a_redirect_leads_to_nothing_that_could_not_be_called(receiver: Receiver, *, follows: bool) -> None:
    receiver.replies["/"] = plain(302, location="http://169.254.169.254/latest/meta-data/")
    calls = Outbound(OutboundOptions(allowed_networks=LOOPBACK, ports=(receiver.port, 80)))
    if follows:
        with pytest.raises(RequestRefused, match=r"169\.254\.169\.254"):
            await calls.client().get(receiver.url + "/", follow_redirects=True)
    else:
        assert (await calls.client().get(receiver.url + "/")).status_code == 302
    await calls.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def server_side(authority: trustme.CA, name: str, heard: list[str | None]) -> ssl.SSLContext:
    """TLS of a server with a certificate for one name; what names clients ask for is heard."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    context.sni_callback = lambda _socket, asked, _context: heard.append(asked)
    return context


async def test_tls_to_a_judged_address_asks_for_the_name_and_verifies_it(authority: trustme.CA, ca_file: str) -> None:
    heard: list[str | None] = []
    resolver = Resolver(orders=[["127.0.0.1"]], other=[["127.0.0.1"]])
    with Receiver(tls=server_side(authority, "orders.test", heard)) as receiver:
        async with outbound(receiver, resolver=resolver, ca_file=ca_file) as calls:
            answer = await calls.client().get(f"https://orders.test:{receiver.port}/safe")
            with pytest.raises(httpx2.ConnectError, match=r"other\.test"):
                await calls.client().get(f"https://other.test:{receiver.port}/")
        async with outbound(receiver, resolver=resolver) as calls:
            with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await calls.client().get(f"https://orders.test:{receiver.port}/")

    assert answer.json()["path"] == "/safe"
    assert heard == ["orders.test", "other.test", "orders.test"]
    assert len(receiver.received) == 1


async def test_connections_are_kept_over_clients_and_cookies_are_not(receiver: Receiver) -> None:
    receiver.replies["/"] = plain(200, set_cookie="session=secret")
    async with outbound(receiver) as calls:
        for _ in range(3):
            async with calls.client() as client:
                await client.get(receiver.url + "/")
                await client.get(receiver.url + "/")

    assert {received.connection for received in receiver.received} == {1}
    assert [received.headers.get("cookie") for received in receiver.received] == [None, "session=secret"] * 3


async def test_variables_of_the_environment_lead_nowhere_else(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with outbound(receiver) as calls:
        assert (await calls.client().get(receiver.url)).status_code == 200


@pytest.mark.parametrize("reply", [drip, silence])
async def test_the_timeout_is_for_the_whole_exchange(
    receiver: Receiver, reply: Callable[[Received, asyncio.StreamWriter], object]
) -> None:
    receiver.replies["/"] = reply  # type: ignore[assignment]
    async with outbound(receiver, seconds=0.3) as calls, asyncio.timeout(10):
        with pytest.raises(httpx2.ReadTimeout):
            await calls.client().get(receiver.url + "/")
        with pytest.raises(httpx2.ReadTimeout):
            await calls.client().get(receiver.url + "/", timeout=0.2)


async def test_a_name_that_is_never_resolved_is_given_up(receiver: Receiver) -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    calls = Outbound(OutboundOptions(ports=(receiver.port,), timeout_seconds=0.2), never)
    async with asyncio.timeout(10):
        with pytest.raises(httpx2.TimeoutException):
            await calls.client().get(f"http://never.test:{receiver.port}/")
    await calls.close()


async def sizes_of_parts(calls: Outbound, url: str, seen: list[int]) -> None:
    async with calls.client().stream("GET", url) as answer:
        async for part in answer.aiter_bytes():
            seen += [len(part)]


def bomb() -> bytes:
    return gzip.compress(bytes(50_000_000))


@pytest.mark.parametrize(
    "reply",
    [
        flood,
        plain(200, b"x" * (MOST + 1)),
        plain(200, bomb(), content_encoding="gzip"),
        plain(200, zlib.compress(bytes(MOST + 1)), content_encoding="deflate"),
    ],
    ids=["endless", "long", "gzip bomb", "deflate"],
)
async def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    receiver: Receiver, reply: Callable[[Received, asyncio.StreamWriter], object]
) -> None:
    receiver.replies["/"] = reply  # type: ignore[assignment]
    async with outbound(receiver) as calls, asyncio.timeout(20):
        with pytest.raises(AnswerRefused, match=f"larger than {MOST} bytes"):
            await calls.client().get(receiver.url + "/")
        seen: list[int] = []
        with pytest.raises(AnswerRefused):
            await sizes_of_parts(calls, receiver.url + "/", seen)
        assert sum(seen) <= MOST
        assert (await calls.client().get(receiver.url + "/other")).status_code == 200


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip, identity, deflate", "compress", "aes128gcm"])
async def test_an_answer_that_is_encoded_twice_or_strangely_is_refused(receiver: Receiver, coding: str) -> None:
    receiver.replies["/"] = plain(200, gzip.compress(gzip.compress(bytes(1_000))), content_encoding=coding)
    async with outbound(receiver) as calls:
        with pytest.raises(AnswerRefused, match="not asked for"):
            await calls.client().get(receiver.url + "/")


async def test_an_answer_up_to_the_limit_is_read_compressed_or_not(receiver: Receiver) -> None:
    whole = b"x" * MOST
    receiver.replies["/"] = plain(200, whole)
    receiver.replies["/gzip"] = plain(200, gzip.compress(whole), content_encoding="gzip")
    async with outbound(receiver) as calls:
        assert (await calls.client().get(receiver.url + "/")).content == whole
        assert (await calls.client().get(receiver.url + "/gzip")).content == whole


@pytest.mark.parametrize("charset", ["bz2", "zip", "punycode", "idna", "rot13", "no-such"])
async def test_a_charset_that_is_no_charset_is_not_used(receiver: Receiver, charset: str) -> None:
    receiver.replies["/"] = plain(200, "é".encode(), content_type=f"text/plain; charset={charset}")
    receiver.replies["/latin"] = plain(200, "é".encode("latin-1"), content_type="text/plain; charset=ISO-8859-1")
    async with outbound(receiver) as calls:
        assert (await calls.client().get(receiver.url + "/")).text == "é"
        assert (await calls.client().get(receiver.url + "/latin")).text == "é"


async def test_through_a_proxy_the_proxy_guards_names_and_nothing_goes_past_it(receiver: Receiver) -> None:
    async with outbound(receiver, networks=(), proxy=f"http://u:p%20w@127.0.0.1:{receiver.port}") as calls:
        answer = await calls.client().get(f"http://inner.test:{receiver.port}/x")
        with pytest.raises(RequestRefused):
            await calls.client().get("http://10.0.0.1/")
        with pytest.raises(RequestRefused):
            await calls.client().get(receiver.url)
    async with outbound(receiver, proxy="http://127.0.0.1:9") as calls:
        with pytest.raises(httpx2.ConnectError):
            await calls.client().get(receiver.url)

    assert answer.json()["path"] == f"http://inner.test:{receiver.port}/x"
    assert receiver.received[0].headers["proxy-authorization"] == "Basic dTpwIHc="
    assert len(receiver.received) == 1


async def test_tls_goes_through_a_proxy_by_a_tunnel(receiver: Receiver) -> None:
    receiver.replies["inner.test:443"] = plain(403)
    calls = Outbound(OutboundOptions(proxy=receiver.url))
    with pytest.raises(httpx2.ProxyError, match="403"):
        await calls.client().get("https://inner.test/")
    await calls.close()

    assert (receiver.received[0].method, receiver.received[0].path) == ("CONNECT", "inner.test:443")


async def test_the_client_of_threads_is_guarded_and_bounded_as_the_other(receiver: Receiver) -> None:
    receiver.replies |= {
        "/flood": flood,
        "/drip": drip,
        "/gzip": plain(200, gzip.compress(b"text"), content_encoding="gzip"),
        "/bomb": plain(200, bomb(), content_encoding="gzip"),
    }

    def calls_in_a_thread(calls: Outbound) -> None:
        with calls.sync_client() as client:
            assert client.post(receiver.url + "/x", json=[1]).json()["body"] == "[1]"
            assert client.post(receiver.url + "/x", content=iter([b"a", b"b"])).json()["body"] == "ab"
            assert client.get(receiver.url + "/gzip").text == "text"
            with client.stream("GET", receiver.url + "/gzip") as answer:
                assert b"".join(answer.iter_bytes()) == b"text"
            for path in ("/flood", "/bomb"):
                with pytest.raises(AnswerRefused):
                    client.get(receiver.url + path)
            with pytest.raises(httpx2.ReadTimeout):
                client.get(receiver.url + "/drip", timeout=0.2)
            with pytest.raises(RequestRefused):
                client.get("http://10.0.0.1/")

    async with outbound(receiver) as calls, asyncio.timeout(30):
        await asyncio.gather(*(asyncio.to_thread(calls_in_a_thread, calls) for _ in range(2)))
        assert [thread.name for thread in threading.enumerate()].count("narad-http") == 1

    assert "narad-http" not in [thread.name for thread in threading.enumerate()]


async def until_received(receiver: Receiver) -> None:
    async with asyncio.timeout(10):
        while not receiver.received:  # noqa: ASYNC110 - filled by another thread
            await asyncio.sleep(0.01)


async def test_a_thread_that_waits_for_an_answer_is_let_go_when_the_worker_stops(receiver: Receiver) -> None:
    receiver.replies["/"] = silence
    async with outbound(receiver) as calls:
        client = calls.sync_client()
        waiting = asyncio.create_task(asyncio.to_thread(client.get, receiver.url + "/"))
        await until_received(receiver)
    async with asyncio.timeout(10):
        with pytest.raises(httpx2.NetworkError, match="the worker stops"):
            await waiting
    with pytest.raises(httpx2.NetworkError, match="the worker stops"):
        client.get(receiver.url)


async def test_a_call_that_is_cancelled_leaves_the_connections_to_others(receiver: Receiver) -> None:
    receiver.replies["/"] = silence
    async with outbound(receiver) as calls:
        waiting = asyncio.create_task(calls.client().get(receiver.url + "/"))
        await until_received(receiver)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert json.loads((await calls.client().get(receiver.url + "/next")).content)["path"] == "/next"


async def test_proxies_of_the_environment_divert_no_call(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
        async with httpx2.AsyncClient() as trusting:
            await trusting.get(receiver.url + "/diverted")
        async with outbound(receiver) as calls:
            client, blocking = calls.client(), await asyncio.to_thread(calls.sync_client)
            await client.get(receiver.url + "/straight")
            await asyncio.to_thread(blocking.get, receiver.url + "/straight")

        assert len(proxy.received) == 1, "a client that goes by these variables is diverted, and no other"
    assert [one.path for one in receiver.received] == ["/straight", "/straight"]
    assert (client.trust_env, blocking.trust_env) == (False, False)
