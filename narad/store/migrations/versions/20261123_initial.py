"""The first schema: tasks, workers, handlers.

Revision: 20261123_initial, after nothing
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_initial"
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
VERBATIM = sa.Text().with_variant(sa.JSON(), "postgresql")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
WAITING = sa.text("status IN (0, 1)")
RUNNING = sa.text("status = 2")
ALIVE = sa.text("stopped_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("payload", VERBATIM, nullable=False),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("run_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("handovers", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("deadline_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        sa.Column("cancel_requested_at", MOMENT),
        sa.Column("worker_id", sa.Uuid()),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("losses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("max_losses", sa.Integer(), nullable=False),
        sa.Column("timeout_seconds", sa.Double()),
        sa.Column("progress", JSON),
        sa.Column("result", VERBATIM),
        sa.Column("error", JSON),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.CheckConstraint("status BETWEEN 0 AND 5", name=op.f("ck_tasks_status_known")),
        sa.CheckConstraint("priority BETWEEN 0 AND 2", name=op.f("ck_tasks_priority_known")),
        sa.CheckConstraint("(status >= 3) = (finished_at IS NOT NULL)", name=op.f("ck_tasks_final_has_finished_at")),
        sa.CheckConstraint(
            "status <> 2 OR (worker_id IS NOT NULL AND started_at IS NOT NULL AND attempt > 0)",
            name=op.f("ck_tasks_running_has_worker"),
        ),
        sa.CheckConstraint("status <> 0 OR due_at IS NOT NULL", name=op.f("ck_tasks_new_is_due")),
        sa.CheckConstraint("due_at IS NULL OR status IN (0, 1)", name=op.f("ck_tasks_only_waiting_is_due")),
        sa.CheckConstraint("attempt >= 0 AND failures >= 0 AND losses >= 0", name=op.f("ck_tasks_counts_not_negative")),
        postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
    )
    op.create_index(op.f("ix_tasks_due"), "tasks", ["due_at"], postgresql_where=WAITING, sqlite_where=WAITING)
    op.create_index(
        op.f("ix_tasks_waiting"),
        "tasks",
        ["queue", "priority", "run_at", "id"],
        postgresql_where=WAITING,
        sqlite_where=WAITING,
    )
    op.create_index(op.f("ix_tasks_running"), "tasks", ["worker_id"], postgresql_where=RUNNING, sqlite_where=RUNNING)
    op.create_index(op.f("ix_tasks_status"), "tasks", ["status", "id"])

    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("queues", JSON, nullable=False),
        sa.Column("handlers", JSON, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("heartbeat_at", MOMENT, nullable=False),
        sa.Column("lease_expires_at", MOMENT, nullable=False),
        sa.Column("stopped_at", MOMENT),
        sa.Column("draining", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_index(
        op.f("ix_workers_lease"), "workers", ["lease_expires_at"], postgresql_where=ALIVE, sqlite_where=ALIVE
    )

    op.create_table(
        "handlers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("payload_schema", JSON, nullable=False),
        sa.Column("result_schema", JSON),
        sa.Column("options", JSON, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", "fingerprint", name="pk_handlers"),
    )


def downgrade() -> None:
    op.drop_table("handlers")
    op.drop_table("workers")
    op.drop_table("tasks")
