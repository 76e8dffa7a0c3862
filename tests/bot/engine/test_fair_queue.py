"""The queue is fair and bounded, and reports positions."""

import asyncio
import gc
import random
import weakref
from collections import Counter
from collections.abc import Callable

import pytest

from bot.engine.fair_queue import FairQueue, QueueFull


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


class QueueUsers:
    """Users of a queue; `order` is the order of the granted slots, as (user, number of the user's photo)."""

    def __init__(self, queue: FairQueue) -> None:
        self.queue = queue
        self.order: list[tuple[int, int]] = []
        self.sent: Counter[int] = Counter()
        self.tasks: dict[tuple[int, int], asyncio.Task[None]] = {}
        self.doors: dict[tuple[int, int], asyncio.Event] = {}

    def send(self, user: int, photos: int = 1) -> None:
        for _ in range(photos):
            self.sent[user] += 1
            key = user, self.sent[user]
            self.doors[key] = asyncio.Event()
            self.tasks[key] = asyncio.create_task(self.hold(key))

    async def hold(self, key: tuple[int, int]) -> None:
        async with self.queue.acquire_slot(key[0]):
            self.order.append(key)
            await self.doors[key].wait()

    async def answer(self, key: tuple[int, int]) -> None:
        self.doors[key].set()
        await self.tasks.pop(key)
        await settle()

    async def answer_all(self) -> None:
        while self.tasks:
            inside = [key for key in self.order if key in self.tasks]
            await self.answer(inside[0])


def empty(queue: FairQueue) -> bool:
    return queue.waiting == queue.in_flight == len(queue._users) == len(queue._tickets) == 0


async def test_people_take_turns():
    crowd = QueueUsers(FairQueue(1, 20, 100))
    for user in (1, 2, 3):
        crowd.send(user, 3)
    await settle()
    await crowd.answer_all()
    assert crowd.order == [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2), (1, 3), (2, 3), (3, 3)]
    assert empty(crowd.queue)


async def test_a_newcomer_goes_before_everybodys_further_photos():
    crowd = QueueUsers(FairQueue(1, 20, 100))
    for user in (1, 2, 3):
        crowd.send(user, 10)
    await settle()
    for _ in range(6):
        await crowd.answer(crowd.order[-1])
    crowd.send(4)
    await settle()
    await crowd.answer_all()
    assert crowd.order[7] == (4, 1)


async def test_somebody_who_sends_one_photo_at_a_time_is_not_held_back():
    crowd = QueueUsers(FairQueue(1, 20, 100))
    crowd.send(1)
    await settle()
    for _ in range(30):
        crowd.send(2, 1)
        await settle()
        await crowd.answer(crowd.order[-1])
        crowd.send(1)
        await settle()
        await crowd.answer(crowd.order[-1])
    assert [user for user, _ in crowd.order[:40]] == [1, 2] * 20
    await crowd.answer_all()
    assert empty(crowd.queue)


async def test_ones_own_photos_keep_their_order():
    crowd = QueueUsers(FairQueue(2, 20, 100))
    crowd.send(1, 6)
    await settle()
    for number in range(1, 4):
        await crowd.answer((1, number))
        crowd.send(1)
        crowd.send(2)
        await settle()
    await crowd.answer_all()
    for user in (1, 2):
        assert [key for key in crowd.order if key[0] == user] == [
            (user, number) for number in range(1, crowd.sent[user] + 1)
        ]


async def test_never_more_in_flight_than_allowed():
    queue, inside, most = FairQueue(3, 100, 100), 0, 0

    async def use(user: int) -> None:
        nonlocal inside, most
        async with queue.acquire_slot(user):
            inside += 1
            most = max(most, inside)
            await settle()
            inside -= 1

    await asyncio.gather(*(use(number % 7) for number in range(60)))
    assert most == 3 and empty(queue)


async def test_a_free_place_needs_no_waiting_room():
    queue = FairQueue(1, 1, 1)
    async with queue.acquire_slot(1):
        pass
    async with queue.acquire_slot(1):
        assert (queue.in_flight, queue.waiting) == (1, 0)


