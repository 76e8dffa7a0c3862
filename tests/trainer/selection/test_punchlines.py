"""Users' punchlines compete with models' jokes on one scale, and no author fills a dataset."""

import json

import numpy as np

from storage.chat.jokes import NewJoke, add_joke
from storage.chat.ratings import record_rating
from trainer.selection.empirical_bayes import PRIOR_DEGREES, remove_kind_mean

AUTHOR = 7


async def punchline(memory, photo, verdicts: str, text: str, author: int = AUTHOR) -> int:
    """A user's joke with verdicts of users 1, 2, …"""
    new = NewJoke(photo.id, None, author, "en", "pun", None, "Ask", text, 0, 0, 0, None, None, 0)
    joke = (await add_joke(memory.database, new)).id
    for rater, verdict in enumerate(verdicts, 1):
        await record_rating(memory.database, joke, rater, int(verdict))
    return joke


def test_a_kinds_mean_is_no_merit_and_a_few_ratings_say_little_about_it():
    rng = np.random.default_rng(0)
    kind = np.repeat([True, False], 2000)
    value = rng.choice([0, 0.5, 1], 4000) + 0.2 * kind
    centred = remove_kind_mean(value, np.ones(4000), kind)
    assert abs(centred[kind].mean() - value[~kind].mean()) < 0.01
    assert np.array_equal(centred[~kind], value[~kind])
    few = np.zeros(4000, bool)
    few[0] = True
    shift = value[0] - remove_kind_mean(value, np.ones(4000), few)[0]
    assert np.isclose(shift, (value[0] - value[1:].mean()) / (1 + PRIOR_DEGREES))
    assert np.array_equal(remove_kind_mean(value, np.ones(4000), np.ones(4000, bool)), value)


async def test_a_punchline_becomes_a_row_whose_manifest_names_its_kind_and_not_its_author(memory):
    photo = await memory.photo()
    await memory.rated("1111", photo, "the model's")
    liked = await punchline(memory, photo, "3333", "hers")
    exported = await memory.exporter(holdout_share=0.001).export()
    (entry,) = [entry for entry in exported.manifest["rows"] if entry["part"] == "train"]
    assert (entry["joke"], entry["author"], entry["model"]) == (liked, "user", None)
    (row,) = json.loads((exported.directory / "train.json").read_text())
    assert row["conversations"][0]["value"] == "<image>\nAsk" and row["conversations"][1]["value"] == "hers"
    assert "person_id" not in (exported.directory / "manifest.json").read_text()


async def test_an_author_has_one_row_a_photo_and_no_more_rows_than_the_settings_allow(memory):
    for number in range(4):
        photo = await memory.photo()
        await memory.rated("1111", photo, f"the model's {number}")
        for again in range(2):
            await punchline(memory, photo, "3333", f"his {number} {again}")
        await punchline(memory, photo, "3333", f"hers {number}", author=8)
    exported = await memory.exporter(holdout_share=0.001, max_jokes_per_author=3).export()
    texts = [row["conversations"][1]["value"] for row in json.loads((exported.directory / "train.json").read_text())]
    his = [text for text in texts if text.startswith("his")]
    assert len(his) == len({text.split()[1] for text in his}) == 3
    assert len([text for text in texts if text.startswith("hers")]) == 3
    assert exported.manifest["not_chosen"]["enough by its author"] >= 2
