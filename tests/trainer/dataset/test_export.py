"""Export from ratings to a dataset: selected jokes, form of the rows, entries of the manifest."""

import json
from dataclasses import replace

import pytest

from configs.blocklist import BlockList
from configs.prompts import load_prompts
from configs.settings import SelectionSettings
from storage.chat.candidates import UnshownCandidate, insert_candidates
from storage.learning import datasets
from storage.learning.dataset_files import content_name, read_dataset
from storage.learning.splits import SIDES
from storage.media.photos import photo_path
from tests.bot.judges import judge_that_likes
from trainer.dataset.check import check_dataset
from trainer.dataset.export import NothingToLearnError
from trainer.dataset.preview import preview_retraining
from trainer.selection.holdout_split import update_split

ALL_TRAIN = {"holdout_share": 1e-9}


def jokes_in(exported, part="train"):
    """Joke ids of a part, in order."""
    return [entry["joke"] for entry in exported.manifest["rows"] if entry["part"] == part]


async def test_a_one_person_bot_learns_from_sixty_photos(memory):
    for number in range(60):
        await memory.rated("321"[number % 3])
    exported = await memory.exporter().export()
    contents = read_dataset(exported.directory)
    assert 10 <= len(contents.train) <= 20
    assert {entry["ratings"][0]["value"] for entry in exported.manifest["rows"] if entry["part"] == "train"} == {3}
    assert exported.manifest["person_share_lifted"] and "Fewer than 5 people" in exported.manifest["note"]
    assert check_dataset(exported.directory, memory.budget) == []


async def test_a_person_who_presses_nothing_but_laughter_is_learnt_from(memory):
    for _ in range(30):
        await memory.rated("3")
    assert len(jokes_in(await memory.exporter(**ALL_TRAIN).export())) == 30


async def test_rows_have_xtuners_form_and_the_prompt_of_their_joke(memory):
    caption = 'Bob says "hi" <image> 在海边'
    joke = await memory.rated("33", text=" Ein Witz \n", language="zh", style="absurd", caption=caption)
    await memory.rated("11")
    exported = await memory.exporter(**ALL_TRAIN).export()
    (row,), (entry,) = json.loads((exported.directory / "train.json").read_text()), exported.manifest["rows"]
    prompt = load_prompts().ask("zh", "absurd", caption)
    image = row["image"]
    assert row == {
        "id": f"joke-{joke}",
        "image": image,
        "image_wh": [160, 120],
        "length": row["length"],
        "weight": pytest.approx((2 * entry["posterior"] - 1) ** 2, abs=1e-3),
        "conversations": [{"from": "human", "value": f"<image>\n{prompt}"}, {"from": "gpt", "value": "Ein Witz"}],
    }
    assert "在海边" in prompt and row["length"] > 16
    assert image == f"images/{entry['photo']}.jpg" and entry["prompt_as_today"]
    assert entry["model"] == {"id": memory.model_id, "name": "base"}
    assert [rating["value"] for rating in entry["ratings"]] == [3, 3]
    assert exported.manifest["selection"]["minimum_posterior"] == 0.6
    assert exported.directory.name == exported.manifest["name"] == content_name(exported.manifest)


async def test_what_the_recogniser_saw_is_in_the_row_and_in_its_entry(memory):
    for seen in ("otter", "", None):
        await memory.rated("33", language="en", style="pun", seen=seen)
    exported = await memory.exporter(**ALL_TRAIN).export()
    rows, entries = read_dataset(exported.directory).train, exported.manifest["rows"]
    prompts = {entry.get("seen"): row["conversations"][0]["value"] for row, entry in zip(rows, entries, strict=True)}
    assert prompts == {seen: f"<image>\n{load_prompts().ask('en', 'pun', seen=seen)}" for seen in ("otter", "", None)}
    assert all(entry["prompt_as_today"] for entry in entries)


async def test_a_joke_keeps_the_prompt_it_was_asked_with_after_prompts_change(memory):
    await memory.rated("3", prompt="An older prompt", style="gone")
    await memory.rated("1")
    exported = await memory.exporter(**ALL_TRAIN).export()
    assert read_dataset(exported.directory).train[0]["conversations"][0]["value"] == "<image>\nAn older prompt"
    assert [entry["prompt_as_today"] for entry in exported.manifest["rows"]] == [False]


async def test_pictures_are_those_of_the_jokes(memory):
    photos = {await memory.rated("3", photo=photo): photo for photo in [await memory.photo() for _ in range(5)]}
    await memory.rated("1")
    exported = await memory.exporter(**ALL_TRAIN).export()
    rows = {row["id"]: row for row in read_dataset(exported.directory).train}
    for joke, photo in photos.items():
        stored = photo_path(memory.photos, photo).read_bytes()
        assert (exported.directory / rows[f"joke-{joke}"]["image"]).read_bytes() == stored
    assert len(list((exported.directory / "images").iterdir())) == 5


