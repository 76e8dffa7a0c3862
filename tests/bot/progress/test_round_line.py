"""The lines of /stats and the weekly digest about rounds of Oogiri, and the numbers on the admin pages."""

import time

import pytest

from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from bot.panel.history import read_history
from bot.progress.round_line import RoundLine
from storage.chat import rounds
from storage.chat.jokes import NewJoke, add_joke
from storage.database import Database
from storage.learning.models import register_base
from storage.media.photos import add_photo, check_photo
from tests.bot.conftest import make_picture

ANN, BOB, EVE, GROUP = 11, 12, 13, -100


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()


async def play(database, tmp_path, model, number, bot_votes, user_votes, chat=GROUP):
    """A finished round of a model's entry and Bob's, with so many votes of others for each."""
    checked = check_photo(make_picture((300 + number, 200)), max_bytes=10**6, max_pixels=10**6)
    photo = await add_photo(database, tmp_path / "photos", checked, ANN)

    async def joke(model_id, author, text):
        return (
            await add_joke(
                database, NewJoke(photo.id, model_id, author, "en", "pun", None, "?", text, 0, 0, 0, 1, 1, 0)
            )
        ).id

    bots, bobs = await joke(model, ANN, "the bot's"), await joke(None, BOB, "Bob's")
    begun = await rounds.begin_round(database, chat, ANN, bots, number, 0.0)
    await rounds.add_entry(database, begun.id, bobs, BOB)
    await rounds.change_state(database, begun.id, "collecting", "closing")
    await rounds.number_entries(database, begun.id)
    await rounds.open_ballot(database, begun.id, number, 0.0)
    places = {entry.joke_id: entry.position for entry in await rounds.list_entries(database, begun.id)}
    voters = iter(range(1000 * number, 1000 * number + 100))
    for entry, votes in ((bots, bot_votes), (bobs, user_votes)):
        for _ in range(votes):
            await rounds.vote(database, begun.id, places[entry], next(voters))
    await rounds.change_state(database, begun.id, "voting", "over")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_few_rounds_give_no_number_and_more_give_an_interval_by_model(database, tmp_path, language):
    translator = Translator()
    line = RoundLine(database, translator)
    assert await line.text(language) == "" == await line.weekly(GROUP, language)
    old, new = [(await register_base(database, name, None)).id for name in ("old-one", "new-one")]
    for number in range(1, 5):
        await play(database, tmp_path, old, number, number % 2, 1 - number % 2)
    few = await line.text(language)
    assert few == translator.format(language, "stats-rounds-few", rounds=4, needed=5) and "%" not in few
    assert "4" in await line.weekly(GROUP, language) and await line.weekly(-7, language) == ""
    for number in range(5, 9):
        await play(database, tmp_path, old, number, number % 2, 1 - number % 2)
    await play(database, tmp_path, new, 9, 1, 0)
    told = (await line.text(language)).splitlines()
    assert (
        "56%" in told[0]
        and "old-one 50%" in told[1]
        and translator.format(language, "stats-rounds-model-few", model="new-one", rounds=1) in told[1]
    )
    assert "56%" in await line.weekly(GROUP, language)
    assert await line.weekly(GROUP, language, time.time() + 8 * 86400) == ""
    localize = Localizer(translator, language)
    people = {model["name"]: model["people"] for model in (await read_history(database, localize))["models"]}
    assert people["new-one"] == {"liked": None, "counted": localize("panel-beats-few", rounds=1)}
    assert people["old-one"]["liked"] == 0.5 and people["old-one"]["low"] < 0.5 < people["old-one"]["high"]
