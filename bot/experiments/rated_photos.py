"""What storage counts, as the tests of `bot/experiments/` take it."""

from collections.abc import Iterable

from bot.experiments import Observation
from storage.learning.trials import PhotoRatings


def observations(rated: Iterable[PhotoRatings]) -> list[Observation]:
    """One unit for a photo and a stage."""
    return [Observation(one.likes, one.ratings, int(one.late)) for one in rated]
