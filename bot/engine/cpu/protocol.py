"""The part of OpenAI's chat completions protocol that the CPU engine supports."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from configs.chat_templates import ChatTemplate
from configs.errors import JokebotError

DEFAULT_TOKENS = 512


class RequestError(JokebotError):
    """A request that can't be served; the client gets OpenAI's error object."""

    def __init__(self, message: str, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code or ""

    def error_body(self) -> dict[str, Any]:
        """OpenAI's error object."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code or None}}


@dataclass(frozen=True)
class SamplerOptions:
    """How tokens are sampled. Temperature 0 takes the likeliest token.

    A text ends once its last `ngram_size` tokens have occurred `ngram_threshold` times; 0 turns that off.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    ngram_size: int = 0
    ngram_threshold: int = 0


@dataclass(frozen=True)
class RequestImage:
    """An image part of a message: its URL, and the maximum of tiles (None: the checkpoint's own)."""

    url: str
    max_tiles: int | None


@dataclass(frozen=True)
class ChatRequest:
    """A valid request: the system prompt (None: the default), and the user message's parts in order."""

    model: str | None
    system: str | None
    parts: tuple[str | RequestImage, ...]
    sampling: SamplerOptions
    max_tokens: int
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))


def parse_request(body: Any) -> ChatRequest:
    """Validate a request's JSON. Raises RequestError for an invalid or unsupported request."""
    if not isinstance(body, dict):
        raise RequestError("The body must be a JSON object.")
    system, parts = parse_messages(body.get("messages"))
    if read_number(body, "n", 1, 1, 128, integer=True) != 1:
        raise RequestError("Only n=1 is supported.", param="n")
    limit = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    seed = body.get("seed")
    return ChatRequest(
        model=read_text(body, "model"),
        system=system,
        parts=parts,
        sampling=SamplerOptions(
            read_number(body, "temperature", 1.0, 0, 2),
            read_number(body, "top_p", 1.0, 0, 1),
            read_number(body, "repetition_penalty", 1.0, 0.01, 10),
            None if seed is None else int(read_number(body, "seed", 0, -(2**63), 2**64 - 1, integer=True)),
            int(read_number(body, "repetition_ngram_size", 0, 0, 1000, integer=True)),
            int(read_number(body, "repetition_ngram_threshold", 0, 0, 1000, integer=True)),
        ),
        max_tokens=int(read_number(body, limit, DEFAULT_TOKENS, 1, 1_000_000, integer=True)),
        stop=parse_stop(body.get("stop")),
        stream=read_flag(body, "stream"),
        include_usage=read_flag(body.get("stream_options") or {}, "include_usage"),
    )


def parse_encode(body: Any) -> tuple[str, bool]:
    """An encode request's text, and whether it goes into the chat template. Raises RequestError."""
    if not isinstance(body, dict) or not isinstance(body.get("input"), str):
        raise RequestError("input must be a string.", param="input")
    return body["input"], read_flag(body, "do_preprocess")


def parse_messages(messages: Any) -> tuple[str | None, tuple[str | RequestImage, ...]]:
    """The system message, or None, and the user message's parts. Raises RequestError, like the functions below."""
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise RequestError("messages must be a list of objects.", param="messages")
    roles = [message.get("role") for message in messages]
    if roles not in (["user"], ["system", "user"]):
        raise RequestError(
            "messages must be one user message, or a system message and a user message.", param="messages"
        )
    parts = parse_content(messages[-1].get("content"))
    if len(messages) == 1:
        return None, parts
    system = parse_content(messages[0].get("content"))
    if any(isinstance(part, RequestImage) for part in system):
        raise RequestError("A system message can't hold a picture.", param="messages")
    return "".join(part for part in system if isinstance(part, str)), parts


def parse_content(content: Any) -> tuple[str | RequestImage, ...]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list) or not content:
        raise RequestError("content must be a string or a list of parts.", param="messages")
    return tuple(parse_part(part) for part in content)


def parse_part(part: Any) -> str | RequestImage:
    """A text or an image. A text with the context token is rejected: it could be taken for an image's tokens."""
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        if ChatTemplate.context in part["text"]:
            raise RequestError(f"Text can't contain {ChatTemplate.context}.", param="messages")
        return part["text"]
    image = part.get("image_url") if isinstance(part, dict) and part.get("type") == "image_url" else None
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        raise RequestError(
            "A part must be {type: text, text} or {type: image_url, image_url: {url}}.", param="messages"
        )
    tiles = image.get("max_dynamic_patch")
    return RequestImage(
        image["url"], None if tiles is None else int(read_number(image, "max_dynamic_patch", 1, 1, 40, integer=True))
    )


def parse_stop(stop: Any) -> tuple[str, ...]:
    stop = [] if stop is None else [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or len(stop) > 4 or not all(isinstance(part, str) and part for part in stop):
        raise RequestError("stop must be a string or up to four strings.", param="stop")
    return tuple(stop)


def read_number(
    body: dict[str, Any], name: str, default: float, minimum: float, maximum: float, integer: bool = False
) -> float:
    """A number from `minimum` to `maximum`; the default if the field is missing or null."""
    value = body.get(name)
    if value is None:
        return default
    kind = int if integer else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not minimum <= value <= maximum:
        raise RequestError(
            f"{name} must be a {'whole ' if integer else ''}number from {minimum} to {maximum}.", param=name
        )
    return value


def read_text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"{name} must be a string.", param=name)
    return value


def read_flag(body: Any, name: str) -> bool:
    value = body.get(name, False) if isinstance(body, dict) else None
    if value is not None and not isinstance(value, bool):
        raise RequestError(f"{name} must be true or false.", param=name)
    return bool(value)


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def completion(request: ChatRequest, model: str, content: str, finish: str, used: dict[str, int]) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {
        "id": request.id,
        "object": "chat.completion",
        "created": request.created,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": used,
    }


def stream_chunk(
    request: ChatRequest,
    model: str,
    delta: dict[str, str] | None,
    finish: str | None = None,
    used: dict[str, int] | None = None,
) -> dict[str, Any]:
    """One event of a stream. `delta` is None in the last one, which has only the usage."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    return {
        "id": request.id,
        "object": "chat.completion.chunk",
        "created": request.created,
        "model": model,
        "choices": choices,
        **({"usage": used} if used else {}),
    }
