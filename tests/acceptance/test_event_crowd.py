"""Five hundred clients with open streams on one process, while a thousand tasks finish."""

import asyncio
import re
import socket
import time
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.processes import NaradProcess
from tests.support.service import Distributed, StartDistributed
from tests.support.sse import EventStream, Frame, connected
from tests.support.tasks_api import PATH, submit_all, wait_until

EVENTS = "/api/v1/events?types=task.started,task.completed"
CLIENTS = 500
OF_ALL = 10
"""Clients that follow all tasks; each of the others follows one."""
TASKS = 1_000
TASK = {"name": "a task", "handler": "demo.simulate", "payload": {"seconds": 0.03, "steps": 1}}
LAST = "demo.echo"
MOST_GROWTH_BYTES = 80 << 20
PATIENCE_SECONDS = 90.0
STOP_SECONDS = 2.0


def pid_of(process: NaradProcess) -> int:
    """The one process that works in its directory."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cwd").readlink() == process.directory:
                return int(folder.name)
        except OSError:
            continue  # it has just ended, or is not ours
    raise LookupError(process)


def memory_of(pid: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


async def of_one(stream: EventStream) -> list[Frame]:
    return [frame async for frame in stream.frames()]


async def of_all(stream: EventStream) -> list[Frame]:
    """What comes until the task with the handler that only the last of all has is completed."""
    seen: list[Frame] = []
    async for frame in stream.frames():
        if frame.event == "task.completed" and frame.data["data"]["handler"] == LAST:
            return seen
        seen.append(frame)
    raise AssertionError("the stream ended before its last task")


def assert_all_seen(frames: list[Frame], ids: set[str]) -> None:
    """Every change of every task, or a word that some are missing before the last that was missed."""
    seen: dict[str, list[str | None]] = defaultdict(list)
    for frame in frames:
        if frame.event and frame.event.startswith("task."):
            seen[frame.task_id].append(frame.event)
    if "resync" not in {frame.event for frame in frames}:
        assert {tuple(seen[task_id]) for task_id in ids} == {("task.started", "task.completed")}


async def test_a_crowd_of_streams_sees_every_change_or_is_told_to_read_again(
    start_distributed: StartDistributed,
) -> None:
    service = await asyncio.to_thread(start_distributed, workers=0, NARAD_CONCURRENCY="4")
    api = service.processes[0]
    pid, url = pid_of(api), service.api.url
    ids = await submit_all(url, [TASK] * TASKS)
    before = memory_of(pid)
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(connected(url, EVENTS)) for _ in range(OF_ALL)]
        singles = [
            await stack.enter_async_context(connected(url, f"{PATH}/{task_id}/events"))
            for task_id in ids[: CLIENTS - OF_ALL]
        ]
        followers = [asyncio.create_task(of_one(stream)) for stream in singles]
        watchers = [asyncio.create_task(of_all(stream)) for stream in streams]

        await asyncio.to_thread(service.start_workers, 1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            lives = await asyncio.gather(*followers)
            await asyncio.to_thread(until_done, service, ids)
            await submit_all(url, [{"name": "the last", "handler": LAST}])
            watched = await asyncio.gather(*watchers)
        grown = memory_of(pid) - before

    for life in lives:
        events = [frame.event for frame in life if frame.event not in {None, "task.pending", "task.progress"}]
        assert events[0] in {"task.created", "task.started"} or life[1].event == "task.pending", events
        assert events[-2:] == ["task.completed", "end"]
        assert "task.started" in events or "resync" in events
    for frames in watched:
        assert_all_seen(frames, set(ids))
    # At this pace a client keeps up; were all of them told to read again, nothing would have been seen.
    assert any("resync" not in {frame.event for frame in frames} for frames in watched)
    assert grown < MOST_GROWTH_BYTES


def until_done(service: Distributed, ids: list[str]) -> None:
    for task_id in ids[CLIENTS - OF_ALL :]:
        service.api.wait_for(task_id, "COMPLETED")


@pytest.mark.serial
async def test_a_crowd_of_streams_does_not_hold_up_the_end_of_the_process(start_distributed: StartDistributed) -> None:
    service = await asyncio.to_thread(start_distributed, workers=0)
    api = service.processes[0]
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(connected(service.api.url, "/api/v1/events")) for _ in range(CLIENTS)
        ]
        ends = [asyncio.create_task(of_one(stream)) for stream in streams]

        stopped_at = time.monotonic()
        api.terminate()
        code = await asyncio.to_thread(api.wait, 10)
        took = time.monotonic() - stopped_at
        frames = await asyncio.gather(*ends)

    assert code == 0
    assert took < STOP_SECONDS
    assert {"retry" in of_stream[-1].fields for of_stream in frames} == {True}


@pytest.mark.serial
def test_a_client_that_reads_nothing_neither_grows_the_process_nor_holds_up_its_end(
    start_distributed: StartDistributed,
) -> None:
    service = start_distributed(workers=0)
    api = service.processes[0]
    pid, parts = pid_of(api), urlsplit(service.api.url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect((parts.hostname, parts.port))
        client.sendall(f"GET /api/v1/events?types=task.created HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        assert client.recv(15) == b"HTTP/1.1 200 OK"
        before = memory_of(pid)
        fill(service, client)
        grown = memory_of(pid) - before

        stopped_at = time.monotonic()
        api.terminate()

        assert api.wait(20) == 0
        assert time.monotonic() - stopped_at < STOP_SECONDS + 1
    assert grown < MOST_GROWTH_BYTES


def fill(service: Distributed, client: socket.socket) -> None:
    """Make events until the connection takes no more of them."""
    batch = [{"name": "a task", "handler": "demo.echo"}] * 200
    unsent, same = 0, 0

    def stuck() -> bool:
        nonlocal unsent, same
        assert service.api.http.post(f"{PATH}/batch", json={"items": batch}).status_code == 201
        before, unsent = unsent, unsent_to(client)
        same = same + 1 if unsent == before > 0 else 0
        return same >= 20

    wait_until(stuck, "the connection takes no more", seconds=PATIENCE_SECONDS)


def unsent_to(client: socket.socket) -> int:
    """Bytes that the system keeps for the client, which has not taken them."""
    port = f":{client.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, _, queues, *_ = line.split()
        if remote.endswith(port):
            return int(queues.partition(":")[0], 16)
    raise LookupError(port)