async def test_one_person_may_not_fill_the_room():
    crowd = QueueUsers(FairQueue(1, 2, 3))
    crowd.send(1, 3)
    await settle()
    with pytest.raises(QueueFull) as mine:
        async with crowd.queue.acquire_slot(1):
            pass
    crowd.send(2)
    await settle()
    with pytest.raises(QueueFull) as ours:
        async with crowd.queue.acquire_slot(3):
            pass
    assert mine.value.mine and not ours.value.mine and str(mine.value) != str(ours.value)
    await crowd.answer_all()
    async with crowd.queue.acquire_slot(1):
        pass
    assert empty(crowd.queue)


async def test_places_are_told_and_told_again_when_they_change():
    crowd, reported = QueueUsers(FairQueue(1, 20, 100, report_every_s=0.0)), []

    async def on_position(position: int) -> None:
        reported.append(position)

    async def wait(user: int) -> None:
        async with crowd.queue.acquire_slot(user, on_position):
            reported.append(0)

    crowd.send(1, 4)
    await settle()
    task = asyncio.create_task(wait(2))
    await until(lambda: reported == [1])
    crowd.send(1)
    await settle()
    assert reported == [1]
    await crowd.answer((1, 1))
    await task
    assert reported == [1, 0]
    await crowd.answer_all()


async def test_a_place_behind_others_counts_down():
    crowd, reported = QueueUsers(FairQueue(1, 20, 100, report_every_s=0.0)), []

    async def on_position(position: int) -> None:
        reported.append(position)

    async def wait() -> None:
        async with crowd.queue.acquire_slot(9, on_position):
            reported.append(0)

    for user in (1, 2, 3):
        crowd.send(user)
    await settle()
    task = asyncio.create_task(wait())
    for expected, user in ((3, 1), (2, 2), (1, 3)):
        await until(lambda last=expected: reported[-1:] == [last])
        await crowd.answer((user, 1))
    await task
    assert reported == [3, 2, 1, 0]


async def test_who_need_not_wait_is_told_nothing():
    queue, reported = FairQueue(1, 5, 5, report_every_s=0.0), []

    async def on_position(position: int) -> None:
        reported.append(position)

    async with queue.acquire_slot(1, on_position):
        await settle()
    assert reported == []


async def test_a_thousand_waiting_are_told_seldom():
    """Any number of changes between two reports costs one call for each listener, not one for each change."""
    queue, calls, release = FairQueue(1, 2000, 2000, report_every_s=3600.0), Counter(), asyncio.Event()

    async def wait(user: int) -> None:
        async def on_position(position: int) -> None:
            calls[user] += 1

        async with queue.acquire_slot(user, on_position):
            await release.wait()

    tasks = [asyncio.create_task(wait(user)) for user in range(1001)]
    await settle()
    assert queue.waiting == 1000
    release.set()
    await asyncio.gather(*tasks)
    assert max(calls.values(), default=0) <= 1 and empty(queue)


async def test_an_error_while_telling_gives_the_place_back():
    crowd = QueueUsers(FairQueue(1, 5, 5, report_every_s=0.0))
    crowd.send(1)
    await settle()

    async def on_position(position: int) -> None:
        raise ValueError("the chat is gone")

    with pytest.raises(ValueError, match="the chat is gone"):
        async with crowd.queue.acquire_slot(2, on_position):
            pass
    await crowd.answer_all()
    assert empty(crowd.queue)


async def test_an_error_inside_gives_the_place_back():
    queue = FairQueue(1, 5, 5)
    for _ in range(3):
        with pytest.raises(ValueError, match="inside"):
            async with queue.acquire_slot(1):
                raise ValueError("inside")
    assert empty(queue)


async def test_who_leaves_the_line_is_forgotten():
    crowd = QueueUsers(FairQueue(1, 20, 100))
    crowd.send(1, 2)
    crowd.send(2, 2)
    crowd.send(3)
    await settle()
    for key in ((2, 1), (3, 1), (1, 1)):
        crowd.tasks.pop(key).cancel()
    await settle()
    await crowd.answer_all()
    assert crowd.order == [(1, 1), (1, 2), (2, 2)] and empty(crowd.queue)


