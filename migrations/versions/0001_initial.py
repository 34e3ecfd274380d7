"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sampling",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("max_new_tokens", sa.Integer(), nullable=False),
        sa.Column("temperature", sa.Float(), nullable=False),
        sa.Column("top_p", sa.Float(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("noise_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sampling"),
        sa.UniqueConstraint("key", name="uq_sampling_key"),
    )
    op.create_table(
        "switch",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_switch"),
    )
    op.create_table(
        "worker_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("heartbeat_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_worker_state"),
        sa.UniqueConstraint("name", name="uq_worker_state_name"),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("sampling_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["sampling_id"], ["sampling.id"], name="fk_project_sampling_id_sampling"),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
        sa.UniqueConstraint("name", name="uq_project_name"),
    )
    op.create_table(
        "base_model_mapping",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_base_model_mapping_project_id_project", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_base_model_mapping"),
        sa.UniqueConstraint("project_id", "name", name="uq_base_model_mapping_project_id"),
    )
    op.create_table(
        "behaviour",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_behaviour_project_id_project", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_behaviour"),
        sa.UniqueConstraint("project_id", "name", name="uq_behaviour_project_id"),
    )
    op.create_table(
        "probe_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_probe_set_project_id_project", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_probe_set"),
        sa.UniqueConstraint("project_id", "name", name="uq_probe_set_project_id"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("output_dir", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("trainer", sa.String(), nullable=False),
        sa.Column("base_model", sa.String(), nullable=True),
        sa.Column("base_asked", sa.Boolean(), nullable=False),
        sa.Column("template", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("read_state", sa.JSON(), nullable=False),
        sa.Column("sampling_id", sa.Integer(), nullable=True),
        sa.Column("first_log_at", sa.Float(), nullable=True),
        sa.Column("first_log_key", sa.String(), nullable=False),
        sa.Column("first_seen", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("heard_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_run_project_id_project", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sampling_id"], ["sampling.id"], name="fk_run_sampling_id_sampling"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("name", name="uq_run_name"),
        sa.UniqueConstraint("output_dir", "generation", name="uq_run_output_dir"),
    )
    op.create_index("ix_run_project_id", "run", ["project_id"])
    op.create_table(
        "steering",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("settled_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_steering_run_id_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_steering"),
    )
    op.create_index("ix_steering_run_id", "steering", ["run_id", "state"])
    op.create_table(
        "checkpoint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Float(), nullable=True),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("kept_path", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("found_state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("stamp", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("adapter_check", sa.String(), nullable=False),
        sa.Column("first_seen", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_checkpoint_run_id_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoint"),
        sa.UniqueConstraint("run_id", "step", name="uq_checkpoint_run_id"),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sign", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("raised_at", sa.Float(), nullable=False),
        sa.Column("acknowledged_at", sa.Float(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_alarm_run_id_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_alarm"),
        sa.UniqueConstraint("run_id", "kind", "sign", "step", name="uq_alarm_run_id"),
    )
    op.create_table(
        "alarm_watch",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_alarm_watch_run_id_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name="pk_alarm_watch"),
    )
    op.create_table(
        "metric_series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("sealed_step", sa.BigInteger(), nullable=True),
        sa.Column("sealed_total", sa.Integer(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("last_value", sa.Float(), nullable=True),
        sa.Column("last_kind", sa.String(), nullable=False),
        sa.Column("sparkline", sa.JSON(), nullable=False),
        sa.Column("sparkline_stale", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_metric_series_run_id_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_metric_series"),
        sa.UniqueConstraint("run_id", "name", name="uq_metric_series_run_id"),
    )
    op.create_table(
        "probe",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("probe_set_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("replaced_by", sa.Integer(), nullable=True),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("good", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["probe_set_id"], ["probe_set.id"], name="fk_probe_probe_set_id_probe_set", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["replaced_by"], ["probe.id"], name="fk_probe_replaced_by_probe"),
        sa.PrimaryKeyConstraint("id", name="pk_probe"),
        sa.UniqueConstraint("probe_set_id", "key", "revision", name="uq_probe_probe_set_id"),
    )
    op.create_index("ix_probe_probe_set_id", "probe", ["probe_set_id"])
    op.create_table(
        "share_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=True),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.Column("last_used_at", sa.Float(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_share_link_project_id_project", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_share_link_run_id_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_share_link"),
        sa.UniqueConstraint("token_hash", name="uq_share_link_token_hash"),
    )
    op.create_table(
        "answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("probe_id", sa.Integer(), nullable=False),
        sa.Column("sampling_id", sa.Integer(), nullable=False),
        sa.Column("sample_index", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("token_ids", sa.LargeBinary(), nullable=False),
        sa.Column("finish", sa.String(), nullable=False),
        sa.Column("margins", sa.LargeBinary(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name="fk_answer_checkpoint_id_checkpoint", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["probe_id"], ["probe.id"], name="fk_answer_probe_id_probe", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sampling_id"], ["sampling.id"], name="fk_answer_sampling_id_sampling"),
        sa.PrimaryKeyConstraint("id", name="pk_answer"),
        sa.UniqueConstraint(
            "checkpoint_id", "probe_id", "sampling_id", "sample_index", "fingerprint", name="uq_answer_checkpoint_id"
        ),
    )
    op.create_index("ix_answer_probe_id", "answer", ["probe_id"])
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("sampling_id", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("heartbeat_at", sa.Float(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done_at_start", sa.Integer(), nullable=False),
        sa.Column("tokens_per_second", sa.Float(), nullable=True),
        sa.Column("accepted_ratio", sa.Float(), nullable=True),
        sa.Column("waiting_reason", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name="fk_job_checkpoint_id_checkpoint", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_job_run_id_run", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sampling_id"], ["sampling.id"], name="fk_job_sampling_id_sampling"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("checkpoint_id", "sampling_id", name="uq_job_checkpoint_id"),
    )
    op.create_index("ix_job_checkpoint_id", "job", ["checkpoint_id"])
    op.create_index("ix_job_claim", "job", ["state", "priority", "id"])
    op.create_index("ix_job_run_id", "job", ["run_id"])
    op.create_table(
        "metric_block",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"], ["metric_series.id"], name="fk_metric_block_series_id_metric_series", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("series_id", "level", "first_step", name="pk_metric_block"),
    )
    op.create_table(
        "metric_tail",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"], ["metric_series.id"], name="fk_metric_tail_series_id_metric_series", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("series_id", "step", name="pk_metric_tail"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "probe_behaviour",
        sa.Column("probe_id", sa.Integer(), nullable=False),
        sa.Column("behaviour_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["behaviour_id"], ["behaviour.id"], name="fk_probe_behaviour_behaviour_id_behaviour", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["probe_id"], ["probe.id"], name="fk_probe_behaviour_probe_id_probe", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("probe_id", "behaviour_id", name="pk_probe_behaviour"),
    )
    op.create_index("ix_probe_behaviour_behaviour_id", "probe_behaviour", ["behaviour_id"])
    op.create_table(
        "rater",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("share_link_id", sa.Integer(), nullable=True),
        sa.Column("is_owner", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["share_link_id"], ["share_link.id"], name="fk_rater_share_link_id_share_link", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_rater"),
        sa.UniqueConstraint("share_link_id", "name", name="uq_rater_share_link_id"),
    )
    op.create_index(
        "ix_rater_owner",
        "rater",
        ["is_owner"],
        unique=True,
        sqlite_where=sa.text("is_owner"),
        postgresql_where=sa.text("is_owner"),
    )
    op.create_index("ix_rater_share_link_id", "rater", ["share_link_id"])
    op.create_table(
        "rating",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("reference_id", sa.Integer(), nullable=False),
        sa.Column("behaviour_id", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.Integer(), nullable=True),
        sa.Column("both_bad", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("side", sa.String(), nullable=True),
        sa.Column("shown_at", sa.Float(), nullable=True),
        sa.Column("rated_at", sa.Float(), nullable=False),
        sa.Column("superseded_by", sa.Integer(), nullable=True),
        sa.Column("replaces", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["answer_id"], ["answer.id"], name="fk_rating_answer_id_answer", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["behaviour_id"], ["behaviour.id"], name="fk_rating_behaviour_id_behaviour"),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name="fk_rating_rater_id_rater", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["answer.id"], name="fk_rating_reference_id_answer", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["replaces"], ["rating.id"], name="fk_rating_replaces_rating"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_rating_run_id_run", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["superseded_by"], ["rating.id"], name="fk_rating_superseded_by_rating"),
        sa.PrimaryKeyConstraint("id", name="pk_rating"),
    )
    op.create_index("ix_rating_comparison", "rating", ["answer_id", "reference_id"])
    op.create_index("ix_rating_rater_id", "rating", ["rater_id"])
    op.create_index("ix_rating_reference_id", "rating", ["reference_id"])
    op.create_index("ix_rating_replaces", "rating", ["replaces"])
    op.create_index("ix_rating_run_id", "rating", ["run_id", "rater_id"])
    op.create_index("ix_rating_superseded_by", "rating", ["superseded_by"])


def downgrade() -> None:
    op.drop_table("rating")
    op.drop_table("rater")
    op.drop_table("probe_behaviour")
    op.drop_table("metric_tail")
    op.drop_table("metric_block")
    op.drop_table("job")
    op.drop_table("answer")
    op.drop_table("share_link")
    op.drop_table("probe")
    op.drop_table("metric_series")
    op.drop_table("alarm_watch")
    op.drop_table("alarm")
    op.drop_table("checkpoint")
    op.drop_table("steering")
    op.drop_table("run")
    op.drop_table("probe_set")
    op.drop_table("behaviour")
    op.drop_table("base_model_mapping")
    op.drop_table("project")
    op.drop_table("worker_state")
    op.drop_table("switch")
    op.drop_table("sampling")
