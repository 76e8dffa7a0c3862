"""Settings of operation: data, backups, alerts, Python environments, base model, metrics, admin pages, host, log."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from configs.base import ROOT, Count, Positive, SettingsSection


class StorageSettings(SettingsSection):
    """Where the bot keeps its data."""

    directory: Path = Field(
        Path("data"), description="Folder of the database, the photos, the datasets, the runs and the models."
    )
    busy_timeout_s: Positive = Field(10.0, description="Longest wait of a database write for another process's lock.")

    @property
    def database(self) -> Path:
        return self.directory / "jokebot.sqlite3"

    @property
    def photos(self) -> Path:
        return self.directory / "photos"

    @property
    def datasets(self) -> Path:
        return self.directory / "datasets"

    @property
    def runs(self) -> Path:
        return self.directory / "runs"

    @property
    def models(self) -> Path:
        return self.directory / "models"

    @property
    def judges(self) -> Path:
        return self.directory / "judges"


class BackupSettings(SettingsSection):
    """Copies of the database, the photos, the datasets and models, made while the bot runs."""

    every_h: float = Field(24.0, ge=0, description="Hours between two backups. 0 turns automatic backups off.")
    keep: Count = Field(
        7, description="Backups to keep. The bot deletes older ones, and with them data that users had erased since."
    )
    models: Literal["none", "serving", "all"] = Field(
        "serving",
        description=(
            "Models whose files are copied: `serving` (in service, on trial, next for rollback), `all` that the bot "
            "made, or `none`."
        ),
    )
    directory: Path | None = Field(
        None, description="Folder of the backups, preferably on another disk. Unset: `backups` in the data folder."
    )


class AlertSettings(SettingsSection):
    """Problems that the bot reports to admins, once when they begin and once when they end (docs/admins.md)."""

    engine_min: float = Field(
        5.0, ge=0, description="Minutes without an answer from the engine. 0 turns the alert off."
    )
    disk_gb: float = Field(
        5.0, ge=0, description="Least free disk for the data and the backups, 10⁹ bytes. 0 turns the alert off."
    )
    database_min: float = Field(
        1.0, ge=0, description="Minutes during which database writes fail. 0 turns the alert off."
    )
    gpu_min: float = Field(1.0, ge=0, description="Minutes during which a GPU is missing. 0 turns the alert off.")
    webhook_min: float = Field(
        10.0, ge=0, description="Minutes during which Telegram can't reach the webhook. 0 turns the alert off."
    )


class EnvironmentSettings(SettingsSection):
    """Python interpreters of the other environments (`make env-train`, `make env-serve`)."""

    train_python: Path = Field(
        Path(".venv/train/bin/python"),
        description=("Interpreter for training, merging and the CPU engine. Relative to the program's folder."),
    )
    serve_python: Path = Field(
        Path(".venv/serve/bin/python"),
        description=("Interpreter for LMDeploy on a GPU host. Relative to the program's folder."),
    )

    @field_validator("*")
    @classmethod
    def resolve_from_root(cls, path: Path) -> Path:
        return ROOT / path


class ModelSettings(SettingsSection):
    """The base model, which the bot starts from."""

    name: str = Field("base", description="Name in the registry.")
    directory: Path | None = Field(None, description="Checkpoint directory, if this host has one.")


class MetricsSettings(SettingsSection):
    """Metrics of the bot in the Prometheus text format."""

    listen: str = Field(
        "",
        description=(
            "host:port of /metrics and /health, for example 127.0.0.1:9464. Empty turns them off. They need no "
            "password."
        ),
    )


class PanelSettings(SettingsSection):
    """Admin pages of a running bot, shown by `jokebot sandbox`."""

    listen: str = Field(
        "",
        description=(
            "host:port on which the bot serves the data of the admin pages, for example 127.0.0.1:9465. Empty turns "
            "them off."
        ),
    )
    url: str = Field(
        "",
        description=(
            "Address at which `jokebot sandbox` finds the bot's data, for example http://127.0.0.1:9465. Empty "
            "hides the pages."
        ),
    )
    key: SecretStr = Field(
        SecretStr(""),
        description=(
            "Secret that the sandbox sends to the bot: any long text, the same for both. Prefer the variable "
            "JOKEBOT_PANEL_KEY."
        ),
    )


class HostSettings(SettingsSection):
    """The host that the bot runs on."""

    time_zone: str = Field(
        "",
        description=(
            "Time zone of schedules, daily limits, the weekly post and the log: a name of the IANA database, such as "
            "Asia/Shanghai. Empty: the variable TZ, else the host's."
        ),
    )


class LogSettings(SettingsSection):
    """The bot's log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged.")
    format: Literal["text", "json"] = Field(
        "text", description="`text` for readers, `json` for one JSON object per line."
    )
