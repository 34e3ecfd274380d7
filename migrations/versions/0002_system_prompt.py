"""Runs remember the system prompt that training told the model."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("system_prompt", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("run", "system_prompt")
