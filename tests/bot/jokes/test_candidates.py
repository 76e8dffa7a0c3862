"""Several candidates for a photo: the judge chooses, the engine's room and the time for the first word bound them."""

import asyncio
import io
import random

import pytest
from PIL import Image

from bot.engine.client import EngineClient, EngineError
from bot.engine.fair_queue import FairQueue
from bot.engine.router import Router, ServedModel
from bot.engine.stub.engine import StubEngine, StubRefusal, StubReply
from bot.jokes.generator import JokeGenerator
from bot.jokes.judge_source import JudgeSource
from bot.jokes.reply_writer import JokeBlocked
from configs.prompts import load_prompts
from configs.settings import Settings
from storage.chat.candidates import list_candidates
from storage.chat.jokes import add_delivery, get_joke
from storage.learning.models import register_base
from storage.media.photos import add_photo, check_photo
from tests.bot.judges import judge_that_likes

TEXTS = ["A cat reads the news.", "A parrot files taxes.", "A fox buys a tie.", "A cow paints houses."]
LONG = "the committee met again about {} and wrote nothing down until the moon came up over the quiet harbour"


@pytest.fixture
async def photo(database, tmp_path):
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(buffer, "JPEG")
    checked = check_photo(buffer.getvalue(), max_bytes=10**6, max_pixels=10**6)
    return await add_photo(database, tmp_path / "photos", checked, 5)


@pytest.fixture
async def make_joker(database, stub, tmp_path):
    """A generator whose judge likes parrots; without chance, unless the test sets a share."""
    clients = []

    async def make(judge=None, **sections) -> JokeGenerator:
        engine = {"url": stub.url, "retry_delay_s": 0.01, "attempts": 1, **sections.pop("engine", {})}
        joke = {"random_share": 0.01, **sections.pop("joke", {})}
        settings = Settings(engine=engine, joke=joke, storage={"directory": tmp_path}, **sections)
        clients.append(EngineClient(settings.engine))
        router = Router(ServedModel(await register_base(database, "base", None), clients[-1]))
        judges = JudgeSource(judge or judge_that_likes("parrot", "fox"))
        queue = FairQueue.of(settings)
        joker = JokeGenerator(
            database, settings, router, load_prompts(), queue, judges, is_banned=lambda user_id: False
        )
        if joke["random_share"] == 0.01:
            joker._candidates._rng = random.Random(1)
            joker._candidates._random_share = 0.0
        return joker

    yield make
    for client in clients:
        await client.close()


async def test_the_judge_chooses_and_the_others_are_kept_as_candidates(database, stub, make_joker, photo):
    stub.script.extend(StubReply(text) for text in TEXTS)
    joke = await (await make_joker()).generate(photo, user_id=5, language="en")
    assert joke.text == TEXTS[1] and joke == await get_joke(database, joke.id)
    assert (joke.chosen_by, joke.candidates, joke.judge_id, joke.propensity) == ("judge", 4, 7, 1.0)
    kept = await list_candidates(database, joke.id)
    assert kept[0].text == TEXTS[2] and {candidate.text for candidate in kept} == {TEXTS[0], *TEXTS[2:]}
    assert joke.score > kept[0].score > kept[1].score
    assert await database.value("SELECT count(*) FROM jokes") == 1


async def test_a_random_share_is_recorded_with_its_propensity(database, stub, make_joker, photo):
    stub.script.extend(StubReply(text) for text in TEXTS)
    joke = await (await make_joker(joke={"random_share": 1.0})).generate(photo, user_id=5, language="en")
    assert (joke.chosen_by, joke.candidates, joke.propensity) == ("random", 4, 0.25)


async def test_without_a_judge_or_with_one_candidate_there_is_one_request(stub, make_joker, photo):
    joker = await make_joker()
    joker._judges.current = None
    joke = await joker.generate(photo, user_id=5, language="en")
    assert stub.requests == 1 and (joke.chosen_by, joke.candidates, joke.propensity) == ("single", 1, 1.0)
    await (await make_joker(joke={"candidates": 1})).generate(photo, user_id=5, language="en")
    assert stub.requests == 2


@pytest.mark.parametrize(("kind", "expected"), [("cpu", 2), ("lmdeploy", 4), ("url", 4)])
def test_the_engine_decides_how_many_there_are(kind, expected):
    assert Settings(engine={"kind": kind}).candidates == expected
    assert Settings(engine={"kind": kind}, joke={"candidates": 3}).candidates == 3


