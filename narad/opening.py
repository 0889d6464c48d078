"""Opening what the settings name, for commands that need the database and nothing else of the service."""

from datetime import timedelta

from narad.secrets import Secrets
from narad.settings import Settings
from narad.store.database import Database, parse_url
from narad.store.store import Store


def open_store(settings: Settings, pool_size: int | None = None, *, relayed: bool = False) -> Store:
    """The store of the settings, with connections of its own; `relayed` where this process hands its tasks over."""
    return Store(
        open_database(settings, pool_size),
        lease=timedelta(seconds=settings.lease_seconds),
        guard=timedelta(seconds=settings.handover_guard_seconds if relayed else 0),
        list_seconds=settings.list_timeout_seconds,
    )


def open_database(settings: Settings, pool_size: int | None = None) -> Database:
    """The database of the settings; connects on first use.

    Raises:
        ConfigurationError: its address is not valid.
    """
    return Database(
        parse_url(settings.database_url.get_secret_value()),
        pool_size=pool_size or settings.database_pool,
        timeout_seconds=settings.database_timeout_seconds,
    )


async def open_secrets(settings: Settings, store: Store) -> Secrets:
    """The secret of the settings, or else that of the installation."""
    given = settings.secret_key.get_secret_value()
    return Secrets(given.encode() if given else await store.installation.secret())