async def test_a_place_given_at_the_moment_of_leaving_is_not_lost():
    crowd = QueueUsers(FairQueue(1, 20, 100))
    for user in (1, 2, 3):
        crowd.send(user)
    await settle()
    crowd.doors[1, 1].set()
    await crowd.tasks.pop((1, 1))
    crowd.tasks.pop((2, 1)).cancel()  # granted already, but not yet awake
    await settle()
    assert crowd.order[-1] == (3, 1)
    await crowd.answer_all()
    assert empty(crowd.queue)


async def test_nothing_is_held_after_the_last_photo():
    queue = FairQueue(1, 20, 100, report_every_s=0.0)
    reference = weakref.ref(queue)
    crowd = QueueUsers(queue)
    crowd.send(1, 5)
    await settle()
    await crowd.answer_all()
    await asyncio.sleep(0.01)
    del queue, crowd
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("seed", range(25))
async def test_nobodys_later_photo_goes_before_somebodys_first(seed):
    """Random arrivals, answers and cancellations. A first photo: its sender had no unanswered photo when it came."""
    chance = random.Random(seed)
    crowd = QueueUsers(FairQueue(chance.randint(1, 3), 5000, 5000))
    first: list[tuple[int, int]] = []
    let_in = 0
    for _ in range(200):
        inside = [key for key in crowd.order if key in crowd.tasks]
        waiting = [key for key in crowd.tasks if key not in crowd.order]
        action = chance.random()
        if action < 0.35:
            user = chance.randint(1, 8)
            if not any(key[0] == user for key in crowd.tasks):
                first.append((user, crowd.sent[user] + 1))
            crowd.send(user, chance.choice((1, 1, 1, 10)))
        elif action < 0.9 and inside:
            await crowd.answer(chance.choice(inside))
        elif waiting:
            crowd.tasks.pop(chance.choice(waiting)).cancel()
        await settle()
        still_first = [key for key in first if key in crowd.tasks and key not in crowd.order]
        for key in crowd.order[let_in:]:
            assert key in first or not still_first
        firsts_let_in = [key for key in crowd.order if key in first]
        assert firsts_let_in == [key for key in first if key in firsts_let_in], "first photos go in the order they came"
        let_in = len(crowd.order)
        assert crowd.queue.in_flight + crowd.queue.waiting == len(crowd.tasks)
    await crowd.answer_all()
    for user in crowd.sent:
        mine = [number for who, number in crowd.order if who == user]
        assert mine == sorted(mine)
    assert empty(crowd.queue)


async def test_a_held_queue_lets_nobody_in_and_goes_on_in_order():
    crowd = QueueUsers(FairQueue(2, 9, 9))
    crowd.send(1)
    await settle()
    crowd.queue.hold("training")
    crowd.send(2, 2)
    crowd.send(3)
    await crowd.answer((1, 1))
    await settle()
    assert crowd.order == [(1, 1)] and crowd.queue.waiting == 3 and crowd.queue.hold_reason == "training"
    crowd.queue.hold("")
    await settle()
    assert crowd.order == [(1, 1), (2, 1), (3, 1)] and crowd.queue.in_flight == 2
    for key in ((2, 1), (3, 1), (2, 2)):
        await until(lambda key=key: key in crowd.order)
        await crowd.answer(key)


async def test_whoever_waits_hears_their_place_again_when_the_queue_is_held():
    queue, positions = FairQueue(1, 9, 9, report_every_s=0.0), asyncio.Queue()

    async def on_position(position: int) -> None:
        await positions.put((position, queue.hold_reason))

    async def wait() -> None:
        async with queue.acquire_slot(2, on_position):
            pass

    async with queue.acquire_slot(1):
        waiting = asyncio.create_task(wait())
        async with asyncio.timeout(30):
            assert await positions.get() == (1, "")
            queue.hold("swap")
            assert await positions.get() == (1, "swap")
    assert not waiting.done()
    queue.hold("")
    await waiting


async def test_a_held_queue_is_bounded_as_ever():
    queue = FairQueue(1, 1, 9)
    queue.hold("training")
    task = asyncio.create_task(anext(aiter_of(queue.acquire_slot(1))))
    await settle()
    with pytest.raises(QueueFull) as caught:
        async with queue.acquire_slot(1):
            pass
    assert caught.value.mine
    task.cancel()


async def aiter_of(manager):
    async with manager:
        yield
