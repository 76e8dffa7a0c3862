"""Typed settings: a TOML file, overridden by `JOKEBOT_SECTION_NAME` variables.

Each section is a class of `configs/`, each setting a field with its default and its meaning. `settings_file` says which
file is read. An unknown name or a wrong value raises SettingsError, which names the setting.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from configs.base import ROOT
from configs.chat import AccessSettings, DigestSettings, LimitSettings, TelegramSettings
from configs.errors import SettingsError
from configs.gpu import GpuSelection
from configs.judge import JudgeSettings
from configs.learning import GateSettings, RetrainSettings, SelectionSettings, TrainingSettings
from configs.operation import (
    AlertSettings,
    BackupSettings,
    EnvironmentSettings,
    HostSettings,
    LogSettings,
    MetricsSettings,
    ModelSettings,
    PanelSettings,
    StorageSettings,
)
from configs.safety import RetentionSettings, SafetySettings
from configs.serving import EngineSettings, JokeSettings, LmdeploySettings, ServerSettings
from configs.trials import CanarySettings, ChampionMonitorSettings, DuelSettings

CONFIG_FILE = ROOT / "configs" / "jokebot.toml"
"""All settings with their defaults. An admin may edit it; `jokebot setup` writes another file."""
SETUP_FILE = "jokebot.toml"
"""Name of the file in the data folder that `jokebot setup` writes."""
PREFIX = "JOKEBOT_"


class Settings(BaseSettings):
    """All settings. Each command gets them once, from `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        enable_decoding=False,
        extra="forbid",
        frozen=True,
    )

    telegram: TelegramSettings = TelegramSettings()
    access: AccessSettings = AccessSettings()
    limits: LimitSettings = LimitSettings()
    engine: EngineSettings = EngineSettings()
    lmdeploy: LmdeploySettings = LmdeploySettings()
    servers: ServerSettings = ServerSettings()
    joke: JokeSettings = JokeSettings()
    digest: DigestSettings = DigestSettings()
    storage: StorageSettings = StorageSettings()
    backup: BackupSettings = BackupSettings()
    alerts: AlertSettings = AlertSettings()
    environments: EnvironmentSettings = EnvironmentSettings()
    model: ModelSettings = ModelSettings()
    selection: SelectionSettings = SelectionSettings()
    training: TrainingSettings = TrainingSettings()
    retrain: RetrainSettings = RetrainSettings()
    judge: JudgeSettings = JudgeSettings()
    duel: DuelSettings = DuelSettings()
    champion_monitor: ChampionMonitorSettings = ChampionMonitorSettings()
    gate: GateSettings = GateSettings()
    canary: CanarySettings = CanarySettings()
    safety: SafetySettings = SafetySettings()
    retention: RetentionSettings = RetentionSettings()
    metrics: MetricsSettings = MetricsSettings()
    panel: PanelSettings = PanelSettings()
    host: HostSettings = HostSettings()
    log: LogSettings = LogSettings()

    @property
    def server_count(self) -> int:
        """Servers of the champion that the bot runs itself."""
        lmdeploy = self.lmdeploy
        default = lmdeploy.servers * max(1, len(lmdeploy.gpu_ids)) if self.engine.kind == "lmdeploy" else 1
        return self.servers.count or default

    @property
    def serving_gpus(self) -> GpuSelection:
        """The GPUs among which the bot divides its servers; none where a single GPU needs no choice.

        With more than one server the driver is asked for the host's GPUs if no setting or variable names them.
        """
        if self.engine.kind != "lmdeploy" or (self.server_count == 1 and not self.lmdeploy.gpu_ids):
            return GpuSelection(())
        gpus = GpuSelection.of(self.lmdeploy.gpu_ids)
        return gpus if self.lmdeploy.gpu_ids or len(gpus.ids) > 1 else GpuSelection(())

    @property
    def reuses_photos(self) -> bool:
        """Whether a server of the bot answers faster for a photo that it has seen."""
        return self.engine.kind == "lmdeploy" and self.lmdeploy.prefix_cache and self.lmdeploy.preprocess == "gpu"

    @property
    def in_flight(self) -> int:
        """Concurrent requests to the engine: the setting, else a default by engine kind."""
        return self.engine.in_flight or (32 * self.server_count if self.engine.kind == "lmdeploy" else 8)

    @property
    def candidates(self) -> int:
        """Candidates of a joke: the setting, else a default by engine kind."""
        return (2 if self.engine.kind == "cpu" else 4) if self.joke.candidates == "auto" else self.joke.candidates

    @property
    def candidate_capacity(self) -> int:
        """Requests to the engine up to which photos get several candidates.

        A CPU engine answers one request after another, so there a photo that is alone on a server gets them.
        """
        return self.candidates * self.server_count if self.engine.kind == "cpu" else self.in_flight

    @property
    def may_serve_base(self) -> bool:
        """Whether the base may be served beside the champion."""
        if self.servers.serve_base != "auto":
            return self.servers.serve_base == "yes"
        return self.engine.kind == "url" or (self.engine.kind == "lmdeploy" and self.servers.allow_extra_server)

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


def setup_file() -> Path:
    """The file that `jokebot setup` writes: `JOKEBOT_CONFIG`, else `jokebot.toml` in the data folder."""
    if named := os.environ.get(f"{PREFIX}CONFIG"):
        return Path(named)
    folder = os.environ.get(f"{PREFIX}STORAGE_DIRECTORY") or StorageSettings().directory
    return Path(folder) / SETUP_FILE


def settings_file() -> Path:
    """The file with the settings: `JOKEBOT_CONFIG`, else setup's in the data folder, else `configs/jokebot.toml`."""
    file = setup_file()
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return file if os.environ.get(f"{PREFIX}CONFIG") else CONFIG_FILE
    except OSError:
        pass  # reading it fails with a message
    return file


def load_settings(path: Path | None = None) -> Settings:
    """Read the TOML file (`path`, else `settings_file`) and the environment.

    Raises SettingsError, with one line per problem, if the file can't be read, a name is unknown or a value is wrong.
    """
    path = path or settings_file()
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"The settings file {path} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}.") from error
    return parse_settings(data)


def parse_settings(data: dict[str, Any]) -> Settings:
    """The settings of a TOML file's content and the environment. Raises SettingsError, with one line per problem."""
    reject_unknown_sections()
    try:
        return Settings(**data)
    except ValidationError as error:
        raise SettingsError("\n".join(describe(problem) for problem in error.errors())) from None


def reject_unknown_sections() -> None:
    """Raises SettingsError for a variable whose section is unknown; pydantic-settings would ignore it."""
    prefixes = tuple(f"{PREFIX}{section}_".upper() for section in Settings.model_fields)
    for name in os.environ:
        if name.startswith(PREFIX) and name != f"{PREFIX}CONFIG" and not name.startswith(prefixes):
            section = name.removeprefix(PREFIX).split("_")[0].lower()
            raise SettingsError(
                f"{name} is no setting: there is no section {section!r}. Sections: {', '.join(Settings.model_fields)}."
            )


def describe(problem: Any) -> str:
    """A line about one entry of pydantic's `ValidationError.errors()`. Secrets are left out."""
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{name} is no setting of Jokebot; configs/jokebot.toml lists all settings."
    variable = PREFIX + "_".join(str(part) for part in problem["loc"][:2]).upper()
    value = "" if any(word in name for word in ("token", "secret", "key", "proxy")) else f" (got {problem['input']!r})"
    return f"{name} (or {variable}) is wrong: {problem['msg']}{value}."
