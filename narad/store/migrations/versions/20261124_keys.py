"""For access: API keys, the audit, who created a task.

Revision: 20261124_keys, after 20261124_bulk
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_keys"
down_revision = "20261124_bulk"
branch_labels = None
depends_on = None

JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("previous_digest", sa.Text()),
        sa.Column("previous_until", MOMENT),
        sa.Column("owner", sa.Text()),
        sa.Column("role", sa.Text()),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("networks", JSON, nullable=False),
        sa.Column("handlers", JSON, nullable=False),
        sa.Column("rate_limit", sa.Text()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text()),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.CheckConstraint(
            "(previous_digest IS NULL) = (previous_until IS NULL)", name=op.f("ck_keys_previous_has_an_end")
        ),
    )
    op.create_index(op.f("ix_keys_created"), "keys", ["created_at", "id"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text()),
        sa.Column("filter", JSON),
        sa.Column("count", sa.BigInteger()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index(op.f("ix_audit_key"), "audit", ["key_id", "id"])
    op.create_index(op.f("ix_audit_target"), "audit", ["target", "id"])
    op.add_column("tasks", sa.Column("created_by", sa.Text()))


def downgrade() -> None:
    op.drop_column("tasks", "created_by")
    op.drop_table("audit")
    op.drop_table("keys")
