"""Alembic's entry: runs revisions on the connection that `beyondloss.store.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

import beyondloss.store.tables  # noqa: F401  registers every table on the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    compare_type=True,
    render_as_batch=True,
    user_module_prefix="sqlmodel.",
)
with context.begin_transaction():
    context.run_migrations()
