"""A stub model server as a process: StubEngine with LMDeploy's further routes and scripted faults.

`python -m bot.engine.stub.server --port N --name MODEL` passes all checks of `bot/engine/servers/readiness.py`. Its
toy tokenizer has one token for each special token and one for each other character. The environment variable STUB_KEY
is the API key.
"""

import argparse
import asyncio
import os
import re
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.engine.servers.readiness import special_ids
from bot.engine.stub.engine import RecordedRequest, StubEngine, StubReply
from configs.chat_templates import DEFAULT_TEMPLATE, chat_template
from configs.tiling import TILE_TOKENS, tile_count

SPECIAL = re.compile(r"(<\|\w+\|>|</?\w+>)")
FAULTS = ("", "hang", "stall", "slow", "empty", "garbage", "die", "drop")
TOY_SPECIALS = {
    token: number
    for number, token in enumerate(("<s>", "</s>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>"), 1)
}


class StubServer(StubEngine):
    """`fault` begins after `after` chat requests. `specials` are the ids of the special tokens.

    Faults: "hang" sends nothing; "stall" sends text without an end; "slow" sends text for seconds; "empty" sends no
    text; "garbage" sends no plausible text; "die" ends the process; "drop" cuts the connection.
    """

    key, fault, after, template = "", "", 0, "whole"
    chat = chat_template()
    asleep, specials = False, TOY_SPECIALS

    def app(self) -> web.Application:
        app = super().app()
        app.middlewares.append(self.guard)
        app.router.add_post("/v1/encode", self._encode)
        app.router.add_post("/sleep", self._sleep)
        app.router.add_post("/wakeup", self._wake)
        return app

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.key and request.path != "/health" and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "no such key"}}, status=401)
        if self.asleep and request.path == "/v1/chat/completions":
            return web.json_response({"error": {"message": "asleep"}}, status=503)
        return await handler(request)

    async def _encode(self, request: web.Request) -> web.Response:
        body = await request.json()
        text = body["input"]
        if body["do_preprocess"] and self.template == "whole":
            text = self.chat.render(text)
        ids = self.encode(text)
        return web.json_response({"input_ids": ids, "length": len(ids)})

    def encode(self, text: str) -> list[int]:
        """Toy token ids: one for each special token and one for each other character."""
        ids: list[int] = []
        for part in SPECIAL.split(text):
            ids += [self.specials[part]] if part in self.specials else [10**6 + ord(character) for character in part]
        return ids

    async def _sleep(self, request: web.Request) -> web.Response:
        self.asleep = True
        return web.Response()

    async def _wake(self, request: web.Request) -> web.Response:
        self.asleep = False
        return web.Response()

    async def _stream(self, request: web.Request, asked: RecordedRequest, answer: StubReply) -> web.StreamResponse:
        tiles = tile_count(*asked.size, asked.max_dynamic_patch or 12)
        self.prompt_tokens = len(self.encode(self.chat.render(asked.user, TILE_TOKENS * tiles)))
        if not self.fault or self.requests <= self.after:
            return await super()._stream(request, asked, answer)
        if self.fault == "hang":
            await asyncio.Event().wait()
        if self.fault == "die":
            answer = StubReply(answer.text, token_s=0.05)
            asyncio.get_running_loop().call_later(0.2, os._exit, 9)
        faulty = {
            "stall": StubReply(answer.text, ending="hang"),
            "slow": StubReply(" ".join([answer.text] * 9), token_s=0.2),
            "empty": StubReply(""),
            "garbage": StubReply("!!!!!!!!!!!!!!!!"),
            "drop": StubReply(answer.text, ending="drop"),
        }
        return await super()._stream(request, asked, faulty.get(self.fault, answer))


async def serve(arguments: argparse.Namespace) -> None:
    while arguments.when and not arguments.when.exists():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    answer = StubReply(arguments.text or f"{arguments.name} tells a joke.", arguments.first_token_s, arguments.token_s)
    async with StubServer.running(arguments.port, answer=answer, models=[arguments.name]) as engine:
        engine.key, engine.fault = os.environ.get("STUB_KEY", ""), arguments.fault
        engine.after, engine.template = arguments.after, arguments.template
        engine.chat = chat_template(arguments.chat_template)
        if arguments.ids:
            engine.specials = special_ids(arguments.ids)
        print(f"listening on {engine.url.removesuffix('/v1')}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bot.engine.stub.server", description="A stub of a server that the bot runs."
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--name", default="stub", help="the model's name")
    parser.add_argument("--when", type=Path, metavar="FILE", help="start once this file exists")
    parser.add_argument("--text", default="", help="the reply (default: names the model)")
    parser.add_argument("--first-token-s", type=float, default=0.0)
    parser.add_argument("--token-s", type=float, default=0.0)
    parser.add_argument("--fault", choices=FAULTS, default="", help="the fault")
    parser.add_argument("--after", type=int, default=0, help="chat requests before the fault begins")
    parser.add_argument(
        "--template", choices=("whole", "bare"), default="whole", help="bare: as if the tokenizer had not loaded"
    )
    parser.add_argument("--chat-template", default=DEFAULT_TEMPLATE, metavar="NAME", help="the model's chat template")
    parser.add_argument("--ids", type=Path, metavar="DIR", help="take the special tokens' ids from this checkpoint")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
