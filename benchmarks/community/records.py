"""What the community does, as rows of the product's database, written by the product's functions."""

from dataclasses import dataclass, field
from itertools import count

import numpy as np

from benchmarks.community.clock import START
from benchmarks.community.serving import ChosenText
from benchmarks.community.world import Photo
from storage.chat.candidates import UnshownCandidate
from storage.chat.jokes import NewJoke, add_delivery, add_joke
from storage.chat.ratings import record_rating
from storage.database import Database

LANGUAGE, STYLE, PROMPT = "en", "witty", "Tell a joke about this photo."


@dataclass
class ShownJoke:
    """A joke in a chat: its row, its model, and the votes so far, oldest first."""

    id: int
    photo: Photo
    model_id: int
    chosen: ChosenText
    repeated: bool
    votes: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text."""
        return self.chosen.text


class Records:
    """Writes photos, jokes and ratings. Photos of this world have no near-duplicates: their hashes are random."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self._hashes = np.random.default_rng([seed, 99])
        self._messages = count(1)

    async def add_photo(self, photo: Photo) -> None:
        """Store a photo and its sender."""
        phash = int(self._hashes.integers(-(2**63), 2**63 - 1))
        at = START + photo.at
        async with self.database.write() as connection:
            await connection.execute(
                "INSERT INTO photos (id, sha256, phash, width, height, bytes, media_type, created_at) "
                "VALUES (?, ?, ?, 448, 448, 1, 'image/jpeg', ?)",
                (photo.id, f"{photo.id:064x}", phash, at),
            )
            await connection.execute("INSERT INTO photo_senders VALUES (?, ?, ?)", (photo.id, photo.user_id, at))

    async def add_joke(
        self, photo: Photo, model_id: int, chosen: ChosenText, repeated: bool, judge_id: int | None
    ) -> ShownJoke:
        """Store a joke with the candidates that are not shown."""
        who = "single" if not chosen.others else "random" if chosen.random else "judge"
        new = NewJoke(
            *(photo.id, model_id, photo.user_id, LANGUAGE, STYLE, None, PROMPT, chosen.text),
            *(0.8, 0.9, 160, None, None, 1.0),
            chosen_by=who,
            candidates=1 + len(chosen.others),
            propensity=chosen.propensity,
            judge_id=judge_id if chosen.others else None,
            score=chosen.score,
        )
        others = [UnshownCandidate(text) for text in chosen.others]
        joke = await add_joke(self.database, new, not_shown=others)
        return ShownJoke(joke.id, photo, model_id, chosen, repeated)

    async def deliver(self, joke: ShownJoke) -> None:
        """Store the message that shows a joke."""
        await add_delivery(self.database, joke.id, joke.photo.chat_id, next(self._messages))

    async def rate(self, joke: ShownJoke, user_id: int, value: int) -> None:
        """Store a rating."""
        joke.votes.append(value)
        await record_rating(self.database, joke.id, user_id, value)

    def next_message(self) -> int:
        """A message id."""
        return next(self._messages)
