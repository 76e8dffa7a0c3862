"""Preference pairs in the formats of TRL and ms-swift: what they hold, and that `datasets` loads them."""

import json

import pytest

from configs.blocklist import BlockList
from configs.settings import SelectionSettings
from storage.chat.consent import set_private
from storage.chat.flags import flag_joke
from storage.chat.jokes import NewJoke, add_joke
from storage.chat.ratings import record_rating
from tests.trainer.oogiri_rounds import play_round
from trainer.dataset.preference_files import PreferenceError, write_preferences
from trainer.dataset.preferences import read_preferences

SETTINGS = SelectionSettings(holdout_share=0.0001)
PROMPT = "Look at this picture and make a pun about it."


async def read(memory, blocked=(), **options):
    return await read_preferences(memory.database, SETTINGS, BlockList.read(blocked), **options)


async def duel(memory, first: int, second: int, choices: dict[int, str]) -> None:
    """A duel with the choices of a group's members."""
    async with memory.database.write() as connection:
        await connection.execute(
            "INSERT INTO runs (id, state, started_by, created_at) VALUES (1, 'canary', 'admin', 1)"
        )
        await connection.execute(
            "INSERT INTO trials (id, run_id, champion_id, candidate_id, began_at) VALUES (1, 1, ?1, ?1, 1)",
            (memory.model_id,),
        )
        await connection.execute(
            "INSERT INTO duels (id, trial_id, update_id, person_id, chat_id, first_model_id, joke_a, joke_b, "
            "after_delivery, created_at) VALUES (1, 1, 9, 1, -5, ?, ?, ?, 0, 1)",
            (memory.model_id, first, second),
        )
        await connection.executemany("INSERT INTO duel_choices VALUES (1, ?, ?, 2)", list(choices.items()))


async def test_only_users_who_compared_both_jokes_vote(memory):
    photo, other = await memory.photo(), await memory.photo()
    better, worse = await memory.rated("332-", photo, "Better"), await memory.rated("123-", photo, "Worse")
    unseen = await memory.rated("---1", photo, "Rated by another user")
    elsewhere = await memory.rated("1111", other, "About another photo")
    data = await read(memory)
    (pair,) = data.pairs
    assert (pair.chosen, pair.rejected, pair.prompt) == ("Better", "Worse", PROMPT)
    assert (pair.votes_chosen, pair.votes_rejected, pair.ties) == (2, 1, 0)
    assert pair.evidence == ("ratings",) and unseen and elsewhere and better and worse
    assert (await read(memory, min_votes=2)).excluded == {"not enough votes for one of them": 1}


async def test_choices_in_duels_are_votes(memory):
    photo = await memory.photo()
    first, second = await memory.joke(photo, "First"), await memory.joke(photo, "Second")
    await duel(memory, first, second, {1: "b", 2: "b", 3: "a", 4: "meh"})
    (pair,) = (await read(memory)).pairs
    assert (pair.chosen, pair.votes_chosen, pair.votes_rejected, pair.ties) == ("Second", 2, 1, 1)
    assert pair.evidence == ("duels",)


async def test_a_chosen_entry_of_a_round_is_preferred_to_those_that_were_not(memory):
    photo = await memory.photo()
    bot = await memory.joke(photo, "The bot's", prompt=PROMPT)
    entries = {901: "Ann's", 902: "Bob's"}
    votes = {31: [901], 32: [901, None], 901: [902]}
    jokes = await play_round(memory.database, photo, bot, entries, votes, 1, PROMPT)
    data = await read(memory)
    found = {(pair.chosen, pair.rejected): (pair.votes_chosen, pair.votes_rejected) for pair in data.pairs}
    assert found == {("Ann's", "The bot's"): (1, 0), ("Ann's", "Bob's"): (2, 0)}
    assert data.excluded == {"not enough votes for one of them": 1}, "the bot and Bob have one vote against the other"
    assert {pair.evidence for pair in data.pairs} == {("ballots",)} and len(jokes) == 3
    authors = {(pair.chosen_author, pair.rejected_author) for pair in data.pairs}
    assert authors == {("user", "model"), ("user", "user")}
    await set_private(memory.database, 901, True)
    assert {(pair.chosen, pair.rejected) for pair in (await read(memory)).pairs} == {("The bot's", "Bob's")}


