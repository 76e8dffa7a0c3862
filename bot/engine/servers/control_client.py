"""A client for a model server's further routes: encode a text, sleep, wake up.

LMDeploy has all three, the CPU engine only the first.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from bot.engine.errors import EngineError

ENCODE_TIMEOUT_S, SLEEP_TIMEOUT_S = 60.0, 120.0


class ControlClient:
    """A client of one server at `url` (without /v1) with its API key."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {key}"}

    async def encode(self, text: str, *, as_user: bool = False) -> list[int]:
        """The token ids of a text, by the server's tokenizer. Raises EngineError.

        `as_user` puts the text into the checkpoint's own chat template first, as the only message.
        """
        reply = await self._post(
            "/v1/encode", {"input": text, "do_preprocess": as_user, "add_bos": True}, ENCODE_TIMEOUT_S
        )
        ids = reply.get("input_ids") if isinstance(reply, Mapping) else None
        if not isinstance(ids, list) or not ids:
            raise EngineError("refused", f"The engine at {self._url} returned no token ids for a text.")
        return ids

    async def sleep(self) -> None:
        """Free the server's cache and move its weights to host memory (level 1). Raises EngineError."""
        await self._post("/sleep?level=1", {}, SLEEP_TIMEOUT_S)

    async def wake(self) -> None:
        """Move the server's weights back to the GPU. Raises EngineError if there is no memory for them."""
        await self._post("/wakeup", {}, SLEEP_TIMEOUT_S)

    async def _post(self, path: str, body: dict[str, Any], timeout_s: float) -> Any:
        """POST a JSON body; LMDeploy answers 400 to a POST without content type and body. Raises EngineError."""
        import aiohttp

        try:
            async with (
                asyncio.timeout(timeout_s),
                aiohttp.ClientSession(headers=self._headers) as session,
                session.post(self._url + path, json=body) as response,
            ):
                if response.status != 200:
                    text = " ".join((await response.text()).split())[:200]
                    raise EngineError(
                        "refused",
                        f"The engine at {self._url} refused {path} (status {response.status}). {text}",
                        status=response.status,
                    )
                return await response.json(content_type=None) if path.startswith("/v1") else None
        except TimeoutError:
            raise EngineError("slow", f"The engine at {self._url} took too long for {path}.") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise EngineError("down", f"The engine at {self._url} did not answer {path} ({error}).") from error
