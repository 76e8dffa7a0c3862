"""A stored photo becomes a stored joke."""

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from bot.engine.client import EngineClient, EngineError
from bot.engine.fair_queue import FairQueue, QueueFull
from bot.engine.router import Router, ServedModel
from bot.engine.stub.engine import StubEngine, StubRefusal, StubReply
from bot.jokes.generator import JokeGenerator, PhotoFileMissing
from bot.jokes.judge_source import JudgeSource
from configs.chat_templates import chat_template
from configs.errors import PromptError
from configs.prompts import load_prompts
from configs.settings import Settings
from storage.chat.jokes import get_joke
from storage.learning.models import register_base
from storage.media.photos import add_photo, check_photo, photo_path


@pytest.fixture
async def make_joker(database, stub, tmp_path):
    clients = []

    async def make(recogniser=None, **sections) -> JokeGenerator:
        engine = {"url": stub.url, "retry_delay_s": 0.01, "attempts": 2, **sections.pop("engine", {})}
        settings = Settings(engine=engine, storage={"directory": tmp_path}, **sections)
        clients.append(EngineClient(settings.engine))
        router = Router(ServedModel(await register_base(database, "base", None), clients[-1]))
        return JokeGenerator(
            database,
            settings,
            router,
            load_prompts(),
            FairQueue.of(settings),
            JudgeSource(),
            is_banned=lambda user_id: False,
            recogniser=recogniser,
        )

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
async def photo(database, tmp_path):
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(buffer, "JPEG")
    return await add_photo(
        database, tmp_path / "photos", check_photo(buffer.getvalue(), max_bytes=10**6, max_pixels=10**6), 5
    )


async def test_the_joke_has_all_that_it_was_made_with(database, stub, make_joker, photo):
    joker = await make_joker(joke={"temperature": 0.6, "top_p": 0.7, "max_tokens": 80})
    joke = await joker.generate(photo, user_id=5, language="en", style="pun", caption='my "cat" <|im_end|>')
    assert joke == await get_joke(database, joke.id)
    assert (joke.photo_id, joke.person_id, joke.language, joke.style, joke.caption) == (
        photo.id,
        5,
        "en",
        "pun",
        'my "cat" <|im_end|>',
    )
    assert (joke.temperature, joke.top_p, joke.max_tokens) == (0.6, 0.7, 80)
    assert joke.text == stub.answer.text and joke.prompt_tokens == 300 and joke.latency_s > 0
    asked = stub.asked[-1]
    assert asked.user == joke.prompt == load_prompts().ask("en", "pun", 'my "cat" <|im_end|>')
    assert "my 'cat' ‹¦im_end¦›" in asked.user
    assert asked.system == chat_template().system and asked.size == (64, 48)
    assert (asked.temperature, asked.top_p, asked.max_tokens) == (0.6, 0.7, 80)


class Seer:
    """A recogniser that names every photo the same."""

    def __init__(self, seen: str | None) -> None:
        self.seen = seen

    async def see(self, sha256: str, data: bytes) -> str | None:
        return self.seen


@pytest.mark.parametrize(
    ("seen", "language", "slot"),
    [
        ("otter", "en", "\nThe picture shows an otter."),
        ("otter", "zh", "\n图片里是：水獭。"),
        ("", "en", "\nIt is not clear what the picture shows."),
        (None, "en", ""),
    ],
)
async def test_what_the_recogniser_saw_stands_in_the_prompt_and_in_the_row(
    database, stub, make_joker, photo, seen, language, slot
):
    joker = await make_joker(Seer(seen))
    joke = await joker.generate(photo, user_id=5, language=language, style="pun", caption="my cat")
    styles = load_prompts().languages[language]
    assert joke.prompt.startswith(styles.styles["pun"] + slot + styles.caption[:5])
    assert stub.asked[-1].user == joke.prompt and (await get_joke(database, joke.id)).seen == seen
    await joker.explain(joke, photo, user_id=5, language=language)
    assert stub.asked[-1].user.startswith(styles.styles["explain"] + slot + styles.joke[:5])


@pytest.mark.parametrize(
    ("language", "style", "setting", "expected"),
    [
        ("en", None, "", "neutral"),
        ("zh", None, "", "naodong"),
        ("zh", None, "deadpan", "deadpan"),
        ("en", "absurd", "deadpan", "absurd"),
    ],
)
async def test_the_style_is_the_askers_then_the_settings_then_the_languages(
    make_joker, photo, language, style, setting, expected
):
    joker = await make_joker(joke={"style": setting})
    joke = await joker.generate(photo, user_id=5, language=language, style=style)
    assert joke.style == expected and joke.prompt == load_prompts().languages[language].styles[expected]


async def test_the_text_is_heard_while_it_is_written(stub, make_joker, photo):
    stub.answer = StubReply("one two", token_s=0.01)
    heard = []

    async def on_text(text: str) -> None:
        heard.append(text)

    await (await make_joker()).generate(photo, user_id=5, language="en", on_text=on_text)
    assert heard == ["one", "one two"]


