"""A trial's data as sums: units by stage and arm, and duels.

A unit is one arm's jokes for one photo, so that eight users' ratings of one joke are one observation. Its value is the
mean liking: liked ratings over ratings, where 😂 and 🙂 are liked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.community.today.evidence import PhotoRatings

EARLY, LATE = 0, 1
"""Stages: jokes made while the candidate had its small share, and later ones. Arms are compared within a stage."""


@dataclass(frozen=True)
class Observation:
    """One arm's jokes for one photo: liked ratings, ratings, and the stage in which it was delivered."""

    likes: int
    ratings: int
    stage: int = EARLY


def make_observations(photos: Iterable[PhotoRatings]) -> list[Observation]:
    """One observation for each photo and stage."""
    return [Observation(photo.likes, photo.ratings, int(photo.late)) for photo in photos]


@dataclass
class ObservationSums:
    """Sums over one arm's units in one stage; `total` and `squares` are sums over the units' mean likings."""

    units: int = 0
    total: float = 0.0
    squares: float = 0.0
    likes: int = 0
    ratings: int = 0

    def add(self, likes: int, ratings: int) -> None:
        """Add a unit. Raises ValueError if it has no ratings, or more likes than ratings."""
        self._change(likes, ratings, 1)

    def remove(self, likes: int, ratings: int) -> None:
        """Remove a unit that was added with these counts, to add it again with its new counts."""
        self._change(likes, ratings, -1)

    def _change(self, likes: int, ratings: int, sign: int) -> None:
        if not 0 <= likes <= ratings or not ratings:
            raise ValueError(f"a unit of {likes} likes in {ratings} ratings")
        mean = likes / ratings
        self.units += sign
        self.total += sign * mean
        self.squares += sign * mean * mean
        self.likes += sign * likes
        self.ratings += sign * ratings

    @property
    def mean(self) -> float:
        return self.total / self.units if self.units else 0.0

    @property
    def deviations(self) -> float:
        """Sum of squared deviations from the mean."""
        return max(0.0, self.squares - self.total * self.mean)


@dataclass
class TrialData:
    """The data for one analysis of a trial. `stages` has the sums of (champion, candidate) by stage.

    A duel is one photo's net pick for the candidate: +1 its joke, -1 the champion's, 0 neither (or the mean of several
    users' picks). `duels` is their number, `duels_total` their sum and `duels_squares` their sum of squares.
    """

    stages: dict[int, tuple[ObservationSums, ObservationSums]] = field(
        default_factory=lambda: {
            EARLY: (ObservationSums(), ObservationSums()),
            LATE: (ObservationSums(), ObservationSums()),
        }
    )
    duels: int = 0
    duels_total: float = 0.0
    duels_squares: float = 0.0

    @classmethod
    def from_units(
        cls, champion: Iterable[Observation], candidate: Iterable[Observation], duels: Iterable[float] = ()
    ) -> "TrialData":
        """The sums of units and duels. Units without ratings are skipped."""
        evidence = cls()
        for arm, units in enumerate((champion, candidate)):
            for unit in units:
                if unit.ratings:
                    evidence.sums_of(unit.stage, arm).add(unit.likes, unit.ratings)
        for pick in duels:
            evidence.add_duel(pick)
        return evidence

    def sums_of(self, stage: int, arm: int) -> ObservationSums:
        """The sums of one arm (0 champion, 1 candidate) in a stage."""
        return self.stages.setdefault(stage, (ObservationSums(), ObservationSums()))[arm]

    def add_duel(self, pick: float) -> None:
        """Add a duel. Raises ValueError for a pick outside -1…1."""
        if not -1 <= pick <= 1:
            raise ValueError(f"a duel's net pick is from -1 to 1, not {pick!r}")
        self.duels += 1
        self.duels_total += pick
        self.duels_squares += pick * pick

    def counts_of(self, arm: int) -> tuple[int, int, int]:
        """Likes, ratings and units of one arm over all stages."""
        likes = ratings = units = 0
        for pair in self.stages.values():
            likes, ratings, units = likes + pair[arm].likes, ratings + pair[arm].ratings, units + pair[arm].units
        return likes, ratings, units

    @property
    def has_late_data(self) -> bool:
        """Whether a joke of a later stage than the first has been rated."""
        return any(pair[0].units or pair[1].units for stage, pair in self.stages.items() if stage != EARLY)
