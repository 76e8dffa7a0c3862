"""Users' punchlines: drafts and consent, the day's limit, correction, withdrawal, and what they don't count in."""

import time

import pytest

from storage.chat import punchlines
from storage.chat.best import list_best_jokes, list_latest_jokes
from storage.chat.consent import set_private
from storage.chat.daily_history import list_days, list_model_likes
from storage.chat.jokes import NewJoke, add_delivery, get_joke, list_shown_styles
from storage.chat.metrics import count_ratings_by_model
from storage.chat.punchlines import PunchlineRequest
from storage.chat.ratings import get_counts, record_rating
from storage.chat.stats import get_overall_stats, get_user_stats
from storage.chat.weekly_digest import list_most_liked
from storage.judge.observations import SignalKind
from storage.judge.reactions import read_observations
from storage.learning.base_comparison import compare_with_base
from storage.learning.review_queue import get_next_item, set_review_queue
from storage.learning.trial_evidence import list_rated_jokes, list_shown_jokes, read_pace

ANN, BOB, EVE, GROUP = 11, 12, 13, -100
LONG_AGO = time.time() - 10 * 86400


def new(photo_id: int, author: int, text: str = "Hats off", **changes) -> NewJoke:
    values = {"language": "en", "style": "pun", "caption": None, "prompt": "Ask"} | changes
    return NewJoke(
        photo_id,
        None,
        author,
        text=text,
        temperature=0,
        top_p=0,
        max_tokens=0,
        prompt_tokens=None,
        completion_tokens=None,
        latency_s=0,
        **values,
    )


@pytest.fixture
async def told(database, memory):
    """A photo of Ann's with a joke of the model in a group."""
    photo = await memory.photo(ANN)
    joke = await memory.joke(photo, ANN)
    await add_delivery(database, joke, GROUP, 500)
    return photo, joke


@pytest.fixture
async def answered(database, told):
    """Bob's punchline for it, shown in the group."""
    photo, joke = told
    draft = await punchlines.add_punchline(database, BOB, GROUP, 501, joke, "Hats off", per_day=5)
    stored, _ = await punchlines.publish_punchline(database, draft.id, new(photo.id, BOB))
    await add_delivery(database, stored.id, GROUP, 502)
    return stored


async def test_a_draft_becomes_one_joke_however_often_it_is_published(database, told):
    photo, joke = told
    draft = await punchlines.add_punchline(database, BOB, GROUP, 501, joke, "Hats off", per_day=1)
    assert draft.draft == "Hats off" and draft.joke_id is None
    assert await punchlines.add_punchline(database, BOB, GROUP, 501, joke, "Hats off", per_day=1) == draft
    first, is_new = await punchlines.publish_punchline(database, draft.id, new(photo.id, BOB))
    again, is_new_again = await punchlines.publish_punchline(database, draft.id, new(photo.id, BOB))
    assert (is_new, is_new_again) == (True, False) and first == again and first.author_id == BOB
    stored = await punchlines.get_punchline_of_message(database, GROUP, 501)
    assert stored.joke_id == first.id and stored.draft is None


async def test_a_day_has_a_limit_that_withdrawing_does_not_lift(database, told, answered):
    _, joke = told
    assert await punchlines.withdraw_punchline(database, answered.id, BOB)
    assert await punchlines.add_punchline(database, BOB, GROUP, 510, joke, "Two", per_day=1) is None
    assert await punchlines.add_punchline(database, EVE, GROUP, 511, joke, "Hers", per_day=1)
    async with database.write() as connection:
        await connection.execute("UPDATE punchlines SET created_at = created_at - 90000 WHERE person_id = ?", (BOB,))
    assert await punchlines.count_today(database, BOB) == 0
    assert await punchlines.add_punchline(database, BOB, GROUP, 512, joke, "Tomorrow", per_day=1)


async def test_a_correction_replaces_the_text_and_its_ratings(database, told, answered):
    await record_rating(database, answered.id, EVE, 3)
    punchline = await punchlines.get_punchline_of_message(database, GROUP, 501)
    await punchlines.correct_punchline(database, punchline, new(1, BOB, "换一句", language="zh", style="neutral"))
    joke = await get_joke(database, answered.id)
    assert (joke.text, joke.language, joke.style) == ("换一句", "zh", "neutral")
    assert (await get_counts(database, joke.id)).total == 0


async def test_only_its_author_withdraws_a_punchline_and_no_model_is_tainted(database, memory, told, answered):
    photo, joke = told
    await record_rating(database, answered.id, EVE, 3)
    await memory.dataset({answered.id: photo}, [(answered.id, EVE)])
    assert not await punchlines.withdraw_punchline(database, answered.id, EVE)
    assert not await punchlines.withdraw_punchline(database, joke, ANN), "no user may withdraw a model's joke"
    assert await punchlines.withdraw_punchline(database, answered.id, BOB)
    assert await get_joke(database, answered.id) is None
    row = await database.row("SELECT joke_id, aged FROM dataset_rows")
    assert tuple(row) == (None, 1)
    await memory.forget(BOB)
    assert await database.value("SELECT count(*) FROM dataset_rows WHERE aged") == 0, "/forget still finds it"


