"""The readiness check of the prompt, against LMDeploy's own tokenizer and chat template code."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from bot.engine.client import EngineReply
from bot.engine.servers import readiness
from configs.prompts import load_prompts

TILE = 256


class Lmdeploy:
    """`/v1/encode` and the prompt of a photo, by the classes that LMDeploy 0.18's server uses for them."""

    def __init__(self, directory: Path) -> None:
        from lmdeploy.model import MODELS, HFChatTemplate
        from lmdeploy.tokenizer import Tokenizer

        self.tokenizer = Tokenizer(str(directory), trust_remote_code=True)
        # As LMDeploy does: the bare template if the tokenizer's own can't be used.
        matches = HFChatTemplate.match(str(directory), trust_remote_code=True)
        self.template = HFChatTemplate(str(directory), trust_remote_code=True) if matches else MODELS.get("base")()

    async def encode(self, text: str, *, as_user: bool = False) -> list[int]:
        return self.tokenizer.encode(self.template.get_prompt(text) if as_user else text, add_bos=True)

    def photo_tokens(self) -> int:
        """As `InternVLVisionModel.proc_messages` and `to_pytorch_aux` count them, for a photo of one tile."""
        prompts = load_prompts()
        messages = [
            {"role": "system", "content": prompts.system},
            {"role": "user", "content": f"<img><IMG_CONTEXT></img>\n{prompts.ask('en')}"},
        ]
        before, after = self.template.messages2prompt(messages).split("<IMG_CONTEXT>")
        return (
            len(self.tokenizer.encode(before, add_bos=True)) + TILE + len(self.tokenizer.encode(after, add_bos=False))
        )


def check(server: Lmdeploy, directory: Path, photo_tokens: int) -> None:
    asyncio.run(readiness.check_prompt(server, EngineReply("a joke", photo_tokens, 3, 0.1, "stop"), directory))


@pytest.fixture
def damaged(tiny: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny, tmp_path / "damaged")


def change(directory: Path, **values: object) -> None:
    file = directory / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_what_lmdeploy_asks_is_what_the_prompts_say(tiny: Path) -> None:
    server = Lmdeploy(tiny)
    check(server, tiny, server.photo_tokens())


def test_a_photo_with_more_or_fewer_tokens_than_ours_is_noticed(tiny: Path) -> None:
    server = Lmdeploy(tiny)
    with pytest.raises(readiness.NotReadyError, match="tokens"):
        check(server, tiny, server.photo_tokens() - 1)


def test_the_bare_template_that_lmdeploy_falls_back_to_is_noticed(damaged: Path) -> None:
    change(damaged, chat_template=None)
    server = Lmdeploy(damaged)
    assert asyncio.run(server.encode("hi", as_user=True)) == asyncio.run(server.encode("hi")), (
        "LMDeploy says nothing about it"
    )
    with pytest.raises(readiness.NotReadyError, match="chat template"):
        check(server, damaged, 300)


def test_another_models_template_is_noticed(damaged: Path) -> None:
    change(
        damaged,
        chat_template="{{ bos_token }}{% for message in messages %}[INST] {{ message['content'] }} [/INST]{% endfor %}",
    )
    with pytest.raises(readiness.NotReadyError, match="chat template"):
        check(Lmdeploy(damaged), damaged, 300)


def test_a_tokenizer_that_does_not_know_the_pictures_tokens_is_noticed(tiny: Path, damaged: Path) -> None:
    file = damaged / "tokenizer.json"
    file.write_text(file.read_text().replace("<IMG_CONTEXT>", "<NO_CONTEXT>"))
    change(damaged, additional_special_tokens=[])
    with pytest.raises(readiness.NotReadyError, match="IMG_CONTEXT"):
        check(Lmdeploy(damaged), tiny, 300)
