"""Run by Alembic for every command; the connection comes from `narad/store/schema.py`, in an open transaction."""

from alembic import context

from narad.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
