"""A trial's ratings of jokes that no judge chose: the check that a result is the models' and not the judge's.

The trial itself compares jokes as they are served. Both variants have the same frozen judge, but it may know the texts
of one better than those of the other.
"""

from storage.chat.consent import LEARNT_FROM
from storage.chat.ratings import LIKED
from storage.database import Database
from storage.learning.trials import TrialRecord


async def count_unchosen_likes(database: Database, trial: TrialRecord) -> dict[str, dict[str, int]]:
    """Likes and ratings of jokes chosen by chance or written alone, by variant ("champion", "candidate").

    Empty where no judge has chosen a joke in this trial.
    """
    rows = await database.rows(
        f"SELECT model_id, chosen_by = 'judge' AS chosen, sum(value >= {LIKED}) AS likes, count(*) AS ratings "
        "FROM jokes JOIN ratings ON ratings.joke_id = jokes.id WHERE model_id IN (?, ?) AND jokes.created_at >= ? "
        f"AND {LEARNT_FROM} GROUP BY model_id, chosen",
        (trial.champion_id, trial.candidate_id, trial.began_at),
    )
    counts = {(row["model_id"], row["chosen"]): {"likes": row["likes"], "ratings": row["ratings"]} for row in rows}
    if not any(chosen for _, chosen in counts):
        return {}
    none = {"likes": 0, "ratings": 0}
    variants = {"champion": trial.champion_id, "candidate": trial.candidate_id}
    return {name: counts.get((model_id, 0), none) for name, model_id in variants.items()}
