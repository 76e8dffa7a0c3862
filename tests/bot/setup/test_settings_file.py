"""A settings file is edited line by line, whole or not at all, and is its owner's alone."""

import os
import stat
import tomllib

import pytest

from bot.setup.answers import SetupAnswers
from bot.setup.settings_file import edit_toml, write_private
from configs.errors import SettingsError
from configs.reference import settings_toml
from configs.settings import CONFIG_FILE, load_settings, settings_file

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    for name in [name for name in os.environ if name.startswith("JOKEBOT_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "[telegram]\nadmins = [7]\n"),
        ("# a\n[joke]\n# b\n", "# a\n[joke]\n# b\n\n[telegram]\nadmins = [7]\n"),
        ("[telegram]\n# me\nmode = 'polling'", "[telegram]\n# me\nmode = 'polling'\nadmins = [7]\n"),
        ("[ telegram ]\nadmins=[1]\n[joke]\nadmins=2", "[ telegram ]\nadmins = [7]\n[joke]\nadmins=2\n"),
        ("[telegram]\nadmins = [\n 1, # x\n 2,\n]\nmode = 'a'", "[telegram]\nadmins = [7]\nmode = 'a'\n"),
        ('[telegram]\nadmins = """\n[joke]\n"""\n[joke]\n', "[telegram]\nadmins = [7]\n[joke]\n"),
    ],
)
def test_an_edit_changes_one_value_and_no_other_line(tmp_path, text, expected):
    assert edit_toml(tmp_path, text, {"telegram": {"admins": [7]}}) == expected


@pytest.mark.parametrize("text", ["telegram.admins = [1]\n", "telegram = { admins = [1] }\n"])
def test_a_file_of_an_unknown_form_is_refused_by_name(tmp_path, text):
    with pytest.raises(SettingsError, match=r"telegram\.admins in it by hand"):
        edit_toml(tmp_path / "jokebot.toml", text, {"telegram": {"admins": [7]}})


def test_odd_values_survive(tmp_path):
    values = {"telegram": {"proxy": 'http://u:p"\\\\\t笑@h:1', "admins": []}, "engine": {"in_flight": 3}}
    assert tomllib.loads(edit_toml(tmp_path, "", values)) == values


def test_a_file_is_replaced_in_one_step_through_a_link_and_nothing_else_is_left(tmp_path):
    (tmp_path / "etc").mkdir()
    (file := tmp_path / "etc" / "jokebot.toml").write_text("old")
    file.chmod(0o644)
    (link := tmp_path / "link.toml").symlink_to(file)
    write_private(link, "new")
    assert link.is_symlink() and file.read_text() == "new" and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "etc").iterdir()] == ["jokebot.toml"]
    with pytest.raises(SettingsError, match="can.t be written"):
        write_private(file / "below", "new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_roots_setup_gives_the_file_to_the_bots_user(tmp_path):
    os.chown(tmp_path, 1234, 1234)
    write_private(tmp_path / "jokebot.toml", "")
    assert (tmp_path / "jokebot.toml").stat().st_uid == 1234


def test_the_settings_are_setups_file_in_the_data_folder_unless_a_variable_names_one(tmp_path, monkeypatch):
    monkeypatch.setenv("JOKEBOT_STORAGE_DIRECTORY", str(tmp_path))
    assert settings_file() == CONFIG_FILE
    answers = SetupAnswers(tmp_path / "jokebot.toml")
    answers.set("telegram", "token", TOKEN)
    assert settings_file() == CONFIG_FILE, "a draft is no settings file"
    answers.write()
    assert settings_file() == tmp_path / "jokebot.toml"
    assert load_settings().telegram.token.get_secret_value() == TOKEN
    monkeypatch.setenv("JOKEBOT_CONFIG", str(CONFIG_FILE))
    assert settings_file() == CONFIG_FILE


def test_wrong_answers_are_not_recorded_and_a_variable_that_overrides_one_is_named(tmp_path, monkeypatch):
    answers = SetupAnswers(tmp_path / "jokebot.toml")
    with pytest.raises(SettingsError, match="telegram.admins"):
        answers.set("telegram", "admins", [-5])
    monkeypatch.setenv("JOKEBOT_ENGINE_KIND", "lmdeploy")
    with pytest.raises(SettingsError, match="JOKEBOT_ENGINE_KIND has another value"):
        answers.set("engine", "kind", "cpu")
    assert not answers.draft_path.exists()
    answers.set("engine", "kind", "lmdeploy")
    assert SetupAnswers(tmp_path / "jokebot.toml").known("engine", "kind") == "lmdeploy"


def test_an_edited_configs_file_is_the_beginning_of_the_new_one(tmp_path, monkeypatch):
    edited = tmp_path / "configs.toml"
    edited.write_text(settings_toml().replace("temperature = 0.8", "temperature = 0.7"))
    monkeypatch.setattr("bot.setup.answers.CONFIG_FILE", edited)
    answers = SetupAnswers(tmp_path / "jokebot.toml")
    answers.set("telegram", "admins", [42])
    answers.write()
    settings = load_settings(tmp_path / "jokebot.toml")
    assert settings.joke.temperature == 0.7 and settings.telegram.admins == [42]
