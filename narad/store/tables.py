"""The tables, their invariants and their indexes.

The CHECK constraints repeat what `narad.domain.status` says, so that no statement, ours or a person's, can leave a row
that the service could not understand. Indexes are few on purpose: each one costs every change of status.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from narad.domain.bulk import BulkAction, BulkStatus
from narad.domain.fleet import WorkerOrder
from narad.domain.log_line import LogLevel
from narad.domain.statistics import Measure, Span
from narad.domain.status import Priority, Status
from narad.store.types import Code, StoredJson, UTCDateTime, VerbatimJson

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(constraint_name)s",
    }
)

WAITING_SQL = "status IN (0, 1)"
EXPIRING_SQL = "status IN (0, 1) AND expires_at IS NOT NULL"
RUNNING_SQL = "status = 2"
ACTIVE_AND_UNIQUE_SQL = "status IN (0, 1, 2) AND unique_key IS NOT NULL"
SPAWNED_SQL = "parent_id IS NOT NULL"
ENDED_SQL = "finished_at IS NOT NULL"
FILL_FACTOR = 80
"""How full, in percent, new tasks make a page: the rest is for their next versions."""

tasks = Table(
    "tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("priority", Code(Priority), nullable=False),
    Column("status", Code(Status), nullable=False),
    Column("handler", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("unique_key", Text),
    Column("payload", VerbatimJson, nullable=False),
    Column("tags", StoredJson, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("run_at", UTCDateTime, nullable=False),
    Column("due_at", UTCDateTime),
    Column("expires_at", UTCDateTime),
    Column("handovers", SmallInteger, nullable=False, server_default=text("0")),
    Column("started_at", UTCDateTime),
    Column("deadline_at", UTCDateTime),
    Column("finished_at", UTCDateTime),
    Column("cancel_requested_at", UTCDateTime),
    Column("cancel_reason", Text),
    Column("worker_id", Uuid),
    Column("created_by", Text),
    Column("parent_id", Uuid),
    Column("spawn_key", Text),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("losses", Integer, nullable=False, server_default=text("0")),
    Column("max_attempts", Integer, nullable=False),
    Column("max_losses", Integer, nullable=False),
    Column("timeout_seconds", Double),
    Column("progress", StoredJson),
    Column("result", VerbatimJson),
    Column("error", StoredJson),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    CheckConstraint("status BETWEEN 0 AND 5", name="status_known"),
    CheckConstraint("priority BETWEEN 0 AND 2", name="priority_known"),
    CheckConstraint("(status >= 3) = (finished_at IS NOT NULL)", name="final_has_finished_at"),
    CheckConstraint(
        "status <> 2 OR (worker_id IS NOT NULL AND started_at IS NOT NULL AND attempt > 0)", name="running_has_worker"
    ),
    CheckConstraint("status <> 0 OR due_at IS NOT NULL", name="new_is_due"),
    CheckConstraint("due_at IS NULL OR status IN (0, 1)", name="only_waiting_is_due"),
    CheckConstraint("attempt >= 0 AND failures >= 0 AND losses >= 0", name="counts_not_negative"),
    Index("due", "due_at", postgresql_where=text(WAITING_SQL), sqlite_where=text(WAITING_SQL)),
    Index(
        "waiting",
        "queue",
        "priority",
        "run_at",
        "id",
        postgresql_where=text(WAITING_SQL),
        sqlite_where=text(WAITING_SQL),
    ),
    Index(
        "expires",
        "expires_at",
        postgresql_where=text(EXPIRING_SQL),
        sqlite_where=text(EXPIRING_SQL),
    ),
    Index("running", "worker_id", postgresql_where=text(RUNNING_SQL), sqlite_where=text(RUNNING_SQL)),
    Index("status", "status", "id"),
    Index(
        "unique_key",
        "unique_key",
        unique=True,
        postgresql_where=text(ACTIVE_AND_UNIQUE_SQL),
        sqlite_where=text(ACTIVE_AND_UNIQUE_SQL),
    ),
    Index(
        "parent",
        "parent_id",
        "spawn_key",
        unique=True,
        postgresql_where=text(SPAWNED_SQL),
        sqlite_where=text(SPAWNED_SQL),
    ),
    Index("finished", "finished_at", "id", postgresql_where=text(ENDED_SQL), sqlite_where=text(ENDED_SQL)),
    postgresql_with={"fillfactor": str(FILL_FACTOR), "autovacuum_vacuum_scale_factor": "0.02"},
)

workers = Table(
    "workers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("queues", StoredJson, nullable=False),
    Column("handlers", StoredJson, nullable=False),
    Column("started_at", UTCDateTime, nullable=False),
    Column("heartbeat_at", UTCDateTime, nullable=False),
    Column("lease_expires_at", UTCDateTime, nullable=False),
    Column("stopped_at", UTCDateTime),
    Column("draining", SmallInteger, nullable=False, server_default=text("0")),
    Column("lost", SmallInteger, nullable=False, server_default=text("0")),
    Column("ordered", Code(WorkerOrder)),
    Column("busy", Integer, nullable=False, server_default=text("0")),
    Index(
        "lease",
        "lease_expires_at",
        postgresql_where=text("stopped_at IS NULL"),
        sqlite_where=text("stopped_at IS NULL"),
    ),
)

installation = Table(
    "installation",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("digest", Uuid, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("task_ids", VerbatimJson, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Index("created_at", "created_at"),
)
"""`task_ids` are the ids of what a request made: mostly tasks, else a bulk operation or an API key."""

bulk_operations = Table(
    "bulk_operations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("action", Code(BulkAction), nullable=False),
    Column("priority", Code(Priority)),
    Column("reason", Text),
    Column("filter", StoredJson, nullable=False),
    Column("status", Code(BulkStatus), nullable=False),
    Column("place", StoredJson, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("missed", Integer, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("finished_at", UTCDateTime),
    Column("claimed_until", UTCDateTime),
    Column("version", BigInteger, nullable=False),
    Index("open", "id", postgresql_where=text("finished_at IS NULL"), sqlite_where=text("finished_at IS NULL")),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("previous_digest", Text),
    Column("previous_until", UTCDateTime),
    Column("owner", Text),
    Column("role", Text),
    Column("scopes", StoredJson, nullable=False),
    Column("networks", StoredJson, nullable=False),
    Column("handlers", StoredJson, nullable=False),
    Column("rate_limit", Text),
    Column("created_at", UTCDateTime, nullable=False),
    Column("created_by", Text),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("last_used_at", UTCDateTime),
    Column("revoked_at", UTCDateTime),
    CheckConstraint("(previous_digest IS NULL) = (previous_until IS NULL)", name="previous_has_an_end"),
    Index("created", "created_at", "id"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", UTCDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("key_id", Text),
    Column("address", Text),
    Column("action", Text, nullable=False),
    Column("target", Text),
    Column("filter", StoredJson),
    Column("count", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("request_id", Text),
    Index("key", "key_id", "id"),
    Index("target", "target", "id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("worker_id", Uuid),
    Column("started_at", UTCDateTime),
    Column("finished_at", UTCDateTime, nullable=False),
    Column("error", StoredJson, nullable=False),
)

log_lines = Table(
    "log_lines",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", UTCDateTime, nullable=False),
    Column("level", Code(LogLevel), nullable=False),
    Column("message", Text, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("value", VerbatimJson, nullable=False),
)

handlers = Table(
    "handlers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("title", Text),
    Column("description", Text),
    Column("payload_schema", StoredJson, nullable=False),
    Column("result_schema", StoredJson),
    Column("options", StoredJson, nullable=False),
    Column("seen_at", UTCDateTime, nullable=False),
)

queues = Table(
    "queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused_at", UTCDateTime, nullable=False),
    Column("reason", Text),
)
"""Queues that are paused; the others need no row."""

duties = Table(
    "duties",
    metadata,
    Column("name", Text, primary_key=True),
    Column("held_by", Uuid, nullable=False),
    Column("held_until", UTCDateTime, nullable=False),
)
"""What one process at a time does for all."""

stats = Table(
    "stats",
    metadata,
    Column("span", Code(Span), primary_key=True),
    Column("measure", Code(Measure), primary_key=True),
    Column("starts_at", UTCDateTime, primary_key=True),
    Column("handler", Text, primary_key=True),
    Column("priority", Code(Priority), primary_key=True),
    Column("bucket", SmallInteger, primary_key=True),
    Column("total", BigInteger, nullable=False),
    postgresql_with={"fillfactor": str(FILL_FACTOR)},
)
