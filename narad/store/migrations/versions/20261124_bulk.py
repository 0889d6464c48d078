"""For operations on many tasks at once.

Revision: 20261124_bulk, after 20261124_lists
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_bulk"
down_revision = "20261124_lists"
branch_labels = None
depends_on = None

JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
OPEN = sa.text("finished_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "bulk_operations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.SmallInteger(), nullable=False),
        sa.Column("priority", sa.SmallInteger()),
        sa.Column("reason", sa.Text()),
        sa.Column("filter", JSON, nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("place", JSON, nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.Column("claimed_until", MOMENT),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_operations"),
    )
    op.create_index(
        op.f("ix_bulk_operations_open"), "bulk_operations", ["id"], postgresql_where=OPEN, sqlite_where=OPEN
    )


def downgrade() -> None:
    op.drop_table("bulk_operations")
