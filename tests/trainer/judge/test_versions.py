"""A new version from a real database."""

import numpy as np
import pytest

from configs.settings import JudgeSettings
from storage.chat.jokes import add_delivery
from storage.chat.ratings import record_rating
from storage.judge import registry
from storage.judge.scorer import Judge
from storage.maintenance.forget_person import forget_user
from tests.judge_texts import LIKED, OPENINGS, made_text
from trainer.judge import versions


@pytest.fixture
async def rated(memory):
    """Sixty photos with three jokes each, rated by two users in their private chats."""
    rng = np.random.default_rng(0)
    for number in range(60):
        person = 1 + number % 2
        photo = await memory.photo(person)
        for opening in rng.choice(len(OPENINGS), 3, replace=False).tolist():
            joke = await memory.joke(photo, made_text(rng, opening), person)
            await add_delivery(memory.database, joke, person, joke)
            liked = rng.random() < LIKED[opening]
            await record_rating(memory.database, joke, person, int(rng.integers(2, 4)) if liked else 1)
    return memory


async def test_a_version_is_fitted_written_and_served(rated):
    folder = rated.root / "judges"
    record = await versions.fit_new_version(rated.database, folder, JudgeSettings())
    judge = Judge.load(registry.judge_file(folder, record.digest))
    assert record.status == "serving" and record.usable == judge.usable and record.reactions == 180
    assert judge.users.ids.tolist() == [1, 2] and judge.version == record.digest
    assert judge.measures["pair_accuracy"] > 0.55


async def test_a_user_who_is_forgotten_during_a_fit_is_not_in_its_file(rated, monkeypatch):
    """The fit has read the user's ratings; the user leaves before it is recorded."""
    folder, register = rated.root / "judges", versions.register_judge

    async def forget_then_register(*arguments, **values):
        await forget_user(rated.database, 2, rated.photos, rated.folder, judges=folder)
        return await register(*arguments, **values)

    monkeypatch.setattr(versions, "register_judge", forget_then_register)
    await versions.fit_new_version(rated.database, folder, JudgeSettings())
    (record,) = await registry.list_judges(rated.database)
    assert record.stale and Judge.load(registry.judge_file(folder, record.digest)).users.ids.tolist() == [1]
    monkeypatch.undo()
    after = await versions.fit_new_version(rated.database, folder, JudgeSettings())
    assert not after.stale and [file.stem for file in folder.glob("*.judge")] == [after.digest]


async def test_a_fit_starts_from_the_prior_where_there_is_one(rated):
    folder = rated.root / "judges"
    first = await versions.fit_new_version(rated.database, folder, JudgeSettings())
    Judge.load(registry.judge_file(folder, first.digest)).save(folder / registry.PRIOR)
    second = await versions.fit_new_version(rated.database, folder, JudgeSettings())
    assert second.digest != first.digest and "prior" in second.measured["variance_shares"]