async def test_what_may_not_be_learnt_or_passed_on_is_left_out(memory):
    photo = await memory.photo()
    await memory.rated("3", photo, "Better")
    await memory.rated("1", photo, "Worse")
    flagged = await memory.rated("2", photo, "Flagged")
    await flag_joke(memory.database, flagged, 2, most=None)
    await memory.rated("2", photo, "A deadpan one", style="deadpan")
    await memory.rated("2", photo, "哈", language="zh")
    await memory.rated("2", photo, "My boss", caption="Mr Smith, my boss")
    await memory.rated("2", photo, "a rude one")
    await memory.rated("2", photo, "BETTER!")
    data = await read(memory, ["rude"])
    assert {(pair.chosen, pair.rejected) for pair in data.pairs} == {("Better", "Worse"), ("BETTER!", "Worse")}
    assert set(data.excluded) == {
        "different languages",
        "different prompts",
        "a user's caption",
        "on the block list",
        "equal texts",
    }
    assert any(pair.rejected == "A deadpan one" for pair in (await read(memory, across_styles=True)).pairs)
    await set_private(memory.database, 1, True)
    assert (await read(memory)).pairs == ()


@pytest.fixture
async def pairs(memory):
    """Three photos with a joke and a user's punchline each."""
    for number in range(3):
        photo = await memory.photo()
        await memory.rated("11", photo, f"Model {number}")
        new = NewJoke(photo.id, None, 777_001, "en", "pun", None, PROMPT, f"User {number} 哈", 0, 0, 0, None, None, 0)
        joke = (await add_joke(memory.database, new)).id
        for rater in (1, 2):
            await record_rating(memory.database, joke, rater, 3)
    return await read(memory)


async def test_trls_trainer_gets_images_and_conversations_with_one_call(memory, pairs, tmp_path):
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "out" / "trl"
    assert write_preferences(pairs, memory.photos, folder, "trl") == {"train": 3, "test": 0}
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"), split="train")
    row = loaded[0]
    assert [picture.size for picture in row["images"]] == [(160, 120)]
    (question,) = row["prompt"]
    assert question["role"] == "user" and [part["type"] for part in question["content"]] == ["image", "text"]
    assert question["content"][1]["text"] == PROMPT
    assert row["chosen"][0]["role"] == "assistant" and row["chosen"][0]["content"][0]["text"].startswith("User")
    assert row["rejected"][0]["content"][0]["text"].startswith("Model")
    assert (row["chosen_author"], row["rejected_author"], row["votes_chosen"]) == ("user", "model", 2)


async def test_ms_swift_gets_messages_rejected_responses_and_paths_of_pictures(memory, pairs, tmp_path):
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "swift"
    write_preferences(pairs, memory.photos, folder, "swift")
    loaded = datasets.load_dataset(
        "json", data_files=str(folder / "train.jsonl"), cache_dir=str(tmp_path / "cache"), split="train"
    )
    row = loaded[0]
    assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
    assert row["messages"][0]["content"] == f"<image>{PROMPT}" and row["rejected_response"].startswith("Model")
    assert (folder / row["images"][0]).is_file()


async def test_nothing_in_the_folder_names_a_user_or_the_stored_picture(memory, pairs, tmp_path):
    for form in ("trl", "swift"):
        folder = tmp_path / form
        write_preferences(pairs, memory.photos, folder, form)
        hashes = [pair.photo.sha256 for pair in pairs.pairs]
        for file in folder.rglob("*"):
            assert not any(sha256 in file.name for sha256 in hashes)
            if file.suffix in (".jsonl", ".md"):
                text = file.read_text(encoding="utf-8")
                assert "777001" not in text and str(tmp_path) not in text and not any(name in text for name in hashes)
        rows = [json.loads(line) for line in next(folder.rglob("*.jsonl")).read_text().splitlines()]
        assert all(row["licence"] for row in rows) and "ask" in (folder / "README.md").read_text()


async def test_held_out_photos_are_the_test_part_and_no_folder_is_overwritten(memory, tmp_path):
    for number in range(12):
        photo = await memory.photo()
        await memory.rated("3", photo, f"Better {number}")
        await memory.rated("1", photo, f"Worse {number}")
    data = await read_preferences(memory.database, SelectionSettings(holdout_share=0.5), BlockList())
    counts = write_preferences(data, memory.photos, tmp_path / "out", "trl")
    held_out = await memory.database.value(
        "SELECT count(*) FROM grouped_photos JOIN photo_groups ON photo_groups.id = group_id WHERE side = 'holdout'"
    )
    assert counts == {"train": 12 - held_out, "test": held_out} and 0 < held_out < 12
    with pytest.raises(PreferenceError, match="exists"):
        write_preferences(data, memory.photos, tmp_path / "out", "trl")
    with pytest.raises(PreferenceError, match="no preferences"):
        write_preferences(type(data)((), {}), memory.photos, tmp_path / "none", "trl")
