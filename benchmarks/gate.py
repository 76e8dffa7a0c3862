"""`make bench-gate`: promotions by a trial's test in simulated trials of harmful, equal and better candidates.

Uses `bot.experiments.sequential_test` with the default settings, evaluated after every rating, in the worlds of
`benchmarks/trial_worlds.py`. The champion's jokes are liked with probability .5, a harmful candidate's with .45, an
equal one's with .5, a better one's with .6. 1,000 ratings take 14 days. The three lines in three rating models:

    one rater per joke    independent ratings, by 30 users
    `…_groups`            eight raters per joke with the joke's own probability, from a Beta distribution with the
                          model's mean and standard deviation .25; ratings of five jokes interleave
    `…_duels`             one rater per joke, and a duel for every third photo

`harmful_promoted`, `equal_promoted`, `better_promoted`: share of candidates promoted. `median_ratings`, `median_days`:
of a better candidate's promotion. `…_stopped`: stopped for harm. `terrible_ratings`: median number of a candidate's own
ratings until it is stopped, if no user likes it. `drift_equal_promoted`: equal, while the liking rises from .4 to .6.
`…_days`: median length of a trial.

What must not promote a candidate; each the worst of several worlds, which `worlds` lists:

    `novelty_promoted`    an equal candidate, liked by 15 points more at first, which is gone after 3 days
    `silence_promoted`    a bland candidate (.45) whose dislikers stay silent in 35 %
    `one_fan_promoted`    an equal candidate with one user who likes all its jokes; several shares of the ratings

`gate_equal_rejected`: share of equal models that the gate rejects before a trial (`benchmarks/gate_equal.py`).

`upper` has the upper 95 % confidence bound of each share.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.gate_equal import rejected_equal  # noqa: E402
from benchmarks.simulated_worlds import Cores, Options, Share, finish, parts_of  # noqa: E402
from benchmarks.trial_worlds import Outcome, Simulation, World  # noqa: E402
from bot.experiments.trial_design import TrialAnswer, TrialDesign  # noqa: E402
from configs.trials import CanarySettings  # noqa: E402

EFFECTS = {"harmful": -0.05, "equal": 0.0, "better": 0.1}
MODELS = {"": World(), "_groups": World(raters=8, spread=0.25), "_duels": World(duels=1 / 3)}
"""The rating models of the three lines, by the suffix of their keys."""
DRIFT = World(liking=0.4, rises=0.2 / 14)
NOVELTY = {
    **{f"{pace} ratings a day": World(novelty=0.15, pace=pace) for pace in (48, 71, 143, 300)},
    "143 ratings a day, duels": World(novelty=0.15, pace=143, duels=1 / 3),
}
DECAYING = {"143 ratings a day": World(novelty=0.15, pace=143, decays=True)}
"""The same if 3 days is the time in which the novelty falls to 1/e, so that a part of it lasts longer."""
SILENCE = {
    "every joke rated": World(effect=-0.05, silence=0.35),
    "1.2 raters a joke": World(effect=-0.05, silence=0.35, raters=0, users=20),
    "eight raters a joke": World(effect=-0.05, silence=0.35, raters=8, spread=0.25),
}
FANS = {
    **{f"one of {users}": World(fan=0, users=users) for users in (30, 20, 14, 8)},
    "the first of 20 by rank": World(fan=0, users=20, by_rank=True),
    "the fifth of 20 by rank": World(fan=4, users=20, by_rank=True),
    "one of 20, who dislikes the champion": World(fan=0, users=20, hater=True),
    "one of 20, duels": World(fan=0, users=20, duels=1 / 3),
}
WORST = {
    "novelty_promoted": NOVELTY,
    "novelty_decaying_promoted": DECAYING,
    "silence_promoted": SILENCE,
    "one_fan_promoted": FANS,
}
"""The figures that are the largest share of promotions in several worlds."""
TERRIBLE = -0.499
CHUNK = 2000
"""Trials that one process simulates at once."""
EQUAL_MODELS = 2000
"""Worlds in which the gate judges an equal model."""
LINES = "lines"
Name = tuple[str, str]


@dataclass
class Figures:
    """The results so far: `values` to print, the bounds, and the share in each world."""

    values: dict[str, float] = field(default_factory=dict)
    upper: dict[str, float] = field(default_factory=dict)
    worlds: dict[str, dict[str, float]] = field(default_factory=dict)

    def add_share(self, name: str, hits: int, count: int) -> None:
        """Add a share and its upper bound."""
        share = Share(hits, count)
        self.values[name], self.upper[name] = share.value, share.upper


def worlds(only_lines: bool) -> dict[Name, World]:
    """All simulated worlds, or those of the three lines, by the figure that each is for and its own name."""
    found = {
        **{
            (f"line{suffix}", name): replace(model, effect=effect)
            for suffix, model in MODELS.items()
            for name, effect in (*EFFECTS.items(), ("terrible", TERRIBLE))
        },
        ("drift", ""): DRIFT,
        **{(figure, name): world for figure, named in WORST.items() for name, world in named.items()},
    }
    return {name: world for name, world in found.items() if not only_lines or name[0] not in WORST}


def simulate(world: World, design: TrialDesign, count: int, seed: list[int]) -> Outcome:
    """Simulate trials of one world."""
    return Simulation(world, design, np.random.default_rng(seed)).run(count)


def simulate_all(cores: Cores, options: Options) -> dict[Name, Outcome]:
    """The outcomes of all worlds; of terrible candidates there is one for ten others."""
    design, jobs, names = TrialDesign.for_candidate(CanarySettings()), [], []
    for place, (name, world) in enumerate(worlds(LINES in options.switches).items()):
        count = max(1, options.count // 10) if name[1] == "terrible" else options.count
        for number, size in parts_of(count, CHUNK):
            names.append(name)
            jobs.append((world, design, size, [options.first, place, number]))
    parts: dict[Name, list[Outcome]] = {name: [] for name in names}
    for name, part in zip(names, cores.map(simulate, jobs), strict=True):
        parts[name].append(part)
    return {name: Outcome.together(found) for name, found in parts.items()}


def add_lines(outcomes: Mapping[Name, Outcome], figures: Figures) -> None:
    """The three lines in each rating model, and the drift."""
    for suffix in MODELS:
        for name in EFFECTS:
            outcome = outcomes[f"line{suffix}", name]
            promoted = outcome.count(TrialAnswer.PROMOTE)
            figures.add_share(f"{name}_promoted{suffix}", promoted, len(outcome.reasons))
            figures.values[f"{name}_stopped{suffix}"] = round(outcome.share(TrialAnswer.HARMFUL), 4)
            figures.values[f"{name}_days{suffix}"] = round(float(np.median(outcome.days)), 1)
            if name == "better" and promoted:
                won = outcome.reasons == "better"
                figures.values[f"median_ratings{suffix}"] = float(np.median(outcome.presses[won]))
                figures.values[f"median_days{suffix}"] = round(float(np.median(outcome.days[won])), 1)
        terrible = outcomes[f"line{suffix}", "terrible"]
        figures.values[f"terrible_ratings{suffix}"] = float(np.median(terrible.candidate_ratings))
    drifting = outcomes["drift", ""]
    figures.add_share("drift_equal_promoted", drifting.count(TrialAnswer.PROMOTE), len(drifting.reasons))


def add_worst(outcomes: Mapping[Name, Outcome], figures: Figures) -> None:
    """The figures of WORST, and the share in each of their worlds."""
    for figure, named in WORST.items():
        shares = {
            name: Share(outcome.count(TrialAnswer.PROMOTE), len(outcome.reasons))
            for name, outcome in ((name, outcomes[figure, name]) for name in named)
        }
        figures.worlds[figure] = {name: share.value for name, share in shares.items()}
        worst = max(shares.values(), key=lambda share: share.hits)
        figures.add_share(figure, worst.hits, worst.count)


def measure(cores: Cores, options: Options) -> Figures:
    """All results with so many trials of each kind."""
    figures = Figures()
    outcomes = simulate_all(cores, options)
    add_lines(outcomes, figures)
    if LINES in options.switches:
        return figures
    add_worst(outcomes, figures)
    seeds = range(options.first, options.first + EQUAL_MODELS)
    rejected = cores.map(rejected_equal, [(seed,) for seed in seeds], at_once=8)
    figures.add_share("gate_equal_rejected", sum(map(bool, rejected)), EQUAL_MODELS)
    return figures


def main() -> None:
    options = Options.parse(__doc__, default=4000, switches={LINES: "only the three lines and the drift"})
    with Cores() as cores:
        figures = measure(cores, options)
        seconds = cores.seconds()
    result = {
        **figures.values,
        "upper": figures.upper,
        "worlds": figures.worlds,
        "candidates": options.count,
        "first": options.first,
        **seconds,
    }
    finish(result, "gate", options, CanarySettings().model_dump(), 0)


if __name__ == "__main__":
    main()
