"""Which checkpoint of a run was chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "choice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("chosen_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_choice_run_id_run", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name="fk_choice_checkpoint_id_checkpoint", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_choice"),
    )
    op.create_index("ix_choice_run_id", "choice", ["run_id"])
    op.create_index("ix_choice_checkpoint_id", "choice", ["checkpoint_id"])


def downgrade() -> None:
    op.drop_index("ix_choice_checkpoint_id", table_name="choice")
    op.drop_index("ix_choice_run_id", table_name="choice")
    op.drop_table("choice")
