"""Everything that can be set about a studio: by flag, by environment (`MELISMA_STUDIO_…`), or in a TOML file.

Flags win over the environment, the environment over the file, the file over the defaults here.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from melisma.models.places import data_folder

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Settings(BaseSettings):
    """A studio's settings."""

    model_config = SettingsConfigDict(env_prefix="MELISMA_STUDIO_", extra="forbid", frozen=True)

    data: Annotated[Path, Field(description="Folder for database and songs.")] = Field(
        default_factory=lambda: data_folder() / "studio"
    )
    database: str | None = Field(None, description="Address of a PostgreSQL database; none: SQLite in the data folder.")
    host: str = Field("127.0.0.1", description="Address to listen at.")
    port: int = Field(7788, ge=0, le=65535, description="Port to listen at; 0: any free one.")
    lan: bool = Field(False, description="Listen to the whole local network, and ask everybody for an account.")
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Other names this studio answers to, with commas between, as in music.example.org."
    )
    session_days: int = Field(30, ge=1, le=365, description="Days after which a browser must sign in again.")
    log_format: Literal["console", "json"] = Field("console", description="How the log is written.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged at least.")
    device: str | None = Field(None, description="Device to play on, as in cuda; none: the best here.")
    memory: str | None = Field(None, description="Which models stay on the device: keep, one, or budget:GB.")
    max_upload_mb: int = Field(200, gt=0, description="Largest upload, megabytes.")
    max_upload_s: float = Field(1200.0, gt=0, description="Longest upload, seconds of sound.")
    queue_limit: int = Field(1000, gt=0, description="Most jobs waiting at once.")
    stuck_s: float = Field(
        3600.0, gt=0, description="Seconds without any step after which a worker counts as stuck and is started again."
    )
    trash_days: int = Field(30, ge=0, description="Days after which trash is emptied; 0: never.")

    @field_validator("hosts", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        """Commas in an environment variable, a list in a file."""
        return (
            tuple(name.strip().lower() for name in value.split(",") if name.strip())
            if isinstance(value, str)
            else value
        )

    @model_validator(mode="after")
    def _not_open_to_all(self) -> Self:
        if not self.lan and self.host not in LOOPBACK:
            raise ValueError(
                f"host {self.host!r} can be reached from outside, where accounts are needed: add --lan, or keep 127.0.0.1"
            )
        return self

    @property
    def listen_at(self) -> str:
        """The address to bind: with `lan` and no other address, all of them."""
        return "0.0.0.0" if self.lan and self.host in LOOPBACK else self.host

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, data_folder() / "studio.toml")
