"""The readiness check of the prompt, against LMDeploy's own tokenizer and chat template code."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.engine.client import EngineReply
from bot.engine.lmdeploy.launcher import write_template
from bot.engine.servers import readiness
from configs.chat_templates import DEFAULT_TEMPLATE, OLD_TEMPLATE, chat_template
from configs.prompts import load_prompts
from tests.official_models import CONVERSATIONS, official_prompt

TILE = 256


class Lmdeploy:
    """`/v1/encode` and the prompt of a photo, by the classes that LMDeploy 0.18's server uses for them.

    `chat_template` is the file of `--chat-template`; without one, LMDeploy takes the tokenizer's.
    """

    def __init__(self, directory: Path, template: Path | None) -> None:
        from lmdeploy.cli.utils import get_chat_template as read_chat_template
        from lmdeploy.model import get_chat_template
        from lmdeploy.tokenizer import Tokenizer

        self.tokenizer = Tokenizer(str(directory), trust_remote_code=True)
        config = read_chat_template(str(template)) if template else None
        self.template = get_chat_template(str(directory), config, trust_remote_code=True)

    async def encode(self, text: str, *, as_user: bool = False) -> list[int]:
        return self.tokenizer.encode(self.template.get_prompt(text) if as_user else text, add_bos=True)

    def photo_ids(self, system: str, question: str) -> list[int]:
        """As `InternVLVisionModel.proc_messages` and `to_pytorch_aux` make them, for a photo of one tile."""
        messages = [
            {"role": "system", "content": system},
            {"role": "user", "content": f"<img><IMG_CONTEXT></img>\n{question}"},
        ]
        before, after = self.template.messages2prompt(messages).split("<IMG_CONTEXT>")
        context = self.tokenizer.encode("<IMG_CONTEXT>", add_bos=False)
        return [
            *self.tokenizer.encode(before, add_bos=True),
            *context * TILE,
            *self.tokenizer.encode(after, add_bos=False),
        ]


@pytest.fixture
def served(tmp_path: Path) -> Callable[..., Lmdeploy]:
    """A function that makes LMDeploy's parts for a directory and a chat template's name."""
    return lambda directory, name=DEFAULT_TEMPLATE: Lmdeploy(directory, write_template(name, tmp_path))


def photo_tokens(server: Lmdeploy) -> int:
    return len(server.photo_ids(chat_template().system, load_prompts().ask("en")))


def check(server: Lmdeploy, directory: Path, tokens: int) -> None:
    reply = EngineReply("a joke", tokens, 3, 0.1, "stop")
    asyncio.run(readiness.check_prompt(server, reply, directory, chat_template()))


@pytest.fixture
def damaged(tiny: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny, tmp_path / "damaged")


def change(directory: Path, **values: object) -> None:
    file = directory / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_lmdeploy_encodes_the_familys_own_prompt(tiny: Path, served: Any, name: str, language: str) -> None:
    server, question = served(tiny, name), load_prompts().ask(language)
    official = server.tokenizer.encode("<s>" + official_prompt(name, question, TILE), add_bos=True)
    assert server.photo_ids(CONVERSATIONS[name][0], question) == official
    assert server.tokenizer.bos_token_id == official[0] and official.count(official[0]) == 1


def test_what_lmdeploy_asks_is_what_the_prompts_say(tiny: Path, served: Any) -> None:
    server = served(tiny)
    check(server, tiny, photo_tokens(server))


def test_a_photo_with_more_or_fewer_tokens_than_ours_is_noticed(tiny: Path, served: Any) -> None:
    server = served(tiny)
    with pytest.raises(readiness.NotReadyError, match="tokens"):
        check(server, tiny, photo_tokens(server) - 1)


@pytest.mark.parametrize("name", [OLD_TEMPLATE, "internvl2_5"])
def test_another_familys_template_is_noticed(tiny: Path, served: Any, name: str) -> None:
    with pytest.raises(readiness.NotReadyError, match="chat template"):
        check(served(tiny, name), tiny, 300)


def test_the_tokenizers_own_template_is_noticed(tiny: Path) -> None:
    with pytest.raises(readiness.NotReadyError, match="chat template"):
        check(Lmdeploy(tiny, None), tiny, 300)


def test_lmdeploy_stops_where_a_turn_ends(tiny: Path, served: Any) -> None:
    from lmdeploy.utils import _stop_words

    server = served(tiny)
    stops = _stop_words(server.template.stop_words, server.tokenizer)[0][0].tolist()
    assert stops == [server.tokenizer.encode(token, add_bos=False)[-1] for token in ("<|im_end|>", "</s>")]


def test_a_tokenizer_that_does_not_know_the_pictures_tokens_is_noticed(tiny: Path, damaged: Path, served: Any) -> None:
    file = damaged / "tokenizer.json"
    file.write_text(file.read_text().replace("<IMG_CONTEXT>", "<NO_CONTEXT>"))
    change(damaged, additional_special_tokens=[])
    with pytest.raises(readiness.NotReadyError, match="IMG_CONTEXT"):
        check(served(damaged), tiny, 300)