async def test_what_the_chat_saw_lately_is_not_shown_again(database, stub, make_joker, photo):
    joker = await make_joker()
    for expected in (TEXTS[1], TEXTS[2]):
        stub.script.extend(StubReply(text) for text in TEXTS)
        joke = await joker.generate(photo, user_id=5, chat_id=-9, language="en")
        assert joke.text == expected
    restarted = await make_joker()
    await add_delivery(database, joke.id - 1, -9, 1)
    stub.script.extend(StubReply(text) for text in TEXTS)
    assert (await restarted.generate(photo, user_id=5, chat_id=-9, language="en")).text == TEXTS[2]
    stub.script.extend(StubReply(text) for text in TEXTS)
    assert (await restarted.generate(photo, user_id=5, chat_id=-8, language="en")).text == TEXTS[1]


async def test_blocked_and_broken_candidates_are_never_shown_nor_kept(database, stub, make_joker, photo):
    stub.script.extend(StubReply(text) for text in ("A parrot says darn.", "!!!!!!!!!!!!", TEXTS[0], TEXTS[2]))
    joke = await (await make_joker(safety={"blocked": ["darn"]})).generate(photo, user_id=5, language="en")
    assert joke.text == TEXTS[2] and joke.candidates == 2
    assert [candidate.text for candidate in await list_candidates(database, joke.id)] == [TEXTS[0]]


async def test_where_all_are_blocked_single_ones_are_tried_as_before(stub, make_joker, photo):
    stub.answer = StubReply("darn")
    joker = await make_joker(safety={"blocked": ["darn"], "max_blocked_attempts": 2})
    with pytest.raises(JokeBlocked):
        await joker.generate(photo, user_id=5, language="en")
    assert stub.requests == 4 + 2
    stub.script.extend([StubReply("darn")] * 4 + [StubReply("fine")])
    assert (await joker.generate(photo, user_id=5, language="en")).chosen_by == "single"


async def test_one_that_fails_costs_nothing_and_where_all_fail_the_error_is_raised(stub, make_joker, photo):
    stub.script.extend([StubRefusal(503), StubReply(TEXTS[0]), StubReply("half", ending="drop"), StubReply(TEXTS[1])])
    joker = await make_joker()
    joke = await joker.generate(photo, user_id=5, language="en")
    assert joke.text == TEXTS[1] and joke.candidates == 2
    stub.script.extend([StubRefusal(503)] * 4)
    with pytest.raises(EngineError):
        await joker.generate(photo, user_id=5, language="en")
    assert joker._queue.in_flight == 0


async def test_a_canary_that_fails_is_made_up_for_by_the_champion(database, stub, make_joker, photo):
    joker = await make_joker()
    async with StubEngine.running(models=["canary"]) as engine:
        engine.script.extend([StubRefusal(503)] * 4)
        client = EngineClient(Settings(engine={"url": engine.url, "attempts": 1}).engine)
        canary = ServedModel(await register_base(database, "canary", None), client)
        joker._router.set_canary(canary, 1.0)
        joke = await joker.generate(photo, user_id=5, language="en")
        assert joke.model_id == 1 and joke.chosen_by == "single" and engine.requests == 4
        engine.answers["canary"] = StubReply(TEXTS[0])
        assert (await joker.generate(photo, user_id=5, language="en")).model_id == canary.model.id
        await client.close()


async def test_each_side_of_a_duel_is_the_best_of_its_models_candidates(database, stub, make_joker, photo):
    joker = await make_joker()
    stub.script.extend(StubReply(text) for text in TEXTS)
    joke = await joker.generate(photo, user_id=5, language="en", served=joker._router.champion)
    assert joke.text == TEXTS[1] and (joke.chosen_by, joke.base_share) == ("judge", None)


async def test_a_judge_that_fails_leaves_the_choice_to_chance(stub, make_joker, photo):
    broken = judge_that_likes("parrot")
    object.__setattr__(broken, "judge", None)
    stub.script.extend(StubReply(text) for text in TEXTS)
    joke = await (await make_joker(broken)).generate(photo, user_id=5, language="en")
    assert (joke.chosen_by, joke.propensity, joke.score) == ("random", 0.25, None)


async def test_as_soon_as_a_photo_waits_there_is_one_candidate(stub, make_joker, photo):
    """The candidates in progress are cancelled, the photo's own request goes on."""
    stub.answer = StubReply(TEXTS[0], gate=asyncio.Event())
    joker = await make_joker(engine={"in_flight": 4})
    tasks = [asyncio.create_task(joker.generate(photo, user_id=1, language="en"))]
    await until(lambda: stub.in_flight == 4)
    tasks += [asyncio.create_task(joker.generate(photo, user_id=person, language="en")) for person in range(2, 7)]
    await until(lambda: joker._queue.waiting == 2 and stub.in_flight == 4)
    assert joker._queue.in_flight == 4
    stub.answer.gate.set()
    jokes = await asyncio.gather(*tasks)
    assert all(joke.text == TEXTS[0] for joke in jokes) and jokes[0].candidates == 1
    assert stub.max_in_flight <= 4 + 1, "a request that is being cancelled may overlap with the next"


