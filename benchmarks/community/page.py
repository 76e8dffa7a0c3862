"""The sections of the results page on communities. A module of its own, because the page's environment has no NumPy."""

from typing import Any

DAYS, WEEKS = (28, 56, 84), (1, 2, 4, 6, 8, 12)


def community(result: dict[str, Any]) -> str:
    """The gains of each arm."""
    head = (
        "Points of liking that are gained after so many days (mean of the seeds), share of the seeds with a promotion "
        "by day 56, variety as a share of the base's.\n",
        f"| | {' | '.join(f'{days} days' for days in DAYS)} | promoted | variety | seeds |",
        "|" + "---|" * 7,
    )
    lines = []
    for name, arm in result["arms"].items():
        gains = " | ".join(f"{arm[f'gain_{days}']:+.1f}" for days in DAYS)
        shares = f"{100 * arm['promoted_by_56']:.0f} % | {100 * arm['entropy_of_base']:.0f} %"
        lines.append(f"| {name.replace('_', ' ')} | {gains} | {shares} | {len(result['rows'][name])} |")
    note = [f"\nThe other arms are {result['other_arms']}."] if "other_arms" in result else []
    return "\n".join([*head, *lines, *note])


def community_sizes(result: dict[str, Any]) -> str:
    """The gains of each size."""
    head = (
        "Points of liking that are gained (mean of the seeds), and the median day of the first promotion.\n",
        f"| users | {' | '.join(f'{week} weeks' for week in WEEKS)} | first promotion |",
        "|" + "---|" * (2 + len(WEEKS)),
    )
    lines = []
    for people, size in result["sizes"].items():
        gains = [size.get(f"gain_{7 * week}") for week in WEEKS]
        cells = " | ".join("" if gain is None else f"{gain:+.1f}" for gain in gains)
        lines.append(f"| {people} | {cells} | {size['first_promotion'] or 'later'} |")
    return "\n".join([*head, *lines])
