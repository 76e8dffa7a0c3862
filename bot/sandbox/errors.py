"""Errors of the sandbox: ApiError for the bot, in Telegram's wording, and SandboxError for the sandbox's users."""

from configs.errors import JokebotError

PREFIXES = {400: "Bad Request", 403: "Forbidden", 409: "Conflict"}


class ApiError(Exception):
    """A Bot API call is refused; the answer is `{"ok": false, "error_code": …, "description": …}`.

    The wording follows tdlib/telegram-bot-api (`Client::fail_query_with_error`): the error's class, a colon, and the
    reason in lower case.
    """

    def __init__(
        self, reason: str, code: int = 400, retry_after: int | None = None, upgraded_to: int | None = None
    ) -> None:
        self.code = code
        self.description = f"{PREFIXES[code]}: {reason}" if code in PREFIXES else reason
        self.retry_after = retry_after
        parameters = {"retry_after": retry_after, "migrate_to_chat_id": upgraded_to}
        self.parameters = {name: value for name, value in parameters.items() if value is not None}
        super().__init__(self.description)

    def body(self) -> dict[str, object]:
        """The answer's JSON object."""
        body: dict[str, object] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return body


def too_many_requests(retry_after: int) -> ApiError:
    return ApiError(f"Too Many Requests: retry after {retry_after}", 429, retry_after)


class SandboxError(JokebotError):
    """A user's request to the sandbox is invalid, for example names an unknown chat."""