async def test_on_a_cpu_engine_another_photo_ends_the_second_candidate(stub, make_joker, photo):
    """Its requests are answered one after another: a second candidate would delay the other photo."""
    settings = Settings(engine={"kind": "cpu"})
    queue, recalled = FairQueue.of(settings), []
    async with queue.acquire_slot(1):
        with queue.borrow(1, lambda: recalled.append(1)) as loan:
            assert loan.count == 1
            async with queue.acquire_slot(2):
                assert loan.count == 0 and recalled == [1]
                with queue.borrow(1, lambda: recalled.append(2)) as other:
                    assert other.count == 0


async def test_nothing_is_shown_before_the_choice(stub, make_joker, photo):
    stub.answer = StubReply(" ".join(TEXTS), token_s=0.01)
    heard = []

    async def on_text(text: str) -> None:
        heard.append(text)

    joker = await make_joker(limits={"edit_interval_s": 100})
    await joker.generate(photo, user_id=5, language="en", on_text=on_text)
    assert heard == []


async def test_when_the_time_is_over_unfinished_ones_are_judged_and_the_rest_is_streamed(
    database, stub, make_joker, photo
):
    gates = [asyncio.Event() for _ in range(4)]
    stub.script.extend(
        StubReply(LONG.format(word), token_s=0.01, pause_after=10, pause=gate)
        for word, gate in zip(("cats", "foxes", "parrot", "cows"), gates, strict=True)
    )
    heard: asyncio.Queue[str] = asyncio.Queue()
    joker = await make_joker(limits={"edit_interval_s": 1.0})
    task = asyncio.create_task(joker.generate(photo, user_id=5, language="en", on_text=heard.put))
    async with asyncio.timeout(100):
        first = await heard.get()
    await until(lambda: stub.in_flight == 1)
    gates[2].set()
    joke = await task
    assert "parrot" in first and not first.endswith("harbour")
    assert joke.text == LONG.format("parrot") and (joke.chosen_by, joke.candidates) == ("judge", 4)
    assert await list_candidates(database, joke.id) == [], "unfinished texts are no candidates"


async def test_a_choice_that_fails_midway_is_made_up_for_by_another(stub, make_joker, photo):
    gate = asyncio.Event()
    stub.script.extend(
        [
            StubReply(TEXTS[0]),
            StubReply(LONG.format("parrot"), token_s=0.01, pause_after=10, pause=gate, ending="drop"),
            StubReply(TEXTS[2]),
            StubReply(TEXTS[3]),
        ]
    )
    heard: asyncio.Queue[str] = asyncio.Queue()
    joker = await make_joker(limits={"edit_interval_s": 1.0})
    task = asyncio.create_task(joker.generate(photo, user_id=5, language="en", on_text=heard.put))
    async with asyncio.timeout(100):
        assert "parrot" in await heard.get()
    gate.set()
    assert (await task).text == TEXTS[2]


async def test_an_engine_too_slow_for_a_choice_gets_single_requests_for_a_while(stub, make_joker, photo):
    """One request after another, as on a CPU engine with a large model."""
    stub.parallel = asyncio.Semaphore(1)
    stub.answer = StubReply(LONG.format("a cat"), token_s=0.02)
    joker = await make_joker(limits={"edit_interval_s": 0.01}, joke={"candidates": 2})
    counts = []
    for _ in range(4):
        before = stub.requests
        joke = await joker.generate(photo, user_id=5, language="en")
        counts.append(stub.requests - before)
        assert joke.chosen_by == "single" and joke.text == LONG.format("a cat")
    assert counts == [2, 1, 2, 1]


async def test_a_cancelled_joke_leaves_no_request_and_no_row(database, stub, make_joker, photo):
    stub.answer = StubReply(TEXTS[0], gate=asyncio.Event())
    joker = await make_joker()
    task = asyncio.create_task(joker.generate(photo, user_id=5, language="en"))
    await until(lambda: stub.in_flight == 4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(100):
        await stub.quiet.wait()
    assert joker._queue.in_flight == 0 and await database.value("SELECT count(*) FROM jokes") == 0


async def until(condition) -> None:
    async with asyncio.timeout(100):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