async def test_held_out_photos_keep_liked_and_disliked_jokes_and_never_train(memory):
    for _ in range(40):
        photo = await memory.photo()
        await memory.rated("3", photo=photo)
        await memory.rated("1", photo=photo)
    exported = await memory.exporter(holdout_share=0.3).export()
    split = await update_split(memory.database, share=0.3, near_bits=6)
    held_out = set(split.photo_ids[split.sides == SIDES.index("holdout")].tolist())
    rows = await memory.database.rows("SELECT id, photo_id FROM jokes")
    expected = sorted(row["id"] for row in rows if row["photo_id"] in held_out)
    assert len(expected) >= 8 and sorted(jokes_in(exported, "holdout")) == expected
    assert not set(jokes_in(exported)) & set(expected)
    values = [entry["ratings"][0]["value"] for entry in exported.manifest["rows"] if entry["part"] == "holdout"]
    assert values.count(3) == values.count(1)


async def test_the_same_content_has_the_same_name_and_is_not_written_twice(memory):
    for verdict in "3131":
        await memory.rated(verdict)
    first, second = await memory.exporter(**ALL_TRAIN).export(), await memory.exporter(**ALL_TRAIN).export()
    assert first.directory == second.directory and second.known and not first.known
    await memory.rated("3")
    third = await memory.exporter(**ALL_TRAIN).export()
    assert third.directory != first.directory and first.directory.is_dir()


async def test_a_run_gets_what_is_new_since_the_model_in_service_and_a_sample_of_the_old(memory):
    old = [await memory.rated("3") for _ in range(8)]
    await memory.rated("1")
    first = await memory.exporter(**ALL_TRAIN).export()
    await datasets.mark_dataset(memory.database, first.directory.name, "trained")
    again = await memory.exporter(**ALL_TRAIN).export()
    assert again.directory == first.directory, "a model that did not enter service has taught nothing"
    await datasets.mark_dataset(memory.database, first.directory.name, "learnt")
    with pytest.raises(NothingToLearnError, match="Nothing new to learn"):
        await memory.exporter(**ALL_TRAIN).export()
    new = [await memory.rated("3") for _ in range(4)]
    second = await memory.exporter(**ALL_TRAIN, replay_per_new=0.5).export()
    assert set(jokes_in(second)[:4]) == set(new) and second.manifest["origins"] == {
        "new": 4,
        "replayed": 2,
        "imported": 0,
    }
    assert len(set(jokes_in(second))) == 6 and set(jokes_in(second)[4:]) <= set(old)


async def test_replay_leaves_room_for_the_new(memory):
    for _ in range(6):
        await memory.rated("3")
    await memory.rated("1")
    first = await memory.exporter(**ALL_TRAIN).export()
    await datasets.mark_dataset(memory.database, first.directory.name, "learnt")
    for _ in range(6):
        await memory.rated("3")
    second = await memory.exporter(**ALL_TRAIN, max_rows=4, replay_per_new=1).export()
    assert second.manifest["origins"] == {"new": 2, "replayed": 2, "imported": 0}


async def test_nobody_decides_more_than_a_fifth_once_five_have_rated(memory):
    for _ in range(30):
        await memory.rated("3")
    for person in range(2, 7):
        for _ in range(4):
            await memory.rated("-" * (person - 1) + "3", person=person)
    for person in range(1, 7):
        await memory.rated("-" * (person - 1) + "1", person=person)
    exported = await memory.exporter(**ALL_TRAIN, weigh_raters=False).export()
    assert not exported.manifest["person_share_lifted"]
    decided = [rater for entry in exported.manifest["rows"] for rater in entry["decided_by"]]
    rows = exported.manifest["counts"]["train"]
    assert rows >= 20 and max(decided.count(rater) for rater in set(decided)) <= 0.2 * rows
    assert exported.manifest["not_chosen"]["enough decided by one person"] >= 20


async def test_few_jokes_of_a_photo(memory):
    photo = await memory.photo()
    for verdict in "3333111111":
        await memory.rated(verdict, photo=photo)
    assert len(jokes_in(await memory.exporter(**ALL_TRAIN, max_jokes_per_photo=3).export())) == 3


async def test_few_jokes_of_near_duplicates_together(memory):
    """The same picture in another size is another file, but no other picture."""
    for size in ((160, 120), (320, 240), (240, 180)):
        photo = await memory.photo(seed=1, size=size)
        for verdict in "3311":
            await memory.rated(verdict, photo=photo)
    exporter = memory.exporter(**ALL_TRAIN, max_jokes_per_photo=2, max_jokes_per_group=3)
    exported = await exporter.export()
    assert len(jokes_in(exported)) == 3 and len({entry["photo"] for entry in exported.manifest["rows"]}) >= 2


