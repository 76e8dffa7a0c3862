"""One user has a limited number of photos in work."""

import pytest

from bot.jokes.user_limiter import TooManyPending, UserLimiter


def test_a_released_token_makes_room_once():
    limiter = UserLimiter(2)
    first, second = limiter.acquire(1), limiter.acquire(1)
    with pytest.raises(TooManyPending):
        limiter.acquire(1)
    first.release()
    first.release()
    third = limiter.acquire(1)
    with pytest.raises(TooManyPending):
        limiter.acquire(1)
    second.release()
    third.release()
    assert limiter._held == {}


def test_a_token_is_released_when_its_block_fails():
    limiter = UserLimiter(1)
    with pytest.raises(KeyError), limiter.acquire(1):
        raise KeyError
    limiter.acquire(1).release()


def test_users_have_a_limit_each():
    limiter = UserLimiter(1)
    with limiter.acquire(1), limiter.acquire(2), pytest.raises(TooManyPending):
        limiter.acquire(2)
