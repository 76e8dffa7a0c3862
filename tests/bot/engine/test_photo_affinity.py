"""Each photo has its own server, as long as that one isn't busy."""

from collections import Counter

import pytest

from bot.engine.photo_affinity import FREE_REQUESTS, SLACK, choose_server, photo_digest, server_order

NAMES = ["server-1", "server-2", "server-3", "server-4"]
DIGESTS = [photo_digest(f"photo {number}".encode()) for number in range(4000)]


def test_photos_are_divided_evenly_and_the_order_of_the_names_does_not_matter():
    owners = [server_order(digest, NAMES)[0] for digest in DIGESTS]
    # A binomial count of 4000 with p = 1/4 has a standard deviation of 27.
    assert all(abs(count - 1000) < 5 * 27 for count in Counter(owners).values())
    assert owners == [server_order(digest, NAMES[::-1])[0] for digest in DIGESTS]


def test_a_server_that_is_lost_moves_only_its_own_photos():
    left = NAMES[:-1]
    for digest in DIGESTS:
        order = server_order(digest, NAMES)
        assert server_order(digest, left) == [name for name in order if name in left]


def test_a_busy_server_passes_its_photo_to_the_next_one():
    digest = DIGESTS[0]
    first, second, *_ = server_order(digest, NAMES)
    idle = dict.fromkeys(NAMES, 0)
    assert choose_server(digest, {**idle, first: FREE_REQUESTS - 1}) == first
    assert choose_server(digest, {**idle, first: FREE_REQUESTS}) == second
    # Where all work hard, a little more than an equal share is not busy.
    hard = dict.fromkeys(NAMES, 40)
    assert choose_server(digest, {**hard, first: 44}) == first
    assert choose_server(digest, {**hard, first: 60}) == second


def test_one_photo_alone_can_not_overload_its_server():
    outstanding = dict.fromkeys(NAMES, 0)
    for _ in range(200):
        outstanding[choose_server(DIGESTS[0], outstanding)] += 1
    assert max(outstanding.values()) <= SLACK * 200 / 4 + 1


def test_without_a_server_there_is_no_choice():
    with pytest.raises(ValueError, match="no server"):
        choose_server(DIGESTS[0], {})
