"""What came of handing in a task: it was created, or there is one already."""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from narad.domain.task import NewTask


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key that makes a request one, however often it is sent.

    `digest` stands for the caller, the endpoint and the key; `fingerprint` for the body.
    """

    digest: UUID
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A task to be stored, unless its idempotency key or its unique key says that it is there.

    With `may_exist` an active task of the same unique key will do as well.
    """

    task: NewTask
    key: IdempotencyKey | None = None
    may_exist: bool = False


@dataclass(frozen=True, slots=True)
class Created:
    """The task is stored."""

    task: NewTask


@dataclass(frozen=True, slots=True)
class Replayed:
    """The same request was carried out before, and made these tasks."""

    task_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The idempotency key came with another body before."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An active task has the same unique key."""

    task_id: UUID


Submitted: TypeAlias = Created | Replayed | KeyReused | Duplicate
