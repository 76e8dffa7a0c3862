"""The bot's token, checked with getMe, and the proxy where Telegram can't be reached without one."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from telegram import User
from telegram.error import InvalidToken, TelegramError

from bot.runtime.logging_setup import make_secret_filter
from bot.setup.answers import SetupAnswers
from bot.setup.terminal import SetupError, SetupTerminal
from bot.telegram.identity import fetch_bot_user
from configs.chat import TOKEN_FORM
from configs.errors import SettingsError, explaining

TOKEN_FLAG, PROXY_FLAG = "--token-file FILE", "--proxy URL"


def read_token_file(path: Path) -> str:
    """The token in a file; `-` is standard input. Raises SetupError."""
    with explaining(f"The token file {path} can't be read", SetupError, lambda error: error.strerror or str(error)):
        return Path("/dev/stdin" if str(path) == "-" else path).read_text(encoding="utf-8", errors="replace").strip()


def check_proxy_flag(proxy: str) -> str:
    """The proxy of the command line. Raises SetupError for one with a password, which all users of the host can read.

    Other faults are found when it is used.
    """
    if urlsplit(proxy if "://" in proxy else f"http://{proxy}").password is not None:
        raise SetupError(
            "A password doesn't belong on the command line. Set JOKEBOT_TELEGRAM_PROXY instead of --proxy."
        )
    return proxy


class TokenStep:
    """Finds the bot of a token: asks for one until Telegram takes it, and for a proxy until Telegram answers."""

    def __init__(self, terminal: SetupTerminal, answers: SetupAnswers) -> None:
        self._terminal, self._answers = terminal, answers

    def run(self, token_file: Path | None, proxy: str | None) -> User:
        """The bot; token and proxy are recorded. Raises SetupError, SettingsError."""
        token = self._first_token(token_file)
        proxy = proxy if proxy is not None else self._answers.known("telegram", "proxy")
        while True:
            try:
                user = self._ask_telegram(token, proxy)
            except InvalidToken:
                self._fail_without_terminal("token-refused", TOKEN_FLAG)
                token = self._ask_token()
            except (TelegramError, SettingsError) as error:  # also what a firewall answers in Telegram's place
                reason = make_secret_filter([token, proxy or ""])(str(error))
                self._fail_without_terminal("telegram-away", PROXY_FLAG, reason=reason)
                proxy = self._terminal.ask("ask-proxy", PROXY_FLAG)
            else:
                break
        self._answers.set("telegram", "token", token)
        if proxy is not None:
            self._answers.set("telegram", "proxy", proxy)
        self._terminal.show("bot-known", name=user.username or "", link=user.link or "")
        return user

    def _first_token(self, token_file: Path | None) -> str:
        """The token of the file, else the known one, which a user may replace, else the user's."""
        if token_file:
            token = read_token_file(token_file)
            return token if TOKEN_FORM.fullmatch(token) else self._reject(token_file)
        known = str(self._answers.known("telegram", "token") or "")
        settled = (
            self._answers.is_settled("telegram", "token") or not self._terminal.interactive or self._terminal.agree
        )
        if TOKEN_FORM.fullmatch(known) and settled:
            return known
        if TOKEN_FORM.fullmatch(known):
            return self._valid(
                self._terminal.ask_secret("keep-token", TOKEN_FLAG, number=known.partition(":")[0]), known
            )
        self._terminal.show("about-token")
        return self._ask_token()

    def _reject(self, file: Path) -> str:
        raise SetupError(self._terminal.text("token-malformed-in-file", file=str(file)))

    def _ask_token(self) -> str:
        return self._valid(self._terminal.ask_secret("ask-token", TOKEN_FLAG), "")

    def _valid(self, token: str, default: str) -> str:
        while not TOKEN_FORM.fullmatch(token or default):
            self._terminal.show("token-malformed")
            token = self._terminal.ask_secret("ask-token", TOKEN_FLAG)
        return token or default

    def _ask_telegram(self, token: str, proxy: str | None) -> User:
        self._terminal.show("asking-telegram")
        settings = self._answers.settings().telegram
        changed = {"token": token} if proxy is None else {"token": token, "proxy": proxy}
        return asyncio.run(fetch_bot_user(type(settings).model_validate({**settings.model_dump(), **changed})))

    def _fail_without_terminal(self, key: str, flag: str, **values: str) -> None:
        """Tell what failed; without a terminal it is the error."""
        if not self._terminal.interactive:
            raise SetupError(self._terminal.text(key, **values) + " " + self._terminal.text("correct-flag", flag=flag))
        self._terminal.show(key, **values)
