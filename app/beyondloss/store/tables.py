"""Every table. Times are POSIX seconds (UTC). Answers and ratings are append-only; migrations/ must agree."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING


class Project(SQLModel, table=True):
    """One thing somebody wants a model to become. `salt` seeds coupled noise and blind sides."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    salt: str
    sampling_id: int | None = Field(default=None, foreign_key="sampling.id")
    created_at: float


class BaseModelMapping(SQLModel, table=True):
    """Where a base model that adapters name is found on this machine: once per project."""

    __tablename__ = "base_model_mapping"
    __table_args__ = (UniqueConstraint("project_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", ondelete="CASCADE")
    name: str
    path: str


class Behaviour(SQLModel, table=True):
    __table_args__ = (UniqueConstraint("project_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", ondelete="CASCADE")
    name: str
    wanted: str = ""
    position: int = 0
    archived: bool = False


class ProbeSet(SQLModel, table=True):
    """`revision` rises with every change to the set or its probes."""

    __tablename__ = "probe_set"
    __table_args__ = (UniqueConstraint("project_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", ondelete="CASCADE")
    name: str
    active: bool = True
    revision: int = 1
    created_at: float


class Probe(SQLModel, table=True):
    """One revision of one probe. The current one has `replaced_by` NULL, `archived` false; old ones keep answers."""

    __table_args__ = (UniqueConstraint("probe_set_id", "key", "revision"),)
    id: int | None = Field(default=None, primary_key=True)
    probe_set_id: int = Field(foreign_key="probe_set.id", ondelete="CASCADE", index=True)
    key: str
    revision: int = 1
    replaced_by: int | None = Field(default=None, foreign_key="probe.id")
    archived: bool = False
    position: int = 0
    family: str = "unseen"
    group: str = ""
    messages: list[dict[str, str]] = Field(sa_column=Column(JSON, nullable=False))
    prompt: str
    good: str = ""
    language: str = ""
    created_at: float


class ProbeBehaviour(SQLModel, table=True):
    __tablename__ = "probe_behaviour"
    probe_id: int = Field(foreign_key="probe.id", ondelete="CASCADE", primary_key=True)
    behaviour_id: int = Field(foreign_key="behaviour.id", ondelete="CASCADE", primary_key=True, index=True)


class Run(SQLModel, table=True):
    """`revision` rises with every change a page of this run would show: pages left open ask for it.

    `generation` counts reruns in the same folder. `read_state` is what the folder reader needs to resume (opaque JSON).
    """

    __table_args__ = (UniqueConstraint("output_dir", "generation"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", ondelete="CASCADE", index=True)
    name: str = Field(unique=True)
    output_dir: str
    generation: int = 1
    trainer: str
    base_model: str | None = None
    base_asked: bool = False
    template: str | None = None
    system_prompt: str | None = None
    state: str
    config: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    problems: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    read_state: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    sampling_id: int | None = Field(default=None, foreign_key="sampling.id")
    first_log_at: float | None = None
    first_log_key: str = ""
    first_seen: float
    changed_at: float
    revision: int = 1
    archived: bool = False
    heard_at: float | None = None
    """When its training process last asked for orders."""


class Checkpoint(SQLModel, table=True):
    """Step 0 is the base: kind `base`, path NULL. `fingerprint` is empty until an engine has read the weights."""

    __table_args__ = (UniqueConstraint("run_id", "step"),)
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE")
    step: int = Field(sa_type=BigInteger)
    epoch: float | None = None
    path: str | None = None
    kept_path: str | None = None
    """Our own copy of an adapter, kept until it is answered."""
    kind: str
    state: str
    found_state: str = ""
    """What the folder reader last said; `state` may be what a worker found out since."""
    reason: str = ""
    stamp: str = ""
    fingerprint: str = ""
    adapter_check: str = ""
    first_seen: float


class MetricSeries(SQLModel, table=True):
    """One metric of one run. Points live in sealed blocks and, the newest, in the tail: every step in exactly one."""

    __tablename__ = "metric_series"
    __table_args__ = (UniqueConstraint("run_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE")
    name: str
    total: int = 0
    sealed_step: int | None = Field(default=None, sa_type=BigInteger)
    """The last step inside sealed blocks; the tail's steps are all later."""
    sealed_total: int = 0
    last_step: int | None = Field(default=None, sa_type=BigInteger)
    last_value: float | None = None
    last_kind: str = "finite"
    sparkline: list[float | None] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    sparkline_stale: int = 0
    """Points changed since the sparkline was made: it is made anew once they are a hair of the curve."""


class MetricTail(SQLModel, table=True):
    """The newest points of a series, a row each, until there are enough to seal a block."""

    __tablename__ = "metric_tail"
    __table_args__ = ({"sqlite_with_rowid": False},)
    series_id: int = Field(foreign_key="metric_series.id", ondelete="CASCADE", primary_key=True)
    step: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    value: float | None = None
    kind: str = "finite"


class MetricBlock(SQLModel, table=True):
    """A stretch of a series at one level: 0 holds all its points, 1 and 2 fewer and fewer (see analysis/curve.py)."""

    __tablename__ = "metric_block"
    series_id: int = Field(foreign_key="metric_series.id", ondelete="CASCADE", primary_key=True)
    level: int = Field(primary_key=True)
    first_step: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    last_step: int = Field(sa_type=BigInteger)
    count: int
    """Points of the stretch at level 0, whatever the level."""
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Alarm(SQLModel, table=True):
    """Something wrong in a run's curves, once per kind, sign and first step."""

    __table_args__ = (UniqueConstraint("run_id", "kind", "sign", "step"),)
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE")
    kind: str
    sign: str = ""
    """Which of the things that a kind may mean; empty where it means one."""
    step: int = Field(sa_type=BigInteger)
    last_step: int = Field(sa_type=BigInteger)
    severity: str
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    raised_at: float
    acknowledged_at: float | None = None
    told: bool = False
    """Whether the webhook has heard of it, or never needs to: what an old log says is no news."""


class AlarmWatch(SQLModel, table=True):
    """What the rules remember of a run from batch to batch (opaque JSON), and whether its alarms are muted."""

    __tablename__ = "alarm_watch"
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", primary_key=True)
    state: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    muted: bool = False


class Sampling(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    max_new_tokens: int
    temperature: float
    top_p: float
    samples: int
    noise_key: str


class Answer(SQLModel, table=True):
    """Append-only. A checkpoint's current answers are those whose fingerprint equals the checkpoint's."""

    __table_args__ = (
        UniqueConstraint("checkpoint_id", "probe_id", "sampling_id", "sample_index", "fingerprint"),
        # With more columns SQLite would take it for comparisons too, and walk all checkpoints' answers for each pair.
        Index("ix_answer_probe_id", "probe_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    checkpoint_id: int = Field(foreign_key="checkpoint.id", ondelete="CASCADE")
    probe_id: int = Field(foreign_key="probe.id", ondelete="CASCADE")
    sampling_id: int = Field(foreign_key="sampling.id")
    sample_index: int = 0
    fingerprint: str
    text: str
    token_ids: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """uint32, little endian."""
    finish: str
    margins: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """float16, little endian."""
    provenance: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    signals: list[dict[str, str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    created_at: float


class Job(SQLModel, table=True):
    """The whole interface between server and worker. One row per checkpoint and sampling: asking again queues it anew.

    The row is locked by whoever asks and by whoever finishes, so what is asked while a job ends is never lost.
    """

    __table_args__ = (
        UniqueConstraint("checkpoint_id", "sampling_id"),
        Index("ix_job_claim", "state", "priority", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "answer"
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    checkpoint_id: int = Field(foreign_key="checkpoint.id", ondelete="CASCADE", index=True)
    sampling_id: int = Field(foreign_key="sampling.id")
    payload: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    state: str = "queued"
    priority: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    attempts: int = 0
    max_attempts: int = 3
    not_before: float = 0.0
    lease_owner: str | None = None
    lease_until: float | None = None
    heartbeat_at: float | None = None
    done: int = 0
    total: int = 0
    done_at_start: int = 0
    """What was there when this attempt began: what speed and ETA are measured from."""
    tokens_per_second: float | None = None
    accepted_ratio: float | None = None
    waiting_reason: str = ""
    error: str = ""
    revision: int = 1
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None


class WorkerState(SQLModel, table=True):
    """One row per live worker: what the queue page says about it."""

    __tablename__ = "worker_state"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    engine: str
    device: str = ""
    status: str = ""
    """`idle`, `loading …`, `answering`, or why it waits."""
    heartbeat_at: float
    started_at: float


class Switch(SQLModel, table=True):
    """Named on/off facts shared by processes, such as `queue_paused`."""

    name: str = Field(primary_key=True)
    value: str = ""


class Steering(SQLModel, table=True):
    """What the owner asks of a training process: `asked` until it says what it did, or is gone."""

    __table_args__ = (Index("ix_steering_run_id", "run_id", "state"),)
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE")
    order: str
    state: str = "asked"
    step: int | None = Field(default=None, sa_type=BigInteger)
    detail: str = ""
    asked_at: float
    settled_at: float | None = None


class Choice(SQLModel, table=True):
    """Which checkpoint the owner means to use. Rows are only added: a run's last one counts.

    `checkpoint_id` NULL takes the choice before it back.
    """

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    checkpoint_id: int | None = Field(default=None, foreign_key="checkpoint.id", ondelete="CASCADE", index=True)
    note: str = ""
    chosen_at: float


class Rater(SQLModel, table=True):
    """A person who rates: the owner, of whom there is one, or a visitor by the name given once through a share link."""

    __table_args__ = (
        UniqueConstraint("share_link_id", "name"),
        # On PostgreSQL the migration says the same; saying it here would import that dialect at every start.
        Index("ix_rater_owner", "is_owner", unique=True, sqlite_where=text("is_owner")),
    )
    id: int | None = Field(default=None, primary_key=True)
    name: str
    share_link_id: int | None = Field(default=None, foreign_key="share_link.id", ondelete="SET NULL", index=True)
    is_owner: bool = False
    created_at: float


class Rating(SQLModel, table=True):
    """Append-only. The rating in force has `superseded_by` NULL and a verdict; undo appends what was in force before.

    `replaces` is what comes back in force when this one is undone. An undo appends a copy of that (with its moment and
    its own `replaces`, so that undoing goes on backwards), or, with nothing before it, a row with `verdict` NULL.
    """

    __table_args__ = (
        Index("ix_rating_comparison", "answer_id", "reference_id"),
        Index("ix_rating_run_id", "run_id", "rater_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE")
    """The run of `answer`."""
    rater_id: int = Field(foreign_key="rater.id", ondelete="CASCADE", index=True)
    answer_id: int = Field(foreign_key="answer.id", ondelete="CASCADE")
    reference_id: int = Field(foreign_key="answer.id", ondelete="CASCADE", index=True)
    behaviour_id: int | None = Field(default=None, foreign_key="behaviour.id")
    verdict: int | None = None
    both_bad: bool = False
    comment: str = ""
    blind: bool = False
    side: str | None = None
    shown_at: float | None = None
    rated_at: float
    superseded_by: int | None = Field(default=None, foreign_key="rating.id", index=True)
    replaces: int | None = Field(default=None, foreign_key="rating.id", index=True)


class QualityCheck(SQLModel, table=True):
    """A vote that tells how somebody rates, not how a checkpoint answers. No verdict counts it, no export has it.

    `kind` is `repeat` (a comparison the rater has rated before, sides swapped) or `base` (two samples of the base).
    `earlier` is what the rater had said of a repeat, from −1 to 1.
    """

    __tablename__ = "quality_check"
    __table_args__ = (
        UniqueConstraint("rater_id", "answer_id", "reference_id"),
        Index("ix_quality_check_run_id", "run_id", "kind"),
    )
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE")
    rater_id: int = Field(foreign_key="rater.id", ondelete="CASCADE")
    kind: str
    answer_id: int = Field(foreign_key="answer.id", ondelete="CASCADE", index=True)
    reference_id: int = Field(foreign_key="answer.id", ondelete="CASCADE", index=True)
    verdict: int
    both_bad: bool = False
    earlier: float | None = None
    side: str
    shown_at: float | None = None
    rated_at: float


class RatingSettings(SQLModel, table=True):
    """How a run is rated, where it is not as usual."""

    __tablename__ = "rating_settings"
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", primary_key=True)
    quality_checks: bool = False


class ShareLink(SQLModel, table=True):
    """Scope is one run or one project, never both. Only the SHA-256 of the token is stored."""

    __tablename__ = "share_link"
    id: int | None = Field(default=None, primary_key=True)
    token_hash: str = Field(unique=True)
    run_id: int | None = Field(default=None, foreign_key="run.id", ondelete="CASCADE")
    project_id: int | None = Field(default=None, foreign_key="project.id", ondelete="CASCADE")
    role: str
    note: str = ""
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None
    created_at: float