async def test_the_joke_in_a_message_is_found_in_deliveries_and_duels(database, told, answered):
    _, joke = told
    assert await punchlines.find_shown_joke(database, GROUP, 500) == joke
    assert await punchlines.find_shown_joke(database, GROUP, 502) == answered.id
    assert await punchlines.find_shown_joke(database, GROUP, 999) is None


async def test_a_new_request_replaces_the_users_earlier_one_in_the_chat(database, told):
    _, joke = told
    assert await punchlines.add_request(database, PunchlineRequest(GROUP, 600, BOB, joke)) == []
    assert await punchlines.add_request(database, PunchlineRequest(GROUP, 601, EVE, joke)) == []
    assert await punchlines.add_request(database, PunchlineRequest(GROUP, 602, BOB, joke)) == [600]
    assert await punchlines.get_request(database, GROUP, 600) is None
    assert (await punchlines.get_request(database, GROUP, 602)).person_id == BOB
    assert await punchlines.delete_requests(database, BOB, GROUP) == [602]


async def test_statistics_count_punchlines_apart_from_jokes(database, told, answered):
    await record_rating(database, answered.id, EVE, 3)
    ours, bobs = await get_overall_stats(database), await get_user_stats(database, BOB)
    assert (ours.jokes, ours.punchlines) == (1, 1) and (bobs.jokes, bobs.punchlines) == (0, 1)
    (day,) = [day for day in await list_days(database) if day.jokes]
    assert day.jokes == 1
    best, mine = (
        await list_best_jokes(database, GROUP, minimum=1, limit=5),
        await list_latest_jokes(database, BOB, chat_id=GROUP, limit=5),
    )
    assert [(joke.text, joke.author_id) for joke in (*best, *mine)] == 2 * [("Hats off", BOB)]
    count, liked = await list_most_liked(database, GROUP, LONG_AGO, time.time() + 1, minimum=1)
    assert count == 1 and liked[0].author_id == BOB
    await set_private(database, BOB, True)
    assert await list_most_liked(database, GROUP, LONG_AGO, time.time() + 1, minimum=1) == (0, [])


async def test_punchlines_enter_no_comparison_of_models(database, memory, told, answered):
    photo, joke = told
    await record_rating(database, answered.id, EVE, 3)
    models, now = (memory.model, memory.model), time.time()
    assert await list_rated_jokes(database, models, 0) == []
    assert [shown.again for shown in await list_shown_jokes(database, models, 0)] == [False, False]
    assert (await read_pace(database, 0, now)).ratings == 0
    assert await list_model_likes(database, 5) == [] and await count_ratings_by_model(database) == {}
    assert (await compare_with_base(database, memory.model, memory.model)).present == []
    assert await list_shown_styles(database, photo.id, GROUP, "en") == ["pun"]
    await record_rating(database, joke, EVE, 1)
    assert [rated.liked for rated in await list_rated_jokes(database, models, 0)] == [False]


async def test_a_judge_learns_from_them_apart_from_models_and_not_that_their_authors_wanted_another(
    database, told, answered
):
    await record_rating(database, answered.id, EVE, 3)
    found = await read_observations(database, 100)
    ratings = found.select(found.kind == SignalKind.RATING)
    assert [found.jokes.texts[joke] for joke in ratings.joke] == ["Hats off"]
    assert [found.jokes.styles[joke] for joke in ratings.joke] == ["pun by users"]
    assert len(ratings.chosen_at_random()) == 0, "whether a judge ranks well is measured on models' jokes"
    assert not (found.kind == SignalKind.ANOTHER).any()
    silent = found.select(found.kind == SignalKind.SILENCE)
    assert (found.jokes.texts.index("Hats off"), BOB) not in zip(silent.joke, silent.user, strict=True)


async def test_a_punchline_is_reviewed_like_a_joke(database, answered):
    await set_review_queue(database, [answered.id])
    item = await get_next_item(database)
    assert (item.text, item.model, item.left) == ("Hats off", None, 1)


async def test_forgetting_takes_punchlines_drafts_and_consent(database, memory, told, answered):
    _, joke = told
    await punchlines.add_punchline(database, BOB, GROUP, 520, joke, "A draft of Bob's", per_day=9)
    await punchlines.add_request(database, PunchlineRequest(GROUP, 600, BOB, joke))
    await punchlines.record_consent(database, BOB)
    assert await punchlines.has_consented(database, BOB)
    await memory.forget(BOB)
    assert await get_joke(database, answered.id) is None and await get_joke(database, joke)
    for table in ("punchlines", "punchline_requests", "punchline_authors"):
        assert await database.value(f"SELECT count(*) FROM {table}") == 0
    assert b"A draft of Bob" not in database.path.read_bytes()