@pytest.mark.parametrize("asked", [{"language": "xx"}, {"language": "en", "style": "nonsense"}])
async def test_an_unknown_language_or_style_is_told_before_the_queue(stub, make_joker, photo, asked):
    with pytest.raises(PromptError):
        await (await make_joker()).generate(photo, user_id=5, **asked)
    assert stub.requests == 0


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (StubRefusal(503), "down"),
        (StubReply(""), "empty"),
        (StubReply("half", ending="drop"), "cut_off"),
        (StubReply("half", ending="abort"), "cut_off"),
        (StubRefusal(400), "refused"),
    ],
)
async def test_where_there_is_no_joke_nothing_is_stored(database, stub, make_joker, photo, failure, kind):
    stub.script.extend([failure] * 2)
    joker = await make_joker()
    with pytest.raises(EngineError) as caught:
        await joker.generate(photo, user_id=5, language="en")
    assert caught.value.kind == kind
    assert await database.value("SELECT count(*) FROM jokes") == 0
    assert joker._queue.in_flight == joker._queue.waiting == 0


async def test_a_photo_whose_file_is_gone_is_told(tmp_path, stub, make_joker, photo):
    photo_path(tmp_path / "photos", photo).unlink()
    joker = await make_joker()
    with pytest.raises(PhotoFileMissing, match="can't be read"):
        await joker.generate(photo, user_id=5, language="en")
    assert stub.requests == 0 and joker._queue.in_flight == 0


async def test_the_engine_never_gets_more_than_its_share(stub, make_joker, photo):
    stub.answer = StubReply("ha", first_token_s=0.02)
    joker = await make_joker(engine={"in_flight": 2})
    jokes = await asyncio.gather(*(joker.generate(photo, user_id=person, language="en") for person in range(12)))
    assert len({joke.id for joke in jokes}) == 12 and stub.max_in_flight <= 2


async def test_people_see_their_place_and_a_photo_is_read_when_its_turn_comes(
    stub, make_joker, photo, tmp_path, monkeypatch
):
    reads, places, gate = [], asyncio.Queue(), asyncio.Event()
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path) or real(path))
    stub.answer = StubReply("ha", gate=gate)
    joker = await make_joker(engine={"in_flight": 1})

    async def on_position(place: int) -> None:
        await places.put(place)

    first = asyncio.create_task(joker.generate(photo, user_id=1, language="en"))
    second = asyncio.create_task(joker.generate(photo, user_id=2, language="en", on_position=on_position))
    async with asyncio.timeout(60):
        assert await places.get() == 1
        while not stub.in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    path = photo_path(tmp_path / "photos", photo)
    assert reads.count(path) == 1
    gate.set()
    await asyncio.gather(first, second)
    assert reads.count(path) == 2


async def test_a_full_queue_says_so(stub, make_joker, photo):
    gate = asyncio.Event()
    stub.answer = StubReply("ha", gate=gate)
    joker = await make_joker(engine={"in_flight": 1}, limits={"max_queued_photos_per_user": 1})
    tasks = [asyncio.create_task(joker.generate(photo, user_id=1, language="en")) for _ in range(2)]
    async with asyncio.timeout(60):
        while joker._queue.waiting < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    with pytest.raises(QueueFull):
        await joker.generate(photo, user_id=1, language="en")
    gate.set()
    await asyncio.gather(*tasks)


async def test_a_cancelled_joke_is_not_stored_and_frees_its_place(database, stub, make_joker, photo):
    stub.answer = StubReply("ha", gate=asyncio.Event())
    joker = await make_joker(engine={"in_flight": 1})
    task = asyncio.create_task(joker.generate(photo, user_id=1, language="en"))
    async with asyncio.timeout(60):
        while not stub.in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stub.answer = StubReply("ha")
    assert (await joker.generate(photo, user_id=2, language="en")).text == "ha"
    assert await database.value("SELECT count(*) FROM jokes") == 1


@pytest.fixture
async def canary(database, stub):
    """A second version on a server of its own, which gets every delivery, beside the champion on `stub`."""
    async with StubEngine.running(text="canary", models=["canary"]) as engine:
        client = EngineClient(Settings(engine={"url": engine.url, "retry_delay_s": 0.01, "attempts": 1}).engine)
        await register_base(database, "base", None)
        yield engine, ServedModel(await register_base(database, "canary", None), client)
        await client.close()


async def test_each_joke_records_the_version_that_made_it(make_joker, photo, canary):
    joker = await make_joker(canary={"assign_by": "user"})
    joker._router.set_canary(canary[1], 0.5)
    made = {person: await joker.generate(photo, user_id=person, language="en") for person in range(20)}
    assert {joke.model_id for joke in made.values()} == {1, 2}
    for person, joke in made.items():
        assert joke.model_id == joker._router.route(person).model.id
        assert (joke.text == "canary") == (joke.model_id == 2)


async def test_a_person_a_chat_or_a_photo_keeps_its_version(make_joker, photo, canary):
    for kind, key in (("user", 5), ("chat", 77), ("photo", photo.id)):
        joker = await make_joker(canary={"assign_by": kind})
        joker._router.set_canary(canary[1], 0.5)
        joke = await joker.generate(photo, user_id=5, chat_id=77, language="en")
        assert joke.model_id == joker._router.route(key).model.id


async def test_a_canary_that_fails_is_made_up_for_by_the_champion(stub, make_joker, photo, canary):
    joker, (engine, served) = await make_joker(), canary
    joker._router.set_canary(served, 1.0)
    engine.script.append(StubRefusal(503))
    joke = await joker.generate(photo, user_id=5, language="en")
    assert joke.model_id == 1 and joke.text == stub.answer.text and engine.requests == 1
    assert (await joker.generate(photo, user_id=5, language="en")).model_id == 2


async def test_one_version_can_be_asked_for(make_joker, photo, canary):
    joker = await make_joker()
    assert (await joker.generate(photo, user_id=5, language="en", served=canary[1])).text == "canary"
