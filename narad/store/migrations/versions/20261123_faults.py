"""For what goes wrong: failed attempts, a limit of waiting, names of workers.

Revision: 20261123_faults, after 20261123_initial
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_faults"
down_revision = "20261123_initial"
branch_labels = None
depends_on = None

JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
EXPIRING = sa.text("status IN (0, 1) AND expires_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.Uuid()),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT, nullable=False),
        sa.Column("error", JSON, nullable=False),
        sa.PrimaryKeyConstraint("task_id", "attempt", name="pk_attempts"),
    )
    op.add_column("tasks", sa.Column("expires_at", MOMENT))
    op.create_index(op.f("ix_tasks_expires"), "tasks", ["expires_at"], postgresql_where=EXPIRING, sqlite_where=EXPIRING)
    op.add_column("workers", sa.Column("name", sa.Text()))


def downgrade() -> None:
    op.drop_column("workers", "name")
    op.drop_index(op.f("ix_tasks_expires"), "tasks")
    op.drop_column("tasks", "expires_at")
    op.drop_table("attempts")
