"""For what is made once for an installation, such as its secret.

Revision: 20261124_installation, after 20261123_faults
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_installation"
down_revision = "20261123_faults"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_installation"),
    )


def downgrade() -> None:
    op.drop_table("installation")
