"""Which of several servers gets a photo: the one that has it in its cache, unless that one is busy.

A photo's servers have a fixed order by rendezvous hashing (Thaler and Ravishankar, 1998): by a hash of photo and
server, so that a server that is added or lost moves only its own photos. The first server of the order that isn't busy
gets the photo. Busy is a server with more requests than `slack` times an equal share of all (consistent hashing with
bounded loads, Mirrokni et al., arXiv 1608.01350), but none with fewer than `FREE_REQUESTS`.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence

SLACK = 1.25
"""The usual choice for bounded loads: a quarter above an equal share."""
FREE_REQUESTS = 8
"""A server takes that many requests before it counts as busy: all candidates of two photos. One H200 served eight
clients at 3.5 times the rate of one (InternVL2-2B, 13 tiles, 2026-11-29), so a second server would gain little."""


def photo_digest(photo: bytes) -> bytes:
    """A stable hash of a photo's file, 16 bytes."""
    return hashlib.blake2b(photo, digest_size=16).digest()


def server_order(digest: bytes, names: Sequence[str]) -> list[str]:
    """The servers' names in the order of that photo. A name's place among the others depends on no third name."""

    def weight(name: str) -> bytes:
        return hashlib.blake2b(digest + name.encode(), digest_size=8).digest()

    return sorted(names, key=weight, reverse=True)


def choose_server(digest: bytes, outstanding: Mapping[str, int]) -> str:
    """The server for one more request about a photo, of those in `outstanding` with their requests in progress.

    Raises ValueError if there is none.
    """
    if not outstanding:
        raise ValueError("there is no server to choose")
    share = (sum(outstanding.values()) + 1) / len(outstanding)
    limit = max(FREE_REQUESTS, math.ceil(SLACK * share))
    # With slack above 1 not all are at the limit.
    return next(name for name in server_order(digest, list(outstanding)) if outstanding[name] < limit)
