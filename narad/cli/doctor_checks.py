"""The checks of `narad doctor`; loaded with the libraries of the server."""

import os
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from narad.api.origins import is_loopback
from narad.cli.columns import Shown
from narad.cli.failure import Failure
from narad.cli.session import Session
from narad.cli.settings_shown import redacted
from narad.clock import SystemClock
from narad.domain.fleet import WorkerState
from narad.errors import ConfigurationError, NaradError, SchemaOutdatedError
from narad.opening import open_store
from narad.process import run
from narad.runtime import check_settings, try_brokers
from narad.settings import Settings, load_settings, variable
from narad.store import schema
from narad.store.store import Store
from narad.worker.loading import load_handlers

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MOST_SECONDS = 1.0
_LIVING = (WorkerState.ONLINE, WorkerState.QUIET, WorkerState.DRAINING)
_OK = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: `ok`, `warn` or `fail`, and what to do about it."""

    check: str
    state: str
    found: str
    to_do: str | None = None

    def shown(self) -> Shown:
        """As it is printed."""
        return asdict(self)


def examine(session: Session) -> list[Finding]:
    """Everything, as far as what it depends on is there."""
    sys.path.insert(0, "")  # modules with handlers are looked for where the command is run
    try:
        settings = load_settings()
        check_settings(settings)
    except ConfigurationError as error:
        return [Finding("settings", "fail", str(error), "Correct it; narad config show lists all."), *_files(None)]
    found = [Finding("settings", "ok", "valid"), _handlers(settings)]
    found += run(_connected(settings))
    found += _files(settings)
    found.append(_service(session))
    return found


def _handlers(settings: Settings) -> Finding:
    try:
        handlers = load_handlers(settings.handlers)
    except NaradError as error:
        return Finding(
            "handlers", "fail", str(error), "Correct NARAD_HANDLERS or the module, or install what it needs."
        )
    if not settings.handlers:
        return Finding("handlers", "ok", "none but those built in; NARAD_HANDLERS names modules")
    return Finding("handlers", "ok", f"{len(handlers)} in {', '.join(settings.handlers)}")


async def _connected(settings: Settings) -> list[Finding]:
    store = open_store(settings, pool_size=2)
    try:
        database = [one async for one in _database(settings, store)]
    finally:
        await store.database.close()
    return [*database, *await _broker(settings)]


async def _database(settings: Settings, store: Store) -> AsyncIterator[Finding]:
    address = redacted(settings.database_url.get_secret_value())
    try:
        if _is_missing(store):
            yield Finding("database", "fail", f"{address} is not there", "Run: narad migrate (or narad dev)")
            return
        await store.database.ping()
        yield Finding("database", "ok", f"{address} answers")
        await schema.check(store.database)
        yield Finding("schema", "ok", f"at {schema.HEAD}")
        yield await _clock(store)
        async for one in _fleet(store):
            yield one
        yield await _keys(settings, store)
    except SchemaOutdatedError as error:
        yield Finding("schema", "fail", str(error), "Run: narad migrate")
    except NaradError as error:
        yield Finding("database", "fail", f"{address}: {error}", "Start it, or correct NARAD_DATABASE_URL.")


def _is_missing(store: Store) -> bool:
    """Whether the file is not there; to look into it would make it."""
    return store.database.is_sqlite and not Path(store.database.url.database or "").exists()


async def _clock(store: Store) -> Finding:
    ahead = (await store.database.clock_offset()).total_seconds()
    if abs(ahead) > _MOST_SECONDS:
        found = f"that of the database is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
        return Finding("clock", "warn", found, "Keep clocks in step, as with NTP. Narad goes by the database's.")
    return Finding("clock", "ok", "in step with the database's")


async def _fleet(store: Store) -> AsyncIterator[Finding]:
    now = SystemClock().now() + await store.database.clock_offset()
    living = await store.fleet.find(_LIVING, before=None, limit=200, now=now)
    if not living:
        yield Finding("workers", "warn", "none is alive: tasks wait", "Start one: narad worker")
    else:
        yield Finding("workers", "ok", f"{len(living)} alive, {sum(one.busy for one in living)} slots busy")
    served = {queue for one in living for queue in one.queues}
    unserved = sorted(set(await store.queues.names()) - served)
    if living and unserved:
        names = ", ".join(unserved)
        yield Finding("queues", "warn", f"no worker serves {names}", f"Start one: narad worker --queues {names}")
    paused = sorted(await store.workers.paused_queues())
    if paused:
        yield Finding(
            "pauses", "warn", f"paused: {', '.join(paused)}", f"If it is over: narad queues resume {paused[0]}"
        )


async def _keys(settings: Settings, store: Store) -> Finding:
    if settings.auth == "none":
        return Finding("keys", "warn", "NARAD_AUTH=none: whoever reaches the address may do everything",
                       "Guard the address, or unset it and make a key.")  # fmt: skip
    if await store.keys.any():
        return Finding("keys", "ok", "asked for")
    if is_loopback(settings.host):
        return Finding("keys", "ok", "none yet; the service is for this machine alone")
    return Finding("keys", "fail", f"none yet, and NARAD_HOST={settings.host}: the API will not start",
                   "Make one: narad keys create NAME --role admin")  # fmt: skip


async def _broker(settings: Settings) -> list[Finding]:
    if not settings.brokers:
        return [Finding("broker", "ok", "none is set: workers claim from the database")]
    return [
        Finding("broker", "ok", f"{host} answers")
        if reason is None
        else Finding("broker", "fail", f"{host}: {reason}", "Start it, or correct NARAD_BROKER_URL.")
        for host, reason in (await try_brokers(settings)).items()
    ]


def _files(settings: Settings | None) -> list[Finding]:
    """Files with secrets, and the file of the database: nobody else should read them."""
    open_ones = [str(path) for path in _secret_files(settings) if path.exists() and path.stat().st_mode & _OTHERS]
    if open_ones:
        names = " ".join(open_ones)
        return [Finding("files", "warn", f"others may read {names}", f"chmod go= {names}")]
    return [Finding("files", "ok", "others read none that hold secrets")]


def _secret_files(settings: Settings | None) -> Iterator[Path]:
    yield Path(".env")
    for field in Settings.model_fields:
        if path := os.environ.get(f"{variable(field)}_FILE"):
            yield Path(path)
    if settings is not None:
        kind, _, path = settings.database_url.get_secret_value().partition(":///")
        if kind == "sqlite":
            yield Path(path)


def _service(session: Session) -> Finding:
    try:
        status, text = session.service.probe("/readyz", 3)
    except Failure as error:
        return Finding("service", "fail", str(error), "Correct the profile: narad profile set")
    if status == _OK:
        return Finding("service", "ok", f"{session.service.url} is ready")
    return Finding("service", "warn", text, "Start it: narad api (or narad dev), or say where it is: NARAD_URL")
