"""Log lines, as text and JSON, contain no secret and have their context."""

import asyncio
import io
import json
import logging

import pytest

from bot.runtime.logging_setup import configure_logging, make_secret_filter, report_error, secrets_of
from bot.telegram.coalescer import Coalescer
from configs.errors import JokebotError
from configs.log_context import ContextFormatter, about, accepted, message_in, request_id
from configs.settings import Settings

TOKEN = "987654321:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"
SECRET = 'p@ss/"wörd"'


def logger_of(form: str) -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ContextFormatter(form, make_secret_filter([TOKEN, "p@ss/word", SECRET])))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    return logger, stream


@pytest.fixture(params=["text", "json"])
def lines(request):
    return logger_of(request.param)


@pytest.fixture
def json_lines():
    """A logger, and its output."""
    logger, stream = logger_of("json")
    return logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def configured(monkeypatch):
    """Configures the logging of the process, and restores it after the test."""
    root, before = logging.getLogger(), (logging.getLogger().handlers[:], logging.getLogger().level)
    monkeypatch.setattr("sys.excepthook", lambda *_: None)
    yield lambda **log: configure_logging(Settings(telegram={"token": TOKEN}, log=log))
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    logging.captureWarnings(False)


def test_secrets_are_cut_out_of_messages_arguments_and_tracebacks(lines):
    logger, stream = lines
    logger.info("calling %s", f"https://api.telegram.org/bot{TOKEN}/getMe")
    logger.info("quoted: p%40ss%2Fword, plain: p@ss/word, with quotes in it: %s", SECRET)
    try:
        raise RuntimeError(f"refused: {TOKEN}")
    except RuntimeError:
        logger.exception("failed")
    assert TOKEN not in stream.getvalue()
    assert "p@ss" not in stream.getvalue() and "p%40ss" not in stream.getvalue()
    assert "RuntimeError: refused" in stream.getvalue()


def test_whatever_looks_like_a_token_is_cut_out(lines):
    logger, stream = lines
    logger.warning("another bot's: 1234567890:BBHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0-_x")
    assert "BBHf" not in stream.getvalue()


def test_every_secret_of_the_settings_is_known():
    settings = Settings(telegram={"token": TOKEN, "webhook_secret": "hush"}, engine={"api_key": "sesame"})
    assert {TOKEN, "hush", "sesame"} <= set(secrets_of(settings))


def test_libraries_that_log_addresses_are_quiet(configured):
    configured(level="DEBUG")
    assert all(
        not logging.getLogger(name).isEnabledFor(logging.INFO)
        for name in ("httpx", "httpcore", "httpx2", "telegram", "openai")
    )
    assert logging.getLogger("bot.telegram.dispatcher").isEnabledFor(logging.DEBUG)


def test_a_json_line_is_one_line_and_says_when_who_what_and_about_what(json_lines):
    logger, written = json_lines
    with about(request="abc", run=7):
        logger.info("two\nlines, 笑 %d", 1)
    logger.warning("about nothing")
    first, second = written()
    assert first.pop("time").endswith("Z")
    assert first == {"level": "INFO", "logger": "test", "message": "two\nlines, 笑 1", "request": "abc", "run": 7}
    assert (second["level"], second["request"], second["run"]) == ("WARNING", None, None)


def test_a_line_of_text_shows_what_it_is_about_before_the_message():
    logger, stream = logger_of("text")
    with about(request="abc"):
        logger.info("a")
        with about(run=7):
            logger.info("b")
    logger.info("c")
    assert [line.partition("INFO    ")[2] for line in stream.getvalue().splitlines()] == [
        "test [abc]: a",
        "test [abc run 7]: b",
        "test: c",
    ]


async def test_tasks_and_threads_know_what_they_were_begun_for_whatever_comes_between(json_lines):
    logger, written = json_lines

    async def work(turn: asyncio.Barrier) -> None:
        await turn.wait()
        await asyncio.to_thread(logger.info, "thread")

    turn = asyncio.Barrier(2)
    with about(request="a"):
        one = asyncio.create_task(work(turn))
    with about(request="b"):
        two = asyncio.create_task(work(turn))
    await asyncio.gather(one, two)
    assert sorted(line["request"] for line in written()) == ["a", "b"]


async def test_a_call_that_waited_for_an_earlier_one_keeps_its_own_id(json_lines):
    logger, written = json_lines
    latest, gate, done = Coalescer(), asyncio.Event(), asyncio.Event()

    async def first() -> None:
        await gate.wait()
        logger.info("first")

    async def second() -> None:
        logger.info("second")
        done.set()

    with about(request="a"):
        latest.submit("key", first)
    await asyncio.sleep(0)
    with about(request="b"):
        latest.submit("key", second)
    gate.set()
    async with asyncio.timeout(60):
        await done.wait()
    assert [(line["message"], line["request"]) for line in written()] == [("first", "a"), ("second", "b")]


def test_an_updates_id_is_short_and_always_the_same():
    assert request_id(5) == request_id(5) == accepted(request_id(5)) and len(request_id(5)) == 8
    assert len({request_id(number) for number in range(10_000)}) == 10_000


@pytest.mark.parametrize("sent", [None, "", "a b", "x\nfake line", "x" * 65, 'q"', "é"])
def test_an_id_that_could_pass_for_something_else_is_not_taken_over(sent):
    assert accepted(sent) == ""


def test_the_message_is_found_in_either_form(lines):
    logger, stream = lines
    with about(request="abc", run=3):
        logger.warning("what: happened")
    assert message_in(stream.getvalue().rstrip()) == "what: happened"
    assert [message_in(line) for line in ("", "{no json", "plain: words", "[1]")] == [
        "",
        "{no json",
        "plain: words",
        "[1]",
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_command_that_ends_with_an_error_says_so_in_the_same_form(configured, capsys, form):
    configured(format=form)
    report_error(JokebotError("No bot token is set."))
    said = capsys.readouterr().err
    assert (
        said == "jokebot: No bot token is set.\n"
        if form == "text"
        else json.loads(said)["message"] == "No bot token is set."
    )
