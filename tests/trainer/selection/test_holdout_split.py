"""A side is decided once; near-duplicates share it; what connects two sides goes to neither."""

import numpy as np
import pytest

from storage.database import Database
from storage.learning import splits
from trainer.selection.holdout_split import first_side, update_split

SHARE = 0.3


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()


async def add(database, *hashes, name="photo"):
    """Photos of these (unsigned) hashes; returns their ids."""
    ids = []
    async with database.write() as connection:
        for number, phash in enumerate(hashes):
            signed = phash - 2**64 if phash >> 63 else phash
            async with connection.execute(
                "INSERT INTO photos (sha256, phash, width, height, bytes, media_type, created_at) "
                "VALUES (?, ?, 64, 64, 1, 'image/jpeg', 0) RETURNING id",
                (f"{name}-{number}", signed),
            ) as cursor:
                ids.append((await cursor.fetchone())[0])
    return ids


async def sides(database, share=SHARE):
    split = await update_split(database, share=share, near_bits=6)
    return {
        photo: (splits.SIDES[side], group)
        for photo, group, side in zip(
            split.photo_ids.tolist(), split.group_ids.tolist(), split.sides.tolist(), strict=True
        )
    }


def flipped(phash, *bits):
    for bit in bits:
        phash ^= 1 << bit
    return phash


def scattered(count, seed=0):
    return [int(number) for number in np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)]


def one_of(found, side):
    return next(photo for photo, (where, _) in found.items() if where == side)


async def test_the_share_is_held_out_and_the_answer_stays(database):
    await add(database, *scattered(2000))
    first = await sides(database)
    assert sum(side == "holdout" for side, _ in first.values()) == pytest.approx(600, abs=80)
    assert await sides(database) == first
    await add(database, *scattered(500, seed=1), name="later")
    later = await sides(database, share=0.9)
    assert {photo: later[photo] for photo in first} == first


async def test_a_large_chat_holds_out_a_smaller_share_once_it_has_enough(database):
    await add(database, *scattered(3000))
    split = await update_split(database, share=0.1, near_bits=6, enough=100)
    held_out = split.photo_ids[split.sides == splits.SIDES.index("holdout")]
    assert held_out[99] == pytest.approx(1000, abs=250), "the first hundred at the full share"
    assert len(held_out) == pytest.approx(140, abs=25), "then a fifth of it"
    await add(database, *scattered(1000, seed=1), name="later")
    later = await update_split(database, share=0.1, near_bits=6, enough=100)
    assert (later.sides == splits.SIDES.index("holdout")).sum() - len(held_out) == pytest.approx(20, abs=14)


async def test_near_duplicates_share_a_side(database):
    hashes = scattered(50)
    await add(database, *hashes)
    await add(database, *(flipped(phash, 1, 40) for phash in hashes), name="copy")
    found = await sides(database)
    assert all(found[photo] == found[photo + 50] for photo in range(1, 51))


async def test_a_later_near_duplicate_joins_whatever_its_own_hash_would_say(database):
    hashes = scattered(60)
    await add(database, *hashes)
    before = await sides(database)
    copies = await add(database, *(flipped(phash, 3) for phash in hashes), name="copy")
    after = await sides(database)
    assert [after[copy] for copy in copies] == [before[photo] for photo in range(1, 61)]


async def test_a_photo_near_to_both_sides_goes_to_neither_and_moves_nobody(database):
    base = scattered(1)[0]
    hashes = [flipped(base, *range(place, place + 8)) for place in range(0, 64, 8)]
    photos = await add(database, *hashes, name="far")
    before = await sides(database)
    train, held_out = one_of(before, "train"), one_of(before, "holdout")
    places = [photos.index(train), photos.index(held_out)]
    bridge = flipped(base, *(bit for place in places for bit in range(8 * place, 8 * place + 5)))
    assert all((bridge ^ hashes[place]).bit_count() == 8 for place in places)
    halfway = [
        flipped(base, *range(8 * place, 8 * place + 4), *range(8 * other, 8 * other + 1))
        for place, other in (places, places[::-1])
    ]
    new = await add(database, *halfway, name="bridge")
    after = await sides(database)
    assert [after[photo][0] for photo in new] == ["neither", "neither"]
    assert {photo: after[photo] for photo in photos} == before
    follower = await add(database, flipped(halfway[0], 63), name="follower")
    assert (await sides(database))[follower[0]][0] == "neither"


async def test_a_photo_near_to_two_groups_of_one_side_joins_the_older(database):
    base = scattered(1)[0]
    await add(database, base, flipped(base, *range(10)))
    before = await sides(database, share=1e-9)
    assert before[1][1] != before[2][1]
    between = await add(database, flipped(base, *range(5)), name="between")
    after = await sides(database, share=1e-9)
    assert after[between[0]] == before[1] and after[2] == before[2]


async def test_a_chain_of_new_photos_is_one_group(database):
    base = scattered(1)[0]
    await add(database, *(flipped(base, *range(5 * step)) for step in range(6)))
    assert len(set((await sides(database)).values())) == 1


def test_the_first_side_is_the_same_everywhere():
    assert [first_side(name, 0.3) for name in "abcdef"] == ["train", "holdout", "holdout", "train", "train", "holdout"]
