"""Case `dashboard`: how long the pages take, and how much they send and ask, where tasks have piled up."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.database import Database
from benchmarks.figures import Figure, percentile
from benchmarks.http_client import Client
from benchmarks.scale import Scale
from benchmarks.scene import Scene
from benchmarks.stored import put_finished
from narad.dashboard.counts import SHORTEST_SECONDS
from narad.dashboard.navigation import PLACES
from tests.support.pages import Page
from tests.support.services import pages_of
from tests.support.statements import noticed
from tests.support.stores import opened

_SHARES = (0.5, 0.95)
_KILO = 1_000
_LATEST_FAILED = "SELECT id FROM tasks WHERE status = 4 ORDER BY id DESC LIMIT 1"
_MIDDLE = "SELECT created_at FROM tasks ORDER BY id LIMIT 1 OFFSET $1"
_LISTS = {
    "failed": "status=FAILED",
    "ended, the latest first": "status=COMPLETED&status=FAILED&sort=-finished_at",
    "of a handler": "handler=mail.send",
    "with a word that every name has": "q=thumb",
    "with a word that no name has": "q=nothing-is-called-so",
    "failed, with a tag that none has": "status=FAILED&tag=none",
    "of two statuses, of a handler that there is none of": "status=COMPLETED&status=CANCELLED&handler=none",
}


def run(scene: Scene, scale: Scale) -> Iterator[Figure]:
    """Every page of the header, lists with filters, one task; requests come one after another, as from one reader."""
    with scene.stage() as stage, Database(stage.database_url) as database:
        put_finished(database, scale.dashboard_rows)
        pages = _pages(database, scale)
        statements = asyncio.run(_statements(stage.database_url, list(pages.values())))
        stage.workers(1)
        api = stage.api()
        with Client(api.url) as client:
            rounds = [{path: _times(client, path, scale) for path in pages.values()} for _ in range(scale.runs)]
            for name, path in pages.items():
                for share in _SHARES:
                    runs = [1_000 * percentile(times[path], share) for times in rounds]
                    yield Figure(name=f"{name}, first byte, p{share * 100:g}", unit="ms", runs=runs)
                yield Figure(name=f"{name}, statements where nothing is kept", unit="", runs=[statements[path]])
                yield from _sizes(client, name, path)


def _pages(database: Database, scale: Scale) -> Mapping[str, str]:
    """The paths of the pages by name."""
    middle = database.row(_MIDDLE, scale.dashboard_rows // 2)[0]
    lists = _LISTS | {"before a time, of a handler": f"handler=mail.send&created_before={middle:%Y-%m-%dT%H:%M:%SZ}"}
    return (
        {place.label: place.path for place in PLACES}
        | {f"Tasks, {name}": f"/ui/tasks?{query}" for name, query in lists.items()}
        | {"A task": f"/ui/tasks/{database.row(_LATEST_FAILED)[0]}", "New task": "/ui/tasks/new"}
    )


def _times(client: Client, path: str, scale: Scale) -> Sequence[float]:
    """Seconds until the first byte, ascending.

    What is kept for a moment is asked for again each time: nobody reads pages faster than that.
    """
    times = []
    for _ in range(scale.dashboard_reads + 1):
        times.append(client.first_byte(path))
        time.sleep(SHORTEST_SECONDS * 1.2)
    return sorted(times[1:])  # the first of all compiles the template


def _sizes(client: Client, name: str, path: str) -> Iterator[Figure]:
    html = client.read(path)
    files = [file for file in Page(html.decode()).loads if file.partition("?")[0].endswith((".js", ".css"))]
    loaded = sum(len(client.read(file)) for file in dict.fromkeys(files))
    yield Figure(name=f"{name}, HTML", unit="kB", runs=[len(html) / _KILO])
    yield Figure(name=f"{name}, scripts and styles", unit="kB", runs=[loaded / _KILO])


async def _statements(url: str, paths: Sequence[str]) -> Mapping[str, int]:
    """How many statements each page takes in a process that has answered nobody yet."""
    found = {}
    for path in paths:
        async with opened(url) as store, pages_of(store) as http:
            with noticed() as sent:
                (await http.get(path)).raise_for_status()
            found[path] = len(sent)
    return found
