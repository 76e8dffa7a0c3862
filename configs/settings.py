"""Typed settings: `configs/jokebot.toml`, overridden by `JOKEBOT_SECTION_NAME` variables.

Every section is a class below, every setting a field with its default and meaning. `JOKEBOT_CONFIG` names another TOML
file. Whatever is wrong ends as one SettingsError that names the setting.
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from configs.base import Count, Positive, SettingsSection, split_list
from configs.errors import SettingsError
from configs.learning import (
    CanarySettings,
    ChampionMonitorSettings,
    DuelSettings,
    GateSettings,
    RetrainSettings,
    SelectionSettings,
    TrainingSettings,
)
from configs.safety import RetentionSettings, SafetySettings
from configs.serving import EngineSettings, JokeSettings, LmdeploySettings, ServerSettings

ROOT = Path(__file__).resolve().parent.parent
CONFIG_FILE = ROOT / "configs" / "jokebot.toml"
PREFIX = "JOKEBOT_"


class TelegramSettings(SettingsSection):
    """Connection to Telegram or another Bot API server."""

    token: SecretStr = Field(
        SecretStr(""), description="Bot token from @BotFather. Prefer the variable JOKEBOT_TELEGRAM_TOKEN."
    )
    base_url: str = Field("https://api.telegram.org", description="Bot API server. `jokebot sandbox` is one too.")
    mode: Literal["polling", "webhook"] = Field("polling", description="How updates arrive.")
    poll_timeout_s: int = Field(30, ge=0, description="Longest wait of one getUpdates call, seconds.")
    webhook_url: str = Field("", description="Public https address that Telegram calls. Only for mode `webhook`.")
    webhook_listen: str = Field(
        "127.0.0.1:8081", description="host:port on which the webhook listens, behind a reverse proxy."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Secret that Telegram sends with each webhook call. Required in mode `webhook`."
    )
    admins: Annotated[list[int], BeforeValidator(split_list)] = Field(
        [], description="Telegram ids of the users who may give admin commands."
    )


class LimitSettings(SettingsSection):
    """Telegram's rate limits, and limits per user."""

    messages_per_s: Positive = Field(30.0, description="Calls that send or edit messages per second, over all chats.")
    chat_messages_per_s: Positive = Field(
        1.0, description="Calls that send or edit messages per second in one private chat."
    )
    group_messages_per_min: Positive = Field(
        20.0, description="Calls that send or edit messages per minute in one group."
    )
    sends_at_once: Count = Field(
        1, description="New messages sent to Telegram concurrently. A killed bot repeats at most this many."
    )
    edit_interval_s: Positive = Field(
        1.2, description="Shortest time between two edits of a joke that is being written."
    )
    photo_bytes: Count = Field(
        20_000_000, description="Largest photo that the bot downloads, bytes. Telegram's own limit is 20 MB."
    )
    photo_pixels: Count = Field(52_000_000, description="Largest photo that the bot decodes, width × height.")
    photo_memory_mb: Count = Field(320, description="Memory for decoding one photo, MB. Larger JPEGs are made smaller.")
    photo_cpu_s: Positive = Field(10.0, description="CPU time for decoding one photo, seconds.")
    decoders: Count = Field(2, description="Photos decoded concurrently, each in a process of its own.")
    photos_waiting_per_person: Count = Field(20, description="Photos that one user may have in the queue.")
    photos_waiting: Count = Field(2000, description="Photos of all users in the queue.")
    album_quiet_s: float = Field(
        2.0, ge=0, description="Seconds to wait for a caption after the newest photo of an album."
    )
    album_call_quiet_s: float = Field(
        15.0, ge=0, description="Seconds to wait in a group for an album photo that mentions the bot."
    )
    updates_in_work: Count = Field(256, description="Updates handled concurrently. Further updates wait in the inbox.")


