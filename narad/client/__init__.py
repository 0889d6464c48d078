"""The client: asks a Narad over HTTP, from programs that know nothing else of it. Names are loaded on first use."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narad.client.async_bulk import AsyncBulkOperation as AsyncBulkOperation
    from narad.client.async_client import AsyncClient as AsyncClient
    from narad.client.async_task import AsyncPage as AsyncPage
    from narad.client.async_task import AsyncTask as AsyncTask
    from narad.client.bodies import NewTask as NewTask
    from narad.client.bulk import BulkOperation as BulkOperation
    from narad.client.client import Client as Client
    from narad.client.errors import ApiError as ApiError
    from narad.client.errors import BadRequest as BadRequest
    from narad.client.errors import ConfigurationError as ConfigurationError
    from narad.client.errors import Conflict as Conflict
    from narad.client.errors import ConnectionFailed as ConnectionFailed
    from narad.client.errors import Forbidden as Forbidden
    from narad.client.errors import NaradError as NaradError
    from narad.client.errors import NotFound as NotFound
    from narad.client.errors import OperationTimeout as OperationTimeout
    from narad.client.errors import RateLimited as RateLimited
    from narad.client.errors import ResultHidden as ResultHidden
    from narad.client.errors import ServerError as ServerError
    from narad.client.errors import TaskCancelled as TaskCancelled
    from narad.client.errors import TaskFailed as TaskFailed
    from narad.client.errors import Unauthenticated as Unauthenticated
    from narad.client.errors import UnexpectedAnswer as UnexpectedAnswer
    from narad.client.errors import ValidationFailed as ValidationFailed
    from narad.client.errors import WaitTimeout as WaitTimeout
    from narad.client.fleet_views import AuditEntry as AuditEntry
    from narad.client.fleet_views import BulkPreview as BulkPreview
    from narad.client.fleet_views import HandlerInfo as HandlerInfo
    from narad.client.fleet_views import IssuedKey as IssuedKey
    from narad.client.fleet_views import Key as Key
    from narad.client.fleet_views import Listed as Listed
    from narad.client.fleet_views import Queue as Queue
    from narad.client.fleet_views import Stats as Stats
    from narad.client.fleet_views import Worker as Worker
    from narad.client.problem import FieldError as FieldError
    from narad.client.problem import Problem as Problem
    from narad.client.problem import Response as Response
    from narad.client.task import Page as Page
    from narad.client.task import Task as Task
    from narad.client.views import Attempt as Attempt
    from narad.client.views import Count as Count
    from narad.client.views import Event as Event
    from narad.client.views import LogLine as LogLine
    from narad.client.views import Progress as Progress
    from narad.client.views import TaskError as TaskError
    from narad.client.views import TaskStatus as TaskStatus
    from narad.client.words import Json as Json
    from narad.client.words import Priority as Priority
    from narad.client.words import Status as Status

_HOMES = {
    "async_bulk": ("AsyncBulkOperation",),
    "async_client": ("AsyncClient",),
    "async_task": ("AsyncPage", "AsyncTask"),
    "bodies": ("NewTask",),
    "bulk": ("BulkOperation",),
    "client": ("Client",),
    "errors": (
        "ApiError",
        "BadRequest",
        "ConfigurationError",
        "Conflict",
        "ConnectionFailed",
        "Forbidden",
        "NaradError",
        "NotFound",
        "OperationTimeout",
        "RateLimited",
        "ResultHidden",
        "ServerError",
        "TaskCancelled",
        "TaskFailed",
        "Unauthenticated",
        "UnexpectedAnswer",
        "ValidationFailed",
        "WaitTimeout",
    ),
    "fleet_views": (
        "AuditEntry",
        "BulkPreview",
        "HandlerInfo",
        "IssuedKey",
        "Key",
        "Listed",
        "Queue",
        "Stats",
        "Worker",
    ),
    "problem": ("FieldError", "Problem", "Response"),
    "task": ("Page", "Task"),
    "views": ("Attempt", "Count", "Event", "LogLine", "Progress", "TaskError", "TaskStatus"),
    "words": ("Json", "Priority", "Status"),
}
"""The modules of this package, and the public names of each."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ApiError",
    "AsyncBulkOperation",
    "AsyncClient",
    "AsyncPage",
    "AsyncTask",
    "Attempt",
    "AuditEntry",
    "BadRequest",
    "BulkOperation",
    "BulkPreview",
    "Client",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "Count",
    "Event",
    "FieldError",
    "Forbidden",
    "HandlerInfo",
    "IssuedKey",
    "Json",
    "Key",
    "Listed",
    "LogLine",
    "NaradError",
    "NewTask",
    "NotFound",
    "OperationTimeout",
    "Page",
    "Priority",
    "Problem",
    "Progress",
    "Queue",
    "RateLimited",
    "Response",
    "ResultHidden",
    "ServerError",
    "Stats",
    "Status",
    "Task",
    "TaskCancelled",
    "TaskError",
    "TaskFailed",
    "TaskStatus",
    "Unauthenticated",
    "UnexpectedAnswer",
    "ValidationFailed",
    "WaitTimeout",
    "Worker",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: a program that catches an error needs no HTTP for it."""
    home = _HOME_OF.get(name)
    if home is None:
        message = f"module 'narad.client' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{home}"), name)
