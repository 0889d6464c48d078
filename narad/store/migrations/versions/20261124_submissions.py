"""For tasks that must not be there twice, keys of requests and of tasks; for the reason of a cancel.

Revision: 20261124_submissions, after 20261124_installation
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_submissions"
down_revision = "20261124_installation"
branch_labels = None
depends_on = None

VERBATIM = sa.Text().with_variant(postgresql.JSON(), "postgresql")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
ACTIVE_AND_UNIQUE = sa.text("status IN (0, 1, 2) AND unique_key IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("digest", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("task_ids", VERBATIM, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_idempotency_keys"),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.add_column("tasks", sa.Column("unique_key", sa.Text()))
    op.add_column("tasks", sa.Column("cancel_reason", sa.Text()))
    op.create_index(
        op.f("ix_tasks_unique_key"),
        "tasks",
        ["unique_key"],
        unique=True,
        postgresql_where=ACTIVE_AND_UNIQUE,
        sqlite_where=ACTIVE_AND_UNIQUE,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_tasks_unique_key"), "tasks")
    op.drop_column("tasks", "cancel_reason")
    op.drop_column("tasks", "unique_key")
    op.drop_table("idempotency_keys")
