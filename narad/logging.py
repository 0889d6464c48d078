"""Logs: one event per line with a stable `event` key; JSON unless a person is watching."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Literal

import structlog
from structlog.typing import Processor

_QUIET = ("aio_pika", "aiormq", "aiosqlite", "alembic", "asyncio", "sqlalchemy", "uvicorn")


def configure_logging(level: str, form: Literal["auto", "json", "console"]) -> None:
    """Send every log, ours and that of the libraries, to standard error in one form."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    render: Sequence[Processor] = (
        (structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR")),)
        if console
        else (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
