"""Every setting, read once from the environment (prefix BEYONDLOSS_) and the command line, then passed down."""

from pathlib import Path

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir("beyondloss", appauthor=False))


class Settings(BaseSettings):
    """One frozen object per process. The README's settings table is held to these fields by a test."""

    model_config = SettingsConfigDict(env_prefix="BEYONDLOSS_", frozen=True, extra="ignore")

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Folder of the database, kept adapters and keys."
    )
    database_url: str | None = Field(
        default=None,
        description="PostgreSQL address (postgresql+psycopg://…) for a team; SQLite in the data folder otherwise.",
    )
    host: str = Field(default="127.0.0.1", description="Address to serve on. Anything but loopback is said out loud.")
    port: int = Field(default=8420, ge=0, le=65535, description="Port to serve on; 0 picks a free one.")
    allowed_hosts: str = Field(
        default="", description="More Host names to answer to, separated by commas, when behind a proxy or a name."
    )
    owner_key: str | None = Field(
        default=None,
        description="Key that makes a visitor from another machine the owner; made and kept in the data folder.",
    )
    public_url: str | None = Field(
        default=None, description="Address teammates reach this server by; share links begin with it."
    )
    alarm_webhook: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Address that gets a POST of JSON for each new alarm of a run that trains.",
    )
    device: str = Field(default="auto", description="Where the worker computes: auto, cpu, cuda, cuda:1, mps.")
    dtype: str = Field(default="auto", description="Number type of the weights: auto, float32, bfloat16, float16.")
    engine: str = Field(default="transformers", description="What generates answers.")
    max_batch: int = Field(default=16, ge=1, le=1024, description="Most answers generated at once.")
    gpu_memory_ratio: float = Field(
        default=1.0, gt=0, le=1, description="Most of a GPU's memory that the worker takes, 0.5 being half of it."
    )
    poll_seconds: float = Field(
        default=1.0, gt=0, description="How often run folders are looked at where the system tells nothing."
    )
    lease_seconds: float = Field(
        default=60.0, gt=0, description="How long a silent worker keeps a job before another may take it."
    )
    idle_release_seconds: float = Field(
        default=600.0, gt=0, description="How long an idle worker keeps the model in memory."
    )
    kept_bytes: int = Field(
        default=20_000_000_000, ge=0, description="Most bytes of adapters kept aside until they are answered."
    )
    threads: int = Field(default=0, ge=0, description="CPU threads of the worker; 0 leaves the choice to torch.")

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'beyondloss.db'}"

    @property
    def kept_dir(self) -> Path:
        return self.data_dir / "kept"

    @property
    def cache_dir(self) -> Path:
        return self.data_dir / "cache"
