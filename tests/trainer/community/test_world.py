"""The community benchmark's world has the moments and the habits that its specification names."""

import hashlib
import zlib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.community import world as world_module
from benchmarks.community.world import (
    COPYING,
    COPYING_HIDDEN,
    LUKEWARM,
    RATINGS,
    REPEAT_WINDOW,
    SHAPES,
    SUBJECTS,
    Photo,
    TableModel,
    World,
    shape_of,
    subject_of,
)

BASE = TableModel.base()
SHA256 = "928fdbe87fc2bb0e099e1bb29071ca769d7ecd0cbc554ddcb07e61280fd28fb9"


def honest_photo(world: World, number: int) -> Photo:
    """A photo in the group, by a user who is no troll."""
    user = next(user for user in world.users.values() if user.chat_id < 0 and not user.troll)
    return Photo(number, 0.0, user.id, user.chat_id, number % SUBJECTS, 0.0)


def test_the_world_is_the_one_of_all_results():
    """Results of another world can't be compared. A change makes a new file, beside this one."""
    assert hashlib.sha256(Path(world_module.__file__).read_bytes()).hexdigest() == SHA256


def test_users_like_three_of_ten_jokes_of_the_base():
    likings = []
    for seed in range(1000, 1030):
        world, random = World(seed), np.random.default_rng(seed)
        history = world.new_history()
        for day in range(6):
            for photo in world.photos_of_day(day):
                (text,) = world.write(BASE, photo, 1, random)
                shown = history[photo.chat_id]
                if day > 2:
                    likings.append((seed, world.liking(photo, text, shape_of(text) in shown)))
                shown.append(shape_of(text))
    seeds, values = np.array(likings).T
    assert np.mean([np.nanmean(values[seeds == seed]) for seed in np.unique(seeds)]) == pytest.approx(0.30, abs=0.025)


def test_terms_have_the_standard_deviations_of_the_specification():
    worlds = [World(seed) for seed in range(2000, 2040)]
    spread = {
        "shape": np.std([world._shape for world in worlds]),
        "shape and subject": np.std([world._shape_subject for world in worlds]),
        "user and shape": np.std([world._user_shape for world in worlds]),
        "leniency": np.std([world._leniency for world in worlds]),
        "photo": np.std([photo.effect for world in worlds for photo in world.photos_of_day(0)]),
    }
    assert spread == {
        "shape": pytest.approx(0.5, rel=0.06),
        "shape and subject": pytest.approx(0.4, rel=0.03),
        "user and shape": pytest.approx(0.3, rel=0.03),
        "leniency": pytest.approx(0.5, rel=0.07),
        "photo": pytest.approx(0.4, rel=0.06),
    }


def test_ratings_of_one_text_vary_with_joke_and_noise():
    world, random = World(2100), np.random.default_rng(1)
    photos = [honest_photo(world, number) for number in range(3000)]
    texts = [world.write(BASE, photo, 1, random)[0] for photo in photos]
    left = [
        world._z(photo, text, False, photo.user_id, random.normal())
        - world._means(photo, text, False, [photo.user_id])[0]
        for photo, text in zip(photos, texts, strict=True)
    ]
    assert np.std(left) == pytest.approx(np.hypot(0.6, 1.0), rel=0.04)


@pytest.mark.parametrize(("hidden", "copied"), [(False, COPYING), (True, COPYING_HIDDEN)])
def test_a_share_of_later_raters_copies_a_shown_vote(hidden, copied):
    world, random = World(2200), np.random.default_rng(2)
    own, after = [], []
    for number in range(4000):
        photo = honest_photo(world, number)
        (text,) = world.write(BASE, photo, 1, random)
        alone = world.rating(photo, text, False, photo.user_id, [], hidden)
        if alone is not None:
            own.append(alone == 3)
            after.append(world.rating(photo, text, False, photo.user_id, [3], hidden) == 3)
    assert np.mean(after) - np.mean(own) == pytest.approx(copied * (1 - np.mean(own)), abs=0.02)


def test_half_of_the_lukewarm_ratings_and_no_others_stay_away():
    world, random = World(2300), np.random.default_rng(3)
    silent = {True: [], False: []}
    for number in range(4000):
        photo = honest_photo(world, number)
        (text,) = world.write(BASE, photo, 1, random)
        noise = world._random(RATINGS, photo.id, photo.user_id, zlib.crc32(text.encode())).normal()
        lukewarm = abs(world._z(photo, text, False, photo.user_id, noise)) < LUKEWARM
        silent[lukewarm].append(world.rating(photo, text, False, photo.user_id, [], False) is None)
    assert np.mean(silent[True]) == pytest.approx(0.5, abs=0.05)
    assert not any(silent[False])


def test_a_tenth_of_the_users_press_at_random():
    world = World(2400)
    trolls = [user for user in world.users.values() if user.troll]
    assert len(trolls) == 3
    photos = [Photo(number, 0.0, trolls[0].id, trolls[0].chat_id, 0, 0.0) for number in range(3000)]
    (text,) = world.write(BASE, photos[0], 1, np.random.default_rng(4))
    counts = np.bincount([world.rating(photo, text, False, trolls[0].id, [3], False) for photo in photos])
    assert counts[1:] == pytest.approx([1000] * 3, rel=0.1)


def test_a_tenth_of_the_jokes_name_a_wrong_subject_and_are_liked_less():
    world, random = World(2500), np.random.default_rng(5)
    photo = honest_photo(world, 1)
    texts = world.write(BASE, photo, 3000, random)
    wrong = [text for text in texts if subject_of(text) != photo.subject]
    assert len(wrong) / len(texts) == pytest.approx(0.10, abs=0.02)
    right = next(text for text in texts if subject_of(text) == photo.subject and shape_of(text) == shape_of(wrong[0]))
    assert world.liking(photo, right, False) > world.liking(photo, wrong[0], False)
    assert world.liking(photo, right, False) > world.liking(photo, right, True)


def test_photos_and_raters_are_the_same_for_every_arm():
    first, second = World(2600), World(2600)
    for day in (0, 83):
        photos = first.photos_of_day(day)
        assert photos == second.photos_of_day(day)
        assert [first.visits(photo) for photo in photos] == [second.visits(photo) for photo in photos]
    assert {shown.maxlen for shown in first.new_history().values()} == {REPEAT_WINDOW}


def test_training_is_a_weighted_maximum_likelihood_around_its_start():
    world, random = World(2700), np.random.default_rng(6)
    photos = [photo for day in range(5) for photo in world.photos_of_day(day)]
    rows = [(world.write(BASE, photo, 1, random)[0], photo) for photo in photos]
    favourite = [float(shape_of(text) == 3) for text, _ in rows]
    trained = BASE.train(rows, favourite)
    assert np.exp(trained.log_probabilities())[3].mean() > 3 / SHAPES
    for change in (0.01, -0.01):
        moved = TableModel(trained.shape + change * (np.arange(SHAPES) == 3), trained.shape_subject)
        assert penalised(moved, rows, favourite) < penalised(trained, rows, favourite)
    assert np.allclose(trained.train([], []).shape, trained.shape)


def penalised(model: TableModel, rows, weights) -> float:
    """The weighted log-likelihood of rows minus the ridge around the base."""
    log_p = model.log_probabilities()
    likelihood = sum(w * log_p[shape_of(text), photo.subject] for (text, photo), w in zip(rows, weights, strict=True))
    return float(likelihood - (model.shape**2).sum() / 2 - 3 * (model.shape_subject**2).sum() / 2)
