"""What users did with the jokes of models: ratings, duel choices and 🔁, for trials and for the champion monitor."""

from dataclasses import dataclass

from storage.chat.consent import LEARNT_FROM, PRIVATE_OR_BANNED
from storage.chat.ratings import LIKED
from storage.database import Database
from storage.learning.trials import TrialRecord

NOT_IN_DUEL = "NOT EXISTS (SELECT 1 FROM duels WHERE joke_a = jokes.id OR joke_b = jokes.id)"
OPEN_JOKES = f"""jokes.person_id NOT IN {PRIVATE_OR_BANNED}
    AND photo_id NOT IN (SELECT photo_id FROM private_people JOIN photo_senders USING (person_id))"""
"""Condition on jokes: not of private or banned users, nor about their photos."""


@dataclass(frozen=True)
class RatedJoke:
    """One user's rating of a joke; `made_at` is when the joke was made, seconds since 1970."""

    photo_id: int
    model_id: int
    made_at: float
    user_id: int
    liked: bool


@dataclass(frozen=True)
class ShownJoke:
    """A joke that was shown with rating buttons: its ratings, and whether a user asked for another one (🔁)."""

    model_id: int
    made_at: float
    ratings: int
    again: bool


@dataclass(frozen=True)
class DuelPick:
    """One user's choice in a duel: 1 for the trial's candidate, -1 for the champion, 0 for neither."""

    duel_id: int
    made_at: float
    user_id: int
    pick: int


@dataclass(frozen=True)
class RatingPace:
    """Ratings and duel choices `per_day`; the number of ratings, those that liked the joke, and the rated photos."""

    per_day: float
    ratings: int
    likes: int
    photos: int


async def list_rated_jokes(
    database: Database, models: tuple[int, int], since: float, *, before: float = float("inf")
) -> list[RatedJoke]:
    """Ratings of two models' jokes made in [since, before), in the jokes' order.

    Excluded are ratings of private or banned users, of their jokes or photos, and of jokes in duels.
    """
    rows = await database.rows(
        "SELECT photo_id, model_id, jokes.created_at AS made_at, ratings.person_id, value FROM jokes "
        "JOIN ratings ON ratings.joke_id = jokes.id WHERE model_id IN (?, ?) AND jokes.created_at >= ? "
        f"AND jokes.created_at < ? AND {LEARNT_FROM} AND {NOT_IN_DUEL} ORDER BY jokes.id",
        (*models, since, before),
    )
    return [
        RatedJoke(row["photo_id"], row["model_id"], row["made_at"], row["person_id"], row["value"] >= LIKED)
        for row in rows
    ]


async def list_shown_jokes(database: Database, models: tuple[int, int], since: float) -> list[ShownJoke]:
    """The jokes of two models made since then that were shown, without those in duels; exclusions as for ratings."""
    rows = await database.rows(
        "SELECT model_id, jokes.created_at AS made_at, (SELECT count(*) FROM ratings WHERE joke_id = jokes.id AND "
        f"ratings.person_id NOT IN {PRIVATE_OR_BANNED}) AS ratings, "
        "EXISTS (SELECT 1 FROM jokes AS next JOIN deliveries AS sent ON sent.joke_id = next.id "
        "WHERE next.photo_id = jokes.photo_id AND next.id > jokes.id AND next.model_id IS NOT NULL "
        "AND sent.chat_id = deliveries.chat_id) AS again FROM jokes JOIN deliveries ON deliveries.joke_id = jokes.id "
        f"WHERE model_id IN (?, ?) AND jokes.created_at >= ? AND {OPEN_JOKES} AND {NOT_IN_DUEL} ORDER BY jokes.id",
        (*models, since),
    )
    return [ShownJoke(row["model_id"], row["made_at"], row["ratings"], bool(row["again"])) for row in rows]


async def list_duel_picks(database: Database, trial: TrialRecord) -> list[DuelPick]:
    """Choices in a trial's duels, of senders and of other members, without private and banned users."""
    rows = await database.rows(
        "SELECT duels.id, duels.created_at, picks.person_id, CASE WHEN picks.choice = 'meh' THEN 0 "
        "WHEN (picks.choice = 'a') = (first_model_id = ?1) THEN 1 ELSE -1 END FROM duels JOIN ("
        "SELECT id AS duel_id, person_id, choice FROM duels WHERE trial_id = ?2 AND choice IS NOT NULL UNION ALL "
        "SELECT duel_id, duel_choices.person_id, duel_choices.choice FROM duel_choices JOIN duels "
        "ON duels.id = duel_id WHERE trial_id = ?2) AS picks ON picks.duel_id = duels.id "
        f"WHERE picks.person_id NOT IN {PRIVATE_OR_BANNED} AND duels.person_id NOT IN {PRIVATE_OR_BANNED} "
        "ORDER BY duels.id, picks.person_id",
        (trial.candidate_id, trial.id),
    )
    return [DuelPick(*row) for row in rows]


async def count_model_ratings(database: Database, model_id: int, since: float) -> int:
    """Number of ratings of a model's jokes made from `since` on. Cheap."""
    return await database.value(
        "SELECT count(*) FROM jokes JOIN ratings ON ratings.joke_id = jokes.id WHERE model_id = ? AND "
        "jokes.created_at >= ?",
        (model_id, since),
    )


async def read_pace(database: Database, since: float, now: float) -> RatingPace:
    """How much users rate models' jokes, from then until now, or since the first rating if that was later."""
    row = await database.row(
        "SELECT count(*) AS ratings, coalesce(sum(value >= ?1), 0) AS likes, count(DISTINCT photo_id) AS photos, "
        "min(ratings.created_at) AS first, (SELECT count(*) FROM duels WHERE chosen_at >= ?2) + (SELECT count(*) FROM "
        "duel_choices WHERE chosen_at >= ?2) AS picks FROM ratings JOIN jokes ON jokes.id = joke_id "
        "WHERE ratings.created_at >= ?2 AND model_id IS NOT NULL",
        (LIKED, since),
    )
    if row is None or not row["ratings"]:
        return RatingPace(0.0, 0, 0, 0)
    days = max((now - max(since, row["first"])) / 86400, 1.0)
    return RatingPace((row["ratings"] + row["picks"]) / days, row["ratings"], row["likes"], row["photos"])
