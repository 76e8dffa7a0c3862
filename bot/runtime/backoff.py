"""Pauses between attempts. A module of its own: Telegram's clients and the scheduler share nothing else."""

from collections.abc import Iterator


def backoff(first_s: float = 0.5, max_s: float = 30.0) -> Iterator[float]:
    """Pauses in seconds, doubling up to `max_s`."""
    pause_s = first_s
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, max_s)
