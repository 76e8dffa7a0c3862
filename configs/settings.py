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

from configs.errors import SettingsError
from configs.guarding import Guard, Retention
from configs.learning import Canary, Duel, Gate, Retrain, Selection, Training, Watch
from configs.section import Count, Positive, Section, split_list
from configs.serving import Engine, Joke, Lmdeploy, Servers

ROOT = Path(__file__).resolve().parent.parent
CONFIG_FILE = ROOT / "configs" / "jokebot.toml"
PREFIX = "JOKEBOT_"


class Telegram(Section):
    """How the bot reaches Telegram, or a server that speaks its Bot API."""

    token: SecretStr = Field(SecretStr(""), description="The bot's token from @BotFather. Better set as JOKEBOT_TELEGRAM_TOKEN.")
    base_url: str = Field("https://api.telegram.org", description="The Bot API server; `jokebot sandbox` is one too.")
    mode: Literal["polling", "webhook"] = Field("polling", description="How updates arrive.")
    poll_timeout_s: int = Field(30, ge=0, description="How long one getUpdates call may wait, seconds.")
    webhook_url: str = Field("", description="The public https address that Telegram calls, for mode `webhook`.")
    webhook_listen: str = Field("127.0.0.1:8081", description="host:port the webhook listens on, behind a reverse proxy.")
    webhook_secret: SecretStr = Field(SecretStr(""), description="Telegram sends it back with each call; required for webhooks.")
    admins: Annotated[list[int], BeforeValidator(split_list)] = Field([], description="Telegram ids of the people who may give admin commands.")


class Limits(Section):
    """What Telegram allows, and what one person may ask."""

    messages_per_s: Positive = Field(30.0, description="Calls that send or edit, over all chats, per second.")
    chat_messages_per_s: Positive = Field(1.0, description="The same within one private chat.")
    group_messages_per_min: Positive = Field(20.0, description="The same within one group, per minute.")
    sends_at_once: Count = Field(1, description="New messages on their way to Telegram at the same time. A kill repeats as many at most.")
    edit_interval_s: Positive = Field(1.2, description="Shortest time between two edits of a joke while it is written.")
    photo_bytes: Count = Field(20_000_000, description="Largest photo that is fetched; Telegram's own limit is 20 MB.")
    photo_pixels: Count = Field(50_000_000, description="Largest photo that is decoded, width times height.")
    photos_waiting_per_person: Count = Field(20, description="Photos one person may have in the queue.")
    photos_waiting: Count = Field(2000, description="Photos in the queue over all people.")
    album_quiet_s: float = Field(2.0, ge=0, description="How long after an album's newest photo its others wait for a caption, seconds.")
    album_call_quiet_s: float = Field(15.0, ge=0, description="In groups: how long they wait, unnoticed, for one that calls the bot.")
    updates_in_work: Count = Field(256, description="Updates handled at the same time; the rest wait in the inbox.")


class Weekly(Section):
    """The best of the week, in chats that have turned it on with /settings."""

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = Field("sun", description="The day on which it is posted.")
    hour: int = Field(18, ge=0, le=23, description="The hour, in this machine's time.")
    photos: int = Field(3, ge=1, le=5, description="Most photos in it.")
    rated: Count = Field(5, description="Jokes of the week that must have been rated in a chat; with fewer nothing is posted there.")


class Storage(Section):
    """Where everything is kept."""

    directory: Path = Field(Path("data"), description="Folder of the database, the photos and all that is made from them.")
    busy_timeout_s: Positive = Field(10.0, description="How long a write waits for another process's lock.")

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


class Backup(Section):
    """Copies of the database, the photos and the datasets, made while the bot works."""

    every_h: float = Field(24.0, ge=0, description="Hours between two; 0 makes none by itself.")
    keep: Count = Field(7, description="Backups kept; older ones are removed, and what people had forgotten since goes with them.")
    models: Literal["none", "serving", "all"] = Field("serving", description=(
        "Models whose files are in them: those in service, on trial and next to go back to; all that the bot made; or none."))
    directory: Path | None = Field(None, description="Their folder, better on another disk; unset takes `backups` in the data folder.")


