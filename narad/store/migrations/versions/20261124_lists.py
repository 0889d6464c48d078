"""For lists of what has ended, the latest first.

Revision: 20261124_lists, after 20261124_submissions
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_lists"
down_revision = "20261124_submissions"
branch_labels = None
depends_on = None

ENDED = sa.text("finished_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        op.f("ix_tasks_finished"), "tasks", ["finished_at", "id"], postgresql_where=ENDED, sqlite_where=ENDED
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_tasks_finished"), "tasks")
