"""What a server of ours offers besides chat: encoding texts, sleeping and waking. LMDeploy's routes; the CPU engine has the first."""
import asyncio
from collections.abc import Mapping
from typing import Any

from bot.engine.errors import EngineError

ENCODE_S, SLEEP_S = 60.0, 120.0


class Control:
    """Asks one server at `url` (without /v1) with its API key."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {key}"}

    async def encode(self, text: str, *, as_user: bool = False) -> list[int]:
        """The token ids of a text as the server's tokenizer sees it; `as_user` puts it into the checkpoint's own chat
        template first, as the only message. Raises EngineError."""
        answer = await self._post("/v1/encode", {"input": text, "do_preprocess": as_user, "add_bos": True}, ENCODE_S)
        ids = answer.get("input_ids") if isinstance(answer, Mapping) else None
        if not isinstance(ids, list) or not ids:
            raise EngineError("refused", f"The engine at {self._url} doesn't encode texts.")
        return ids

    async def sleep(self) -> None:
        """Let it give back its cache and move its weights to the host's memory (level 1). Raises EngineError."""
        await self._post("/sleep?level=1", {}, SLEEP_S)

    async def wake(self) -> None:
        """Raises EngineError where it can't take its memory back."""
        await self._post("/wakeup", {}, SLEEP_S)

    async def _post(self, path: str, body: dict[str, Any], timeout_s: float) -> Any:
        """LMDeploy wants the content type and a body with each POST, else it answers 400."""
        import aiohttp

        try:
            async with (asyncio.timeout(timeout_s), aiohttp.ClientSession(headers=self._headers) as session,
                        session.post(self._url + path, json=body) as response):
                if response.status != 200:
                    says = " ".join((await response.text()).split())[:200]
                    raise EngineError("refused", f"The engine at {self._url} refused {path} (status {response.status}). {says}", status=response.status)
                return await response.json(content_type=None) if path.startswith("/v1") else None
        except TimeoutError:
            raise EngineError("slow", f"The engine at {self._url} took too long for {path}.") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise EngineError("down", f"The engine at {self._url} did not answer {path} ({error}).") from error
