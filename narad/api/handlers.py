"""The handlers that the API knows: the catalogue as workers published it, kept for a moment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from jsonschema_rs import Draft202012Validator, ValidationError

from narad.api import problems
from narad.api.errors import nearest
from narad.api.problems import FieldError, Problem
from narad.clock import Clock
from narad.domain.task import JsonObject
from narad.store.catalogue import Catalogue, CatalogueEntry


@dataclass(frozen=True)
class KnownVersion:
    """One version of a handler, with a validator for its payloads."""

    entry: CatalogueEntry

    @cached_property
    def validator(self) -> Draft202012Validator:
        """Compiled on first use."""
        return Draft202012Validator(dict(self.entry.payload_schema))

    def errors(self, payload: JsonObject) -> list[ValidationError]:
        """What is wrong with a payload."""
        return list(self.validator.iter_errors(payload))


class KnownHandlers:
    """Looks handlers up, and payloads over, without asking the store each time."""

    def __init__(self, catalogue: Catalogue, clock: Clock, *, fresh_seconds: float) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._versions: Mapping[str, Sequence[KnownVersion]] = {}
        self._hidden: Mapping[str, Sequence[str]] = {}
        self._read_at: float | None = None

    async def accept(self, name: str, payload: JsonObject) -> CatalogueEntry:
        """The version of the handler that takes the payload.

        While workers disagree about a schema, as in a rolling deployment, it is enough that one version takes it.

        Raises:
            Problem: no worker ever published the handler, or no version takes the payload.
        """
        versions = await self._find(name)
        first_errors: list[ValidationError] = []
        for version in versions:
            errors = version.errors(payload)
            if not errors:
                return version.entry
            first_errors = first_errors or errors
        fields = [_field_error(error) for error in first_errors]
        raise Problem(problems.VALIDATION_ERROR, f"The payload does not fit the handler {name}.", errors=fields)

    def hidden(self, name: str) -> Sequence[str]:
        """The places in payloads of the handler that nobody is shown, in the words of all its versions.

        As they were read last: `refresh` sees that they were.
        """
        return self._hidden.get(name, ())

    async def names(self) -> Sequence[str]:
        """All of them, in order."""
        await self.refresh()
        return sorted(self._versions)

    async def refresh(self) -> None:
        """Read the catalogue unless that was done lately."""
        if not self._is_fresh():
            await self._read()

    async def _find(self, name: str) -> Sequence[KnownVersion]:
        if not self._is_fresh() or name not in self._versions:
            await self._read()
        if name not in self._versions:
            raise _unknown(name, sorted(self._versions))
        return self._versions[name]

    def _is_fresh(self) -> bool:
        return self._read_at is not None and self._clock.monotonic() - self._read_at < self._fresh_seconds

    async def _read(self) -> None:
        entries = await self._catalogue.known(now=self._clock.now())
        kept = {(v.entry.name, v.entry.fingerprint): v for versions in self._versions.values() for v in versions}
        found: dict[str, list[KnownVersion]] = defaultdict(list)
        for entry in entries:
            found[entry.name].append(kept.get((entry.name, entry.fingerprint)) or KnownVersion(entry))
        self._versions = dict(found)
        self._hidden = {name: hidden for name, versions in found.items() if (hidden := _hidden_by(versions))}
        self._read_at = self._clock.monotonic()


def _hidden_by(versions: Sequence[KnownVersion]) -> Sequence[str]:
    paths = (path for version in versions for path in cast("Sequence[str]", version.entry.options.get("redact") or ()))
    return tuple(dict.fromkeys(paths))


def _unknown(name: str, known: Sequence[str]) -> Problem:
    close = nearest(name, known)
    hint = f"Did you mean {close}?" if close else f"Known are: {', '.join(known)}."
    error = FieldError(detail="is not a known handler", code="unknown_handler", pointer="#/handler")
    detail = f"No worker offers a handler {name}. {hint}"
    return Problem(problems.UNKNOWN_HANDLER, detail, errors=[error], nearest=close)


def _field_error(error: ValidationError) -> FieldError:
    pointer = problems.pointer(["payload", *error.instance_path])
    return FieldError(detail=error.message, code="payload", pointer=pointer)
