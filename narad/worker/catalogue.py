"""Describing handlers for the catalogue."""

import hashlib
import json
from collections.abc import Iterable

from narad.store.catalogue import CatalogueEntry
from narad.worker.handler import AnyHandler


def describe(handlers: Iterable[AnyHandler]) -> list[CatalogueEntry]:
    """The catalogue's entries for handlers."""
    return [_entry(handler) for handler in handlers]


def _entry(handler: AnyHandler) -> CatalogueEntry:
    signature = handler.signature
    shape = {
        "queue": handler.options.queue,
        "options": handler.options.as_json(),
        "payload": signature.payload_schema,
        "result": signature.result_schema,
    }
    fingerprint = hashlib.sha256(json.dumps(shape, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return CatalogueEntry(
        name=handler.name,
        fingerprint=fingerprint,
        queue=handler.options.queue,
        title=handler.title,
        description=handler.description,
        payload_schema=signature.payload_schema,
        result_schema=signature.result_schema,
        options=handler.options.as_json(),
    )
