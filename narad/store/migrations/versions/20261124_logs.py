"""For the lines that handlers log.

Revision: 20261124_logs, after 20261124_fleet
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_logs"
down_revision = "20261124_fleet"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "log_lines",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "attempt", "number", name="pk_log_lines"),
    )


def downgrade() -> None:
    op.drop_table("log_lines")
