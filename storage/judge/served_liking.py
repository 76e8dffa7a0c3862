"""How jokes that a judge chose are liked, compared with candidates drawn at random.

Whether judge or chance chooses is itself drawn for each photo, so the two groups have the same photos and users. Only
jokes with several candidates count.
"""

import math
from dataclasses import dataclass

from storage.chat.consent import LEARNT_FROM
from storage.chat.ratings import LIKED
from storage.database import Database

DAYS = 90
MIN_JOKES = 20
CONFIDENCE_Z = 1.96


@dataclass(frozen=True)
class ChosenLiking:
    """Mean liking (0 to 1) of chosen and of random jokes, their numbers, and the half width of the 95 % interval."""

    chosen: float
    random: float
    chosen_jokes: int
    random_jokes: int
    half_width: float

    @property
    def gain(self) -> float:
        """The difference."""
        return self.chosen - self.random


async def compare_chosen_with_random(database: Database, since: float) -> ChosenLiking | None:
    """The comparison over jokes made since then; None with fewer than MIN_JOKES rated jokes of a kind.

    A joke is one observation, its mean liking, however many users rated it.
    """
    rows = await database.rows(
        "SELECT chosen_by, count(*) AS jokes, sum(liking) AS total, sum(liking * liking) AS squares FROM (SELECT "
        f"chosen_by, avg(value >= {LIKED}) AS liking FROM jokes JOIN ratings ON joke_id = jokes.id "
        f"WHERE candidates > 1 AND chosen_by IN ('judge', 'random') AND jokes.created_at >= ? AND {LEARNT_FROM} "
        "GROUP BY jokes.id) GROUP BY chosen_by",
        (since,),
    )
    found = {row["chosen_by"]: (row["jokes"], row["total"], row["squares"]) for row in rows}
    if any(found.get(kind, (0, 0, 0))[0] < MIN_JOKES for kind in ("judge", "random")):
        return None
    means, error = [], 0.0
    for kind in ("judge", "random"):
        jokes, total, squares = found[kind]
        mean = total / jokes
        means.append(mean)
        # Two more observations, one liked and one not, keep the interval open where all are alike (Agresti and Caffo).
        spread = (squares + 1) / (jokes + 2) - ((total + 1) / (jokes + 2)) ** 2
        error += spread / jokes
    return ChosenLiking(means[0], means[1], found["judge"][0], found["random"][0], CONFIDENCE_Z * math.sqrt(error))
