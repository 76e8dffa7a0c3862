"""Settings come from the file and the environment; a wrong one is one clear line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from configs.errors import SettingsError
from configs.settings import CONFIG_FILE, Settings, load_settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in list(os.environ):
        if name.startswith("JOKEBOT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def settings_file(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "jokebot.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def mistake(path: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    text = str(caught.value)
    assert "\n" not in text and text.endswith("."), text
    return text


def test_a_file_changes_what_it_names_and_nothing_else(settings_file):
    settings = load_settings(settings_file("[engine]\nin_flight = 3\n"))
    assert (settings.engine.in_flight, settings.engine.attempts) == (3, 4)


def test_a_variable_wins_over_the_file(settings_file, monkeypatch):
    path = settings_file("[engine]\nin_flight = 3\nattempts = 2\n")
    monkeypatch.setenv("JOKEBOT_ENGINE_IN_FLIGHT", "5")
    settings = load_settings(path)
    assert (settings.engine.in_flight, settings.engine.attempts) == (5, 2)


def test_a_variable_of_a_section_of_two_words(monkeypatch):
    monkeypatch.setenv("JOKEBOT_CHAMPION_MONITOR_RATINGS", "9")
    assert load_settings(CONFIG_FILE).champion_monitor.ratings == 9


@pytest.mark.parametrize(
    ("value", "admins"),
    [("12", [12]), ("12,13", [12, 13]), ("[12, 13]", [12, 13]), ("12 13", [12, 13]), ("[]", []), ("", [])],
)
def test_a_list_in_a_variable_needs_no_ceremony(monkeypatch, value, admins):
    monkeypatch.setenv("JOKEBOT_TELEGRAM_ADMINS", value)
    assert load_settings(CONFIG_FILE).telegram.admins == admins


def test_another_file_can_be_named(settings_file, monkeypatch):
    monkeypatch.setenv("JOKEBOT_CONFIG", str(settings_file("[joke]\nlanguage = 'zh'\n")))
    assert load_settings().joke.language == "zh"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[engine]\nin_flight = 0\n", ("engine.in_flight", "JOKEBOT_ENGINE_IN_FLIGHT", "0")),
        ("[engine]\nin_flight = 'many'\n", ("engine.in_flight", "many")),
        ("[joke]\ntop_p = 1.5\n", ("joke.top_p", "1.5")),
        ("[telegram]\nmode = 'pigeon'\n", ("telegram.mode", "pigeon", "polling")),
        ("[engine]\nmax_tiles = 41\n", ("engine.max_tiles", "41")),
        ("[engine]\nin_fligth = 3\n", ("engine.in_fligth", "no setting")),
        ("[motor]\nurl = 'x'\n", ("motor", "no setting")),
        ("[guard]\nblocked = ['damn']\n", ("guard", "no setting")),
        ("[servers]\nextra = false\n", ("servers.extra", "no setting")),
        ("[engine]\ncanary_by = 'photo'\n", ("engine.canary_by", "no setting")),
        ("[joke]\nalbum_mode = 'one'\n", ("joke.album_mode", "one", "per_album")),
        ("engine = 3\n", ("engine",)),
        ("[engine\n", ("not valid TOML",)),
        ("[limits]\nphoto_pixels = -5\n", ("limits.photo_pixels", "-5")),
        ("[storage]\nbusy_timeout_s = nan\n", ("storage.busy_timeout_s",)),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_it(settings_file, text, words):
    said = mistake(settings_file(text))
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("JOKEBOT_ENGINE_IN_FLIGHT", "lots", "engine.in_flight"),
        ("JOKEBOT_ENGIN_URL", "http://x", "JOKEBOT_ENGIN_URL"),
        ("JOKEBOT_TELEGRAM_ADMINS", "12 me", "admins"),
        ("JOKEBOT_LIMITS_NONSENSE", "1", "nonsense"),
        ("JOKEBOT_WATCH_RATINGS", "9", "JOKEBOT_WATCH_RATINGS"),
        ("JOKEBOT_CHAMPION_RATINGS", "9", "JOKEBOT_CHAMPION_RATINGS"),
        ("JOKEBOT_CHAMPION_MONITOR_RATINGS", "lots", "champion_monitor.ratings"),
        ("JOKEBOT_CANARY_EARLY_SHARE", "0.2", "canary.early_share"),
    ],
)
def test_a_mistake_in_a_variable_is_one_line_that_names_it(monkeypatch, name, value, word):
    monkeypatch.setenv(name, value)
    assert word.lower() in mistake(CONFIG_FILE).lower()


@pytest.mark.parametrize(
    ("engine", "tiles"),
    [({}, 12), ({"kind": "lmdeploy"}, 12), ({"kind": "cpu"}, 1), ({"kind": "cpu", "max_tiles": 6}, 6)],
)
def test_a_photo_is_one_tile_on_a_cpu_unless_the_setting_says_otherwise(engine, tiles):
    assert Settings(engine=engine).engine.max_tiles == tiles


@pytest.mark.parametrize(
    ("launcher", "what"),
    [("train {host}", "{host} is no placeholder"), ("sbatch --wrap", "{run}"), ("bash 'x {run}", "quotation")],
)
def test_a_mistake_in_the_launcher_is_one_line_that_names_it(settings_file, launcher, what):
    said = mistake(settings_file(f'[training]\nlauncher = "{launcher}"\n'))
    assert "training.launcher" in said and what in said and len(said.splitlines()) == 1


def test_several_mistakes_are_a_line_each(settings_file):
    with pytest.raises(SettingsError) as caught:
        load_settings(settings_file("[engine]\nin_flight = 0\nattempts = 0\n"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_is_not_there_is_told(tmp_path, monkeypatch):
    assert "can't be read" in mistake(tmp_path / "missing.toml")
    monkeypatch.setenv("JOKEBOT_CONFIG", str(tmp_path / "missing.toml"))
    assert "missing.toml" in mistake()
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    assert "not valid TOML" in mistake(tmp_path / "bytes.toml")


@pytest.mark.parametrize(
    "name", ["JOKEBOT_TELEGRAM_TOKEN", "JOKEBOT_ENGINE_API_KEY", "JOKEBOT_TELEGRAM_WEBHOOK_SECRET"]
)
def test_secrets_are_never_shown(monkeypatch, name):
    monkeypatch.setenv(name, "very-secret-word")
    settings = load_settings(CONFIG_FILE)
    assert (
        "very-secret-word"
        not in repr(settings) + str(settings) + str(settings.model_dump()) + settings.model_dump_json()
    )


def test_a_wrong_secret_is_told_without_its_value(settings_file):
    assert "4711" not in mistake(settings_file("[telegram]\ntoken = 4711\n"))


def test_settings_can_not_be_changed_later():
    settings = load_settings(CONFIG_FILE)
    with pytest.raises(ValueError, match="frozen"):
        settings.engine.in_flight = 9


def test_the_command_line_says_the_same_line(settings_file):
    path = settings_file("[engine]\nin_flight = 0\n")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "joke", "x.jpg"],
        env={**os.environ, "JOKEBOT_CONFIG": str(path)},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert (
        done.returncode == 2
        and done.stderr.startswith("jokebot: engine.in_flight")
        and len(done.stderr.splitlines()) == 1
    )


def test_an_lmdeploy_host_gets_as_many_requests_as_its_servers_can_work_on():
    assert Settings().in_flight == 8 and Settings(engine={"in_flight": 3, "kind": "lmdeploy"}).in_flight == 3
    assert Settings(engine={"kind": "lmdeploy"}, lmdeploy={"servers": 3}).in_flight == 96


@pytest.mark.parametrize(
    ("section", "renamed"),
    [
        ("selection", {"minimum_raters", "minimum_posterior", "minimum_mean", "person_share", "person_share_from"}),
        ("selection", {"jokes_per_photo", "jokes_per_group"}),
        ("training", {"recompute", "features_gb"}),
        ("gate", {"replies", "wrong_language", "likelihood_drift", "copying", "batch"}),
    ],
)
def test_stored_files_keep_the_names_of_renamed_settings(section, renamed):
    values = getattr(Settings(), section)
    stored = values.stored()
    assert renamed <= stored.keys() and len(stored) == len(type(values).model_fields)
    assert type(values)(**type(values).field_values(stored)) == values


@pytest.mark.parametrize("number", [0, -5, 1087968824, 136817688, 777000, 2**52, 2**63, 10**30])
def test_an_id_that_is_nobodys_own_is_refused(monkeypatch, number):
    monkeypatch.setenv("JOKEBOT_TELEGRAM_ADMINS", str(number))
    with pytest.raises(SettingsError, match="JOKEBOT_TELEGRAM_ADMINS"):
        load_settings(CONFIG_FILE)
