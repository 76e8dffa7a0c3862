"""No secret reaches a log line, whichever way it gets there."""
import io
import logging

import pytest

from bot.logs import Redacting, configure, secrets_of
from configs.settings import Settings

TOKEN = "987654321:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"


@pytest.fixture
def lines():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Redacting([TOKEN, "p@ss/word"]))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    yield logger, stream


def test_secrets_are_cut_out_of_messages_arguments_and_tracebacks(lines):
    logger, stream = lines
    logger.info("calling %s", f"https://api.telegram.org/bot{TOKEN}/getMe")
    logger.info("quoted: p%40ss%2Fword, plain: p@ss/word")
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


def test_libraries_that_log_addresses_are_quiet(monkeypatch):
    root, before = logging.getLogger(), (logging.getLogger().handlers[:], logging.getLogger().level)
    monkeypatch.setattr("sys.excepthook", lambda *_: None)
    try:
        configure(Settings(telegram={"token": TOKEN}, log={"level": "DEBUG"}))
        assert all(not logging.getLogger(name).isEnabledFor(logging.INFO) for name in ("httpx", "httpcore", "httpx2", "telegram", "openai"))
        assert logging.getLogger("bot.updates").isEnabledFor(logging.DEBUG)
    finally:
        root.handlers[:], root.level = before
        root.setLevel(before[1])
        logging.captureWarnings(False)
