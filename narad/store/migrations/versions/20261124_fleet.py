"""For a fleet that people look at and steer: paused queues, orders to workers, counts by span of time.

Revision: 20261124_fleet, after 20261124_keys
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_fleet"
down_revision = "20261124_keys"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
NONE = sa.text("0")


def upgrade() -> None:
    op.create_table(
        "queues",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("paused_at", MOMENT, nullable=False),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("name", name="pk_queues"),
    )
    op.create_table(
        "stats",
        sa.Column("span", sa.SmallInteger(), nullable=False),
        sa.Column("measure", sa.SmallInteger(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("span", "measure", "starts_at", "handler", "priority", "bucket", name="pk_stats"),
        postgresql_with={"fillfactor": "80"},
    )
    op.add_column("workers", sa.Column("lost", sa.SmallInteger(), server_default=NONE, nullable=False))
    op.add_column("workers", sa.Column("ordered", sa.SmallInteger()))
    op.add_column("workers", sa.Column("busy", sa.Integer(), server_default=NONE, nullable=False))


def downgrade() -> None:
    for column in ("busy", "ordered", "lost"):
        op.drop_column("workers", column)
    op.drop_table("stats")
    op.drop_table("queues")
