"""Which engine writes the jokes: LMDeploy on a GPU, the CPU engine, or one elsewhere."""

import asyncio
import re

from bot.engine.client import EngineClient, EngineError
from bot.engine.servers.host_check import HostError, check_host
from bot.setup.answers import SetupAnswers
from bot.setup.terminal import SetupError, SetupTerminal
from configs.errors import SettingsError
from configs.gpu import card_gb, card_name
from configs.settings import EngineSettings

FLAG = "--engine KIND"
OWN_KINDS = ("lmdeploy", "cpu")
ADDRESS = re.compile(r"https?://\S+")
NEWER_FAMILY, NEWER_TEMPLATE = re.compile(r"internvl2[._]5", re.IGNORECASE), "internvl2_5"
KEY_STATUS = (401, 403)


class EngineStep:
    """Records engine.kind, and address, key and chat template of an engine elsewhere."""

    def __init__(self, terminal: SetupTerminal, answers: SetupAnswers) -> None:
        self._terminal, self._answers = terminal, answers

    def run(self, given: str | None) -> str:
        """The engine's kind. Raises SetupError, HostError, SettingsError."""
        choice = given or self._settled()
        if choice:
            self._record(choice)
        while not choice:
            choice = self._ask()
            try:
                self._record(choice)
            except (HostError, SettingsError, SetupError) as error:
                print(error)
                choice = None
        kind = self._answers.settings().engine.kind
        self._terminal.show("engine-known", kind=kind, url=self._answers.settings().engine.url)
        return kind

    def _settled(self) -> str | None:
        """The choice that needs no question."""
        kind = self._answers.known("engine", "kind")
        if self._answers.is_settled("engine", "kind") or (kind and not self._asks):
            return self._known_choice()
        return None if self._terminal.interactive else ("lmdeploy" if card_name() else self._ask())

    @property
    def _asks(self) -> bool:
        return self._terminal.interactive and not self._terminal.agree

    def _known_choice(self) -> str | None:
        kind = self._answers.known("engine", "kind")
        url = self._answers.known("engine", "url") or EngineSettings.model_fields["url"].default
        return str(url if kind == "url" else kind) if kind else None

    def _ask(self) -> str:
        gpu = card_name()
        default = self._known_choice() if self._answers.exists else None
        key = "ask-engine-gpu" if gpu else "ask-engine-cpu"
        return self._terminal.ask(key, FLAG, default or ("lmdeploy" if gpu else "cpu"), gpu=gpu, gb=round(card_gb()))

    def _record(self, choice: str) -> None:
        """Check a choice as `jokebot run` does, and record it. Raises HostError, SettingsError, SetupError."""
        if choice in OWN_KINDS:
            check_host(self._answers.settings_with("engine", kind=choice))
            self._answers.set("engine", "kind", choice)
        elif ADDRESS.fullmatch(choice):
            self._record_address(choice.rstrip("/"))
        else:
            raise SetupError(self._terminal.text("engine-malformed", answer=choice))

    def _may_be_away(self) -> bool:
        """Whether an engine that doesn't answer now is used."""
        can_ask = self._terminal.interactive or self._terminal.agree
        return can_ask and self._terminal.confirm("engine-away", FLAG, default=False)

    def _record_address(self, url: str) -> None:
        key = str(self._answers.known("engine", "api_key") or "")
        while True:
            try:
                models = asyncio.run(served_models(self._answers.settings_with("engine", url=url, **_key(key)).engine))
            except EngineError as error:
                if error.status in KEY_STATUS and self._terminal.interactive:
                    key = self._terminal.ask_secret("ask-engine-key", "JOKEBOT_ENGINE_API_KEY")
                    continue
                print(error)
                if not self._may_be_away():
                    raise SetupError(self._terminal.text("engine-not-used", url=url)) from None
                models = []
            break
        self._answers.set("engine", "url", url)
        self._answers.set("engine", "kind", "url")
        if key:
            self._answers.set("engine", "api_key", key)
        if models:
            self._terminal.show("engine-serves", models=", ".join(models))
        if models and NEWER_FAMILY.search(models[0]):
            self._answers.suggest("engine", "template", NEWER_TEMPLATE)


def _key(key: str) -> dict[str, str]:
    return {"api_key": key} if key else {}


async def served_models(engine: EngineSettings) -> list[str]:
    """The names of the models that an engine serves. Raises EngineError, SettingsError for a proxy."""
    client = EngineClient(engine)
    try:
        return await client.models()
    finally:
        await client.close()
