"""Quality checks of rating mode: votes that tell how somebody rates, and which runs want them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quality_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("reference_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Integer(), nullable=False),
        sa.Column("both_bad", sa.Boolean(), nullable=False),
        sa.Column("earlier", sa.Float(), nullable=True),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("shown_at", sa.Float(), nullable=True),
        sa.Column("rated_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_quality_check_run_id_run", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name="fk_quality_check_rater_id_rater", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["answer.id"], name="fk_quality_check_answer_id_answer", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["answer.id"], name="fk_quality_check_reference_id_answer", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_quality_check"),
        sa.UniqueConstraint("rater_id", "answer_id", "reference_id", name="uq_quality_check_rater_id"),
    )
    op.create_index("ix_quality_check_run_id", "quality_check", ["run_id", "kind"])
    op.create_index("ix_quality_check_answer_id", "quality_check", ["answer_id"])
    op.create_index("ix_quality_check_reference_id", "quality_check", ["reference_id"])
    op.create_table(
        "rating_settings",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("quality_checks", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_rating_settings_run_id_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name="pk_rating_settings"),
    )


def downgrade() -> None:
    op.drop_table("rating_settings")
    op.drop_table("quality_check")