async def test_the_same_joke_about_the_same_photo_comes_once(memory):
    photo = await memory.photo()
    for text in ("Same joke", "same  joke"):
        await memory.rated("3", photo=photo, text=text)
    await memory.rated("1")
    exported = await memory.exporter(**ALL_TRAIN).export()
    assert len(jokes_in(exported)) == 1 and exported.manifest["not_written"] == {"it repeats another row": 1}


async def test_a_text_that_is_liked_everywhere_comes_a_few_times_only(memory):
    for number in range(9):
        await memory.rated("3", text=["Same joke!", "same joke", "SAME  JOKE 😂"][number % 3])
    await memory.rated("3", text="Another joke")
    await memory.rated("1")
    exported = await memory.exporter(**ALL_TRAIN, max_jokes_per_text=2).export()
    assert len(jokes_in(exported)) == 3 and exported.manifest["not_chosen"]["enough of its text"] == 7
    seen = await preview_retraining(memory.database, SelectionSettings(**ALL_TRAIN, max_jokes_per_text=2), BlockList())
    assert seen.new == 3 and seen.left_out == {"enough of its text": 7}


async def test_the_surer_a_joke_is_better_the_more_its_row_weighs(memory):
    sure, unsure = await memory.rated("333"), await memory.rated("332")
    for _ in range(4):
        await memory.rated("111")
    exported = await memory.exporter(**ALL_TRAIN).export()
    weights = {row["id"]: row["weight"] for row in read_dataset(exported.directory).train}
    assert 1 >= weights[f"joke-{sure}"] > weights[f"joke-{unsure}"] > 0


async def test_a_judge_makes_the_rows_heavier_that_are_like_what_users_like(memory):
    liked, other = [
        [await memory.rated("32", text=text.format(number)) for number in range(16)]
        for text in ("Number {0} of the pirates ate cake {0} twice", "Number {0} of the plumbers ate pie {0} twice")
    ]
    for number in range(8):
        await memory.rated("11", text=f"Number {number} of the plumbers ate pie {number} once")
    plain = read_dataset((await memory.exporter(**ALL_TRAIN).export()).directory).train
    judge = judge_that_likes("pirates").judge
    judged = read_dataset((await replace(memory.exporter(**ALL_TRAIN), judge=judge).export()).directory).train
    before, after = ({row["id"]: row["weight"] for row in rows} for rows in (plain, judged))
    assert len(before) == 32 and before.keys() == after.keys()
    assert len({before[f"joke-{joke}"] for joke in (*liked, *other)}) == 1
    assert min(after[f"joke-{joke}"] for joke in liked) > max(after[f"joke-{joke}"] for joke in other)


async def test_old_ratings_do_not_count(memory):
    await memory.rated("3")
    await memory.rated("1")
    async with memory.database.write() as connection:
        await connection.execute("UPDATE ratings SET updated_at = updated_at - 40 * 86400")
    with pytest.raises(NothingToLearnError, match="nobody has rated"):
        await memory.exporter(max_age_days=30).export()


@pytest.mark.parametrize(
    ("settings", "chosen"),
    [({}, 2), ({"min_raters": 3}, 1), ({"min_posterior": 0.9}, 1), ({"min_mean": 3}, 2)],
)
async def test_thresholds_are_settings(memory, settings, chosen):
    await memory.rated("3")
    await memory.rated("3333")
    for _ in range(4):
        await memory.rated("1111")
    assert len(jokes_in(await memory.exporter(**ALL_TRAIN, **settings).export())) == chosen


async def test_nothing_at_all_is_said_plainly(memory):
    with pytest.raises(NothingToLearnError, match="nobody has rated a joke"):
        await memory.exporter().export()
    await memory.rated("1")
    with pytest.raises(NothingToLearnError, match="1 not liked enough"):
        await memory.exporter(**ALL_TRAIN).export()
    assert [path.name for path in memory.folder.iterdir()] == [".lock"]


async def test_candidates_that_were_not_shown_are_in_the_manifest_and_in_no_row(memory):
    joke = await memory.rated("33", text="Shown")
    await memory.rated("11")
    async with memory.database.write() as connection:
        await insert_candidates(connection, joke, [UnshownCandidate("Hidden one"), UnshownCandidate("Hidden two")])
    exported = await memory.exporter(**ALL_TRAIN).export()
    (entry,) = exported.manifest["rows"]
    assert entry["not_shown"] == ["Hidden one", "Hidden two"]
    assert "Hidden" not in (exported.directory / "train.json").read_text()
    assert check_dataset(exported.directory, memory.budget) == []
