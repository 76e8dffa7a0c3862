"""The model of a setup. A large one on a CPU gets settings with which its jokes come; the admin's own stay."""

import asyncio
from pathlib import Path

import pytest

from bot.setup.answers import SetupAnswers
from bot.setup.model_step import SLOW_CPU_SETTINGS, ModelCommands, ModelStep
from bot.setup.terminal import SetupError, SetupTerminal
from configs.errors import JokebotError
from configs.settings import StorageSettings
from storage.database import Database
from storage.learning.models import register_base
from storage.learning.promotion import promote
from tests.official_models import official_config, write_layout


class RegistryCommands:
    """Commands that register directories in a database as `jokebot models` does, without a process."""

    def __init__(self, storage: StorageSettings) -> None:
        self._storage, self.promoted = storage, []

    def commands(self, code: int = 0) -> ModelCommands:
        return ModelCommands(
            fetch=lambda name, source, agree: code,
            add=lambda directory, agree: asyncio.run(self._add(directory)),
            promote=lambda name: asyncio.run(self._promote(name)),
            download_directory=lambda name: self._storage.directory / name if name == "InternVL2-2B" else None,
        )

    async def _add(self, directory: Path) -> int:
        async with Database.connect(self._storage) as database:
            await register_base(database, directory.name, str(directory), "0" * 64, "{}", "internlm2-chat", None)
        return 0

    async def _promote(self, name: str) -> int:
        async with Database.connect(self._storage) as database:
            model = (await database_models(database))[name]
            await promote(database, model, "admin", reason="tested")
        self.promoted.append(name)
        return 0


async def database_models(database: Database) -> dict[str, int]:
    from storage.learning.models import all_models

    return {model.name: model.id for model in await all_models(database)}


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetupAnswers:
    monkeypatch.setenv("JOKEBOT_STORAGE_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.delenv("JOKEBOT_CONFIG", raising=False)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "jokebot.toml").write_text("[joke]\nmax_tokens = 99\n")
    return SetupAnswers(tmp_path / "data" / "jokebot.toml")


@pytest.fixture
def terminal() -> SetupTerminal:
    return SetupTerminal("en", interactive=False, agree=True)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    return write_layout(tmp_path / "InternVL2-2B", official_config("InternVL2-2B"))


def test_a_2b_model_on_a_cpu_gets_longer_limits_except_where_the_admin_has_chosen(answers, terminal, large, capsys):
    registry = RegistryCommands(answers.settings().storage)
    ModelStep(terminal, answers, registry.commands(), "cpu").run(str(large), None)
    answers.write()
    settings = answers.settings()
    values = {(section, name): getattr(getattr(settings, section), name) for section, name, _ in SLOW_CPU_SETTINGS}
    wanted = {(section, name): value for section, name, value in SLOW_CPU_SETTINGS}
    assert values == {**wanted, ("joke", "max_tokens"): 99}
    assert "engine.total_timeout_s" in capsys.readouterr().out


def test_a_directory_that_cannot_be_used_is_replaced(answers, terminal, large, tmp_path):
    registry = RegistryCommands(answers.settings().storage)
    answers.set("model", "directory", str(tmp_path / "mistyped"))
    ModelStep(terminal, answers, registry.commands(), "lmdeploy").run(str(large), None)
    assert answers.known("model", "directory") == str(large) and registry.promoted == []


def test_a_model_on_a_gpu_needs_no_settings(answers, terminal, large):
    registry = RegistryCommands(answers.settings().storage)
    ModelStep(terminal, answers, registry.commands(), "lmdeploy").run(str(large), None)
    assert answers.changes() == {} and registry.promoted == []


def test_another_model_takes_the_place_of_the_one_in_service(answers, terminal, large, tmp_path):
    registry = RegistryCommands(answers.settings().storage)
    second = write_layout(tmp_path / "second", official_config("InternVL2_5-2B"))
    ModelStep(terminal, answers, registry.commands(), "lmdeploy").run(str(large), None)
    ModelStep(terminal, answers, registry.commands(), "lmdeploy").run(str(second), None)
    assert registry.promoted == ["second"]


def test_a_failed_fetch_a_wrong_directory_and_no_model_end_with_one_line(answers, terminal, tmp_path, capsys):
    commands = RegistryCommands(answers.settings().storage).commands(code=1)
    for kind, given, words in (
        ("cpu", "InternVL2-2B", "isn't registered"),
        ("lmdeploy", str(tmp_path / "nowhere"), "There is no directory"),
    ):
        with pytest.raises(JokebotError, match=words):
            ModelStep(terminal, answers, commands, kind).run(given, None)
    assert "about 30 s on two cores" in capsys.readouterr().out, "told before the fetch"
    with pytest.raises(SetupError, match="Give --model MODEL"):
        ModelStep(terminal, answers, commands, "lmdeploy").run(None, None)
