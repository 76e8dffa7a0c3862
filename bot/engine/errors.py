"""The error of requests to an engine; its messages are for admins."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from configs.errors import JokebotError

if TYPE_CHECKING:
    from openai import APIStatusError

Kind = Literal["down", "slow", "empty", "cut_off", "refused"]
OVERLOADED = (429, 500, 502, 503, 504)


class EngineError(JokebotError):
    """The engine gave no joke.

    `kind`: it can't be reached or is overloaded ("down"), took too long ("slow"), wrote nothing ("empty"), stopped in
    the middle ("cut_off") or rejected the request ("refused"). `retryable`: the same request may succeed a moment
    later; `retry_after_s`: the delay that the engine asked for; `status`: the HTTP status where there was one.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        retryable: bool = False,
        retry_after_s: float = 0.0,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.status = status


@contextmanager
def engine_errors(url: str, *, midway: bool = False) -> Iterator[None]:
    """Turn exceptions of the `openai` package into EngineError; `midway`: the reply has begun."""
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        raise _status_error(error, url) from error
    except openai.APIConnectionError as error:
        if midway:
            raise EngineError(
                "cut_off", f"The engine at {url} dropped the connection in the middle of a joke.", retryable=True
            ) from error
        cause = error.__cause__ or error
        raise EngineError(
            "down",
            f"The engine at {url} can't be reached ({str(cause) or type(cause).__name__}). "
            "Start it, or set JOKEBOT_ENGINE_URL.",
            retryable=True,
        ) from error
    except openai.APIError as error:
        raise EngineError(
            "cut_off", f"The engine at {url} failed in the middle of a joke: {error.message}", retryable=True
        ) from error
    # Replies that violate the protocol: no JSON, no UTF-8, other shapes.
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise EngineError(
            "cut_off",
            f"The engine at {url} sent a reply that violates the OpenAI chat protocol. "
            "Check that JOKEBOT_ENGINE_URL is an engine's address.",
            retryable=True,
        ) from error


def _status_error(error: "APIStatusError", url: str) -> EngineError:
    """The EngineError for an HTTP status other than 200."""
    status = error.status_code
    if status in OVERLOADED:
        return EngineError(
            "down",
            f"The engine at {url} is overloaded or not ready (status {status}). {_engine_message(error)}".strip(),
            retryable=True,
            retry_after_s=_retry_after_s(error.response.headers.get("retry-after", "")),
            status=status,
        )
    advice = {
        401: "Check JOKEBOT_ENGINE_API_KEY.",
        403: "Check JOKEBOT_ENGINE_API_KEY.",
        404: "Check JOKEBOT_ENGINE_URL (it ends in /v1) and JOKEBOT_ENGINE_MODEL.",
    }.get(status, _engine_message(error))
    return EngineError(
        "refused", f"The engine at {url} refused the request (status {status}). {advice}".strip(), status=status
    )


def _engine_message(error: "APIStatusError") -> str:
    """The engine's own message, on one short line."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else body
    return " ".join(str(message or "").split())[:200]


def _retry_after_s(header: str) -> float:
    """A Retry-After header's seconds; 0 where it is missing or a date."""
    return float(header) if header.isascii() and header.isdigit() else 0.0
