"""For checkpoints, and for tasks that other tasks created.

Revision: 20261124_follow_ups, after 20261124_duties
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_follow_ups"
down_revision = "20261124_duties"
branch_labels = None
depends_on = None

SPAWNED = sa.text("parent_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Text().with_variant(sa.JSON(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("task_id", name="pk_checkpoints"),
    )
    op.add_column("tasks", sa.Column("parent_id", sa.Uuid()))
    op.add_column("tasks", sa.Column("spawn_key", sa.Text()))
    op.create_index(
        op.f("ix_tasks_parent"),
        "tasks",
        ["parent_id", "spawn_key"],
        unique=True,
        postgresql_where=SPAWNED,
        sqlite_where=SPAWNED,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_tasks_parent"), "tasks")
    op.drop_column("tasks", "spawn_key")
    op.drop_column("tasks", "parent_id")
    op.drop_table("checkpoints")
