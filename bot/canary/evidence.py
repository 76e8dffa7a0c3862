"""What storage counts, as the tests of `bot/trial/` take it."""
from collections.abc import Iterable

from bot.trial import Unit
from storage.trials import Rated


def units(rated: Iterable[Rated]) -> list[Unit]:
    """One unit for a photo and a stage."""
    return [Unit(one.likes, one.ratings, int(one.late)) for one in rated]
