"""Every language says everything, with the same blanks, and never falls back unseen."""

from functools import partial
from typing import get_args

import pytest

from bot.engine.errors import Kind
from bot.handlers.command_menu import ADMIN_COMMANDS, COMMANDS
from bot.handlers.fallback import KINDS
from bot.i18n.translator import FALLBACK, LOCALES, Translator
from configs.prompts import load_prompts
from storage.media.image_check import Reason
from tests.fluent_messages import fluent_messages

WORDS = Translator()
messages = partial(fluent_messages, LOCALES)
OTHERS = [language for language in WORDS.languages if language != FALLBACK]


def test_every_language_that_jokes_are_made_in_has_words():
    assert set(load_prompts().languages) <= set(WORDS.languages)


@pytest.mark.parametrize("language", OTHERS)
def test_languages_have_the_same_messages_with_the_same_variables(language):
    here, reference = messages(language), messages(FALLBACK)
    assert here.keys() == reference.keys()
    plurals_only = {"limit"}  # a language without plurals may not need a number twice
    assert {name for name in here if here[name] - plurals_only != reference[name] - plurals_only} == set()


@pytest.mark.parametrize("language", WORDS.languages)
def test_every_reason_and_every_command_has_words_of_its_own(language):
    there = messages(language).keys()
    wanted = {f"photo-{reason}" for reason in get_args(Reason)} | {f"engine-{kind}" for kind in get_args(Kind)}
    wanted |= {f"command-{name}" for name in (*COMMANDS, *ADMIN_COMMANDS)} | {
        f"not-a-photo-{kind}" for kind in KINDS.values()
    }
    assert wanted <= there
    values = {"megabytes": 20, "megapixels": 50}
    said = [WORDS.format(language, name, **values) for name in sorted(wanted)]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("language", WORDS.languages)
def test_admins_help_names_every_command_of_theirs(language):
    said = WORDS.format(language, "help-admin", bot="jokebot", album="per_photo")
    assert [name for name in ADMIN_COMMANDS if f"/{name}" not in said] == []


@pytest.mark.parametrize("language", WORDS.languages)
def test_help_tells_of_an_albums_numbers_where_there_are_some(language):
    each, one = (
        WORDS.format(language, "help", bot="jokebot", album=album).splitlines() for album in ("per_photo", "per_album")
    )
    told = [line for line in one if line not in each]
    assert len(told) == 1 and told[0].startswith("🖼 2  ") and [line for line in one if line not in told] == each


@pytest.mark.parametrize(
    ("code", "language"),
    [("zh-hans", "zh"), ("zh_TW", "zh"), ("ZH", "zh"), ("en-GB", "en"), ("de", "en"), ("", "en"), (None, "en")],
)
def test_the_language_follows_telegrams_code(code, language):
    assert WORDS.language(code) == language


def test_a_default_language_is_spoken_with_everybody_whose_own_is_missing():
    assert Translator(default="zh").language("de") == "zh"
    assert Translator(default="fr").language("de") == FALLBACK


def test_plurals_and_numbers_follow_the_language():
    assert "1 photo," in WORDS.format("en", "stats", **numbers(1))
    assert "1,234 photos," in WORDS.format("en", "stats", **numbers(1234))
    assert "还没打过分" in WORDS.format("zh", "stats", **numbers(0))


def numbers(count: int) -> dict[str, int]:
    names = ("photos", "jokes", "ratings", "liking")
    return dict.fromkeys((*names, *(f"all-{name}" for name in names)), count)


def test_a_missing_message_or_variable_is_an_error():
    with pytest.raises(KeyError):
        WORDS.format("en", "no-such-message")
    with pytest.raises(KeyError):
        WORDS.format("en", "place")


def test_a_language_that_lacks_a_message_borrows_it(tmp_path):
    (tmp_path / "en.ftl").write_text("start = Hello\nhelp = Help\n")
    (tmp_path / "fr.ftl").write_text("start = Bonjour\n")
    words = Translator(tmp_path)
    assert (words.format("fr", "start"), words.format("fr", "help")) == ("Bonjour", "Help")
