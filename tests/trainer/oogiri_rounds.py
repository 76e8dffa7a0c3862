"""Plays a round of Oogiri in a database."""

from collections.abc import Mapping, Sequence

from storage.chat import rounds
from storage.chat.jokes import NewJoke, add_joke
from storage.database import Database
from storage.media.photos import Photo

GROUP = -100


async def play_round(
    database: Database,
    photo: Photo,
    bot: int,
    entries: Mapping[int, str],
    votes: Mapping[int, Sequence[int | None]],
    number: int,
    prompt: str = "Ask",
) -> dict[int | None, int]:
    """A finished round with the bot's joke, users' `entries` and `votes` (None: for the bot); the jokes by author."""
    begun = await rounds.begin_round(database, GROUP, 901, bot, 10_000 + number, 0.0)
    assert begun is not None
    jokes: dict[int | None, int] = {None: bot}
    for author, text in entries.items():
        new = NewJoke(photo.id, None, author, "en", "pun", None, prompt, text, 0, 0, 0, None, None, 0)
        jokes[author] = (await add_joke(database, new)).id
        await rounds.add_entry(database, begun.id, jokes[author], author)
    await rounds.change_state(database, begun.id, "collecting", "closing")
    await rounds.number_entries(database, begun.id)
    await rounds.open_ballot(database, begun.id, 900 + number, 0.0)
    places = {entry.author_id: entry.position for entry in await rounds.list_entries(database, begun.id)}
    for voter, chosen in votes.items():
        for author in chosen:
            await rounds.vote(database, begun.id, places[author], voter)
    await rounds.change_state(database, begun.id, "voting", "over")
    return jokes
