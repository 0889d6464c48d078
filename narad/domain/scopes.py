"""What a caller may do: scopes, and roles, which are bundles of them."""

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """One thing that a caller may do. ADMIN stands for all of them."""

    TASKS_READ = "tasks:read"
    TASKS_PAYLOAD_READ = "tasks:payload:read"
    TASKS_WRITE = "tasks:write"
    TASKS_CANCEL = "tasks:cancel"
    TASKS_RETRY = "tasks:retry"
    TASKS_PURGE = "tasks:purge"
    BULK_EXECUTE = "bulk:execute"
    QUEUES_READ = "queues:read"
    QUEUES_MANAGE = "queues:manage"
    WORKERS_READ = "workers:read"
    WORKERS_MANAGE = "workers:manage"
    SCHEDULES_READ = "schedules:read"
    SCHEDULES_MANAGE = "schedules:manage"
    HANDLERS_READ = "handlers:read"
    WEBHOOKS_MANAGE = "webhooks:manage"
    KEYS_MANAGE = "keys:manage"
    AUDIT_READ = "audit:read"
    METRICS_READ = "metrics:read"
    ADMIN = "admin"


class Role(StrEnum):
    """A bundle of scopes for one kind of person or program."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    OPERATOR = "operator"
    ADMIN = "admin"


EVERYTHING = frozenset(Scope)
_VIEWER = frozenset(
    {Scope.TASKS_READ, Scope.QUEUES_READ, Scope.WORKERS_READ, Scope.SCHEDULES_READ, Scope.HANDLERS_READ}
)
BUNDLES = {
    Role.VIEWER: _VIEWER,
    Role.DEVELOPER: _VIEWER | {Scope.TASKS_PAYLOAD_READ, Scope.TASKS_WRITE, Scope.TASKS_CANCEL, Scope.TASKS_RETRY},
    Role.OPERATOR: _VIEWER
    | {
        Scope.TASKS_CANCEL,
        Scope.TASKS_RETRY,
        Scope.BULK_EXECUTE,
        Scope.AUDIT_READ,
        Scope.METRICS_READ,
        Scope.QUEUES_MANAGE,
        Scope.WORKERS_MANAGE,
        Scope.SCHEDULES_MANAGE,
    },
    Role.ADMIN: EVERYTHING,
}


def effective(role: Role | None, scopes: Iterable[Scope]) -> frozenset[Scope]:
    """What a role and single scopes allow together."""
    allowed = frozenset(scopes) | (BUNDLES[role] if role is not None else frozenset())
    return EVERYTHING if Scope.ADMIN in allowed else allowed
