"""The routing of users, chats and photos to model versions."""

import pytest

from bot.engine.router import Router, ServedModel
from storage.learning.models import Model

KEYS = range(10_000)
STABLE = [0, 1, 5, 7, 8, 10, 14, 16, 17, 19]


def arm(number: int) -> ServedModel:
    return ServedModel(Model(number, f"model-{number}", "candidate", None, None, None, None, "{}", 0.0), client=None)


@pytest.fixture
def champion() -> ServedModel:
    return arm(1)


@pytest.fixture
def router(champion) -> Router:
    return Router(champion)


def test_without_a_canary_all_go_to_the_champion(router, champion):
    assert {router.route(key) for key in KEYS} == {champion}
    assert router.canary is None and router.share == 0 and router.served_models == [champion]


def test_a_canary_gets_its_share_of_the_keys_and_the_same_ones_each_time(router):
    router.set_canary(arm(2), 0.1)
    taken = {key for key in KEYS if router.route(key) is router.canary}
    assert 900 < len(taken) < 1100
    assert taken == {key for key in KEYS if router.route(key) is router.canary}


def test_the_hash_is_the_same_in_every_process(router):
    """Known values: a restart, another machine or another Python must not change the routes."""
    router.set_canary(arm(2), 0.5)
    assert [key for key in range(20) if router.route(key) is router.canary] == STABLE


def test_a_greater_share_keeps_those_that_had_it(router):
    canary = arm(2)
    router.set_canary(canary, 0.1)
    few = {key for key in KEYS if router.route(key) is canary}
    router.set_canary(canary, 0.5)
    many = {key for key in KEYS if router.route(key) is canary}
    assert few < many and 4800 < len(many) < 5200


def test_another_canary_goes_to_other_people(router):
    router.set_canary(arm(2), 0.1)
    first = {key for key in KEYS if router.route(key) is router.canary}
    router.set_canary(arm(3), 0.1)
    second = {key for key in KEYS if router.route(key) is router.canary}
    assert len(first & second) < 200


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (1.0, len(KEYS))])
def test_the_ends_of_the_scale(router, share, expected):
    router.set_canary(arm(2), share)
    assert sum(router.route(key) is router.canary for key in KEYS) == expected


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_is_refused(router, share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        router.set_canary(arm(2), share)


def test_with_each_turn_others_come_to_the_canary(champion):
    now = [0.0]
    router = Router(champion, rotation_s=3600, clock=lambda: now[0])
    router.set_canary(arm(2), 0.1)
    turns = []
    for now[0] in range(0, 100 * 3600, 3600):
        first = {key for key in range(5) if router.route(key) is router.canary}
        now[0] += 3599
        assert first == {key for key in range(5) if router.route(key) is router.canary}
        turns.append(first)
    assert set().union(*turns) == set(range(5)), "among five people each has had it"
    assert 20 < sum(map(len, turns)) < 90


def test_a_swap_moves_people_bit_by_bit_and_leaves_the_canary_alone(router, champion):
    canary, green = arm(2), arm(3)
    router.set_canary(canary, 0.2)
    tried = {key for key in KEYS if router.route(key) is canary}
    router.set_incoming(green, 0.5)
    assert tried == {key for key in KEYS if router.route(key) is canary}
    assert 0.45 < sum(router.route(key) is green for key in KEYS) / (len(KEYS) - len(tried)) < 0.55
    assert router.served_models == [champion, canary, green] and router.served_model(3) is green
    router.clear_incoming()
    assert router.served_models == [champion, canary] and router.served_model(3) is None
    router.set_incoming(green, 1.0)
    router.set_champion(green)
    assert router.served_models == [green, canary]


def test_a_canary_that_becomes_champion_is_no_canary_any_more(router, champion):
    canary = arm(2)
    router.set_canary(canary, 0.5)
    router.set_champion(canary)
    assert router.served_models == [canary] and router.canary is None and router.fallback_for(champion) is canary


def test_a_version_that_fails_is_made_up_for_by_the_champion(router, champion):
    canary = arm(2)
    router.set_canary(canary, 0.5)
    assert router.fallback_for(canary) is champion and router.fallback_for(champion) is None


def test_the_base_gets_its_share_at_random_and_leaves_when_it_is_the_champion():
    champion, base = arm(1), arm(2)
    router = Router(champion)
    router.set_base(base, 0.25)
    shares = sum(router.route(1) is base for _ in range(4000)) / 4000
    assert 0.2 < shares < 0.3 and router.fallback_for(base) is champion
    assert router.served_models == [champion, base]
    router.set_champion(base)
    assert router.base is None and router.base_share == 0.0
    router.set_base(base, 0.25)
    assert router.base is None, "a share that was being set up meanwhile"
