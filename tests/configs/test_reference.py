"""The committed settings file says what the code does."""

from configs.reference import settings_toml
from configs.settings import CONFIG_FILE, Settings, load_settings


def test_the_settings_file_is_what_the_code_would_write():
    assert CONFIG_FILE.read_text(encoding="utf-8") == settings_toml(), "run `python -m configs.reference`"


def test_the_settings_file_sets_the_defaults(monkeypatch):
    monkeypatch.delenv("JOKEBOT_CONFIG", raising=False)
    assert load_settings(CONFIG_FILE) == Settings()