class DigestSettings(SettingsSection):
    """The best jokes of the week, in chats that turned it on in /settings."""

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = Field("sun", description="Day of the post.")
    hour: int = Field(18, ge=0, le=23, description="Hour of the post, in the time zone of this machine.")
    photos: int = Field(3, ge=1, le=5, description="Most photos in one post.")
    rated: Count = Field(
        5, description="Rated jokes that a chat needs in a week. With fewer, the bot posts nothing there."
    )


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
    def from_root(cls, path: Path) -> Path:
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


class LogSettings(SettingsSection):
    """The bot's log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged.")
    format: Literal["text", "json"] = Field(
        "text", description="`text` for readers, `json` for one JSON object per line."
    )


class Settings(BaseSettings):
    """All settings. Get them from `load_settings`, once, at the start of a command."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        enable_decoding=False,
        extra="forbid",
        frozen=True,
    )

    telegram: TelegramSettings = TelegramSettings()
    limits: LimitSettings = LimitSettings()
    engine: EngineSettings = EngineSettings()
    lmdeploy: LmdeploySettings = LmdeploySettings()
    servers: ServerSettings = ServerSettings()
    joke: JokeSettings = JokeSettings()
    weekly: DigestSettings = DigestSettings()
    storage: StorageSettings = StorageSettings()
    backup: BackupSettings = BackupSettings()
    alerts: AlertSettings = AlertSettings()
    environments: EnvironmentSettings = EnvironmentSettings()
    model: ModelSettings = ModelSettings()
    selection: SelectionSettings = SelectionSettings()
    training: TrainingSettings = TrainingSettings()
    retrain: RetrainSettings = RetrainSettings()
    duel: DuelSettings = DuelSettings()
    watch: ChampionMonitorSettings = ChampionMonitorSettings()
    gate: GateSettings = GateSettings()
    canary: CanarySettings = CanarySettings()
    guard: SafetySettings = SafetySettings()
    retention: RetentionSettings = RetentionSettings()
    metrics: MetricsSettings = MetricsSettings()
    panel: PanelSettings = PanelSettings()
    log: LogSettings = LogSettings()

    @property
    def server_count(self) -> int:
        """Servers of the champion that the bot runs itself."""
        return self.servers.count or (self.lmdeploy.servers if self.engine.kind == "lmdeploy" else 1)

    @property
    def in_flight(self) -> int:
        """Requests at the engine at the same time: the setting, else what suits the kind."""
        return self.engine.in_flight or (32 * self.server_count if self.engine.kind == "lmdeploy" else 8)

    @property
    def backup_folder(self) -> Path:
        return self.backup.directory or self.storage.directory / "backups"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


def load_settings(path: Path | None = None) -> Settings:
    """Read the TOML file (`path`, else `JOKEBOT_CONFIG`, else `configs/jokebot.toml`) and the environment.

    Raises SettingsError, one line a mistake, for a file that can't be read, an unknown name or a wrong value.
    """
    path = path or Path(os.environ.get(f"{PREFIX}CONFIG", CONFIG_FILE))
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings file {path} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}.") from error
    refuse_unknown_variables()
    try:
        return Settings(**data)
    except ValidationError as error:
        raise SettingsError("\n".join(describe(mistake) for mistake in error.errors())) from None


def refuse_unknown_variables() -> None:
    """A mistyped section in a variable's name would otherwise pass unseen. Raises SettingsError."""
    for name in os.environ:
        if name.startswith(PREFIX) and name != f"{PREFIX}CONFIG":
            section = name.removeprefix(PREFIX).split("_")[0].lower()
            if section not in Settings.model_fields:
                raise SettingsError(
                    f"{name} is no setting: there is no section {section!r}. Sections: "
                    f"{', '.join(Settings.model_fields)}."
                )


def describe(mistake: Any) -> str:
    name = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        return f"{name} is no setting of Jokebot; see configs/jokebot.toml for those there are."
    variable = PREFIX + "_".join(str(part) for part in mistake["loc"][:2]).upper()
    shown = "" if "token" in name or "secret" in name or "key" in name else f" (got {mistake['input']!r})"
    return f"{name} (or {variable}) is wrong: {mistake['msg']}{shown}."