class Alerts(Section):
    """What admins are told of in the chat, once each, and again when it is over (docs/admins.md)."""

    engine_min: float = Field(5.0, ge=0, description="Minutes for which the engine doesn't answer; 0 tells nothing of it.")
    disk_gb: float = Field(5.0, ge=0, description="Free disk, 10⁹ bytes, that is too little for the data or the backups; 0 tells nothing of it.")
    database_min: float = Field(1.0, ge=0, description="Minutes for which the database can't be written; 0 tells nothing of it.")
    gpu_min: float = Field(1.0, ge=0, description="Minutes for which a graphics card is missing that was there; 0 tells nothing of it.")
    webhook_min: float = Field(10.0, ge=0, description="Minutes for which Telegram can't reach the webhook; 0 tells nothing of it.")


class Environments(Section):
    """Interpreters of the other environments (`make env-train`, `make env-serve`)."""

    train_python: Path = Field(Path(".venv/train/bin/python"), description="Runs training, merging and the CPU engine. Relative to the program's folder.")
    serve_python: Path = Field(Path(".venv/serve/bin/python"), description="Runs LMDeploy on a GPU host. Relative to the program's folder.")

    @field_validator("*")
    @classmethod
    def from_root(cls, path: Path) -> Path:
        return ROOT / path


class Model(Section):
    """The model the bot starts from, before it has learnt anything."""

    name: str = Field("base", description="Its name in the registry.")
    directory: Path | None = Field(None, description="Its checkpoint directory, where this host has it.")


class Metrics(Section):
    """Figures about the bot for a monitor, in Prometheus' format."""

    listen: str = Field("", description="host:port that answers /metrics and /health, 127.0.0.1:9464 say; empty turns them off. They ask for no password.")


class Panel(Section):
    """The admin pages: what `jokebot sandbox` shows an admin of a running bot."""

    listen: str = Field("", description="host:port where the bot answers the sandbox's admin pages, 127.0.0.1:9465 say; empty turns them off.")
    url: str = Field("", description="Where `jokebot sandbox` finds them, http://127.0.0.1:9465 say; empty leaves them out.")
    key: SecretStr = Field(SecretStr(""), description="What the sandbox shows the bot; any long text, the same for both. Better set as JOKEBOT_PANEL_KEY.")


class Log(Section):
    """What is written about the bot's work."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is written.")
    format: Literal["text", "json"] = Field("text", description="Lines for people, or one JSON object a line for programs.")


class Settings(BaseSettings):
    """All settings. Get them from `load_settings`, once, at the start of a command."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="_", env_nested_max_split=1,
                                      enable_decoding=False, extra="forbid", frozen=True)

    telegram: Telegram = Telegram()
    limits: Limits = Limits()
    engine: Engine = Engine()
    lmdeploy: Lmdeploy = Lmdeploy()
    servers: Servers = Servers()
    joke: Joke = Joke()
    weekly: Weekly = Weekly()
    storage: Storage = Storage()
    backup: Backup = Backup()
    alerts: Alerts = Alerts()
    environments: Environments = Environments()
    model: Model = Model()
    selection: Selection = Selection()
    training: Training = Training()
    retrain: Retrain = Retrain()
    duel: Duel = Duel()
    watch: Watch = Watch()
    gate: Gate = Gate()
    canary: Canary = Canary()
    guard: Guard = Guard()
    retention: Retention = Retention()
    metrics: Metrics = Metrics()
    panel: Panel = Panel()
    log: Log = Log()

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
    def settings_customise_sources(cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
                                   env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
                                   file_secret_settings: PydanticBaseSettingsSource) -> tuple[PydanticBaseSettingsSource, ...]:
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
                raise SettingsError(f"{name} is no setting: there is no section {section!r}. Sections: {', '.join(Settings.model_fields)}.")


def describe(mistake: Any) -> str:
    name = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        return f"{name} is no setting of Jokebot; see configs/jokebot.toml for those there are."
    variable = PREFIX + "_".join(str(part) for part in mistake["loc"][:2]).upper()
    shown = "" if "token" in name or "secret" in name or "key" in name else f" (got {mistake['input']!r})"
    return f"{name} (or {variable}) is wrong: {mistake['msg']}{shown}."
