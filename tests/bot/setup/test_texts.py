"""The setup's texts: the same in each language, each of them used, and chosen by the locale."""

import re
from functools import partial

import pytest

from bot.setup.terminal import LOCALES, SetupTerminal, locale_language
from tests.fluent_messages import fluent_messages

CODE = LOCALES.parent
messages = partial(fluent_messages, LOCALES)


def test_both_languages_have_the_same_texts_with_the_same_variables():
    assert messages("en") == messages("zh")


def test_each_text_is_used_and_each_used_text_exists():
    source = "\n".join(file.read_text(encoding="utf-8") for file in [*CODE.glob("*.py"), CODE.parent / "cli/setup.py"])
    quoted = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', source))
    shown = set(re.findall(r'(?:show|text|ask|ask_secret|confirm)\(\s*"([a-z-]+)"', source))
    assert set(messages("en")) - quoted == set() and shown - set(messages("en")) == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_text_can_be_formatted(language):
    terminal = SetupTerminal(language, interactive=False, agree=False)
    for name, variables in messages(language).items():
        said = terminal.text(name, **dict.fromkeys(variables, "7"))
        assert said and "{" not in said and "\u2068" not in said
    assert "and 12.3 GB" in SetupTerminal("en", interactive=False, agree=False).text(
        "cpu-is-slow", cores=2, gb="12.3", known=1
    )


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_the_locales(variables, language):
    assert locale_language(variables) == language
