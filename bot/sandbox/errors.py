"""What the sandbox says no with: to the bot in Telegram's words, to a person in ours."""

from configs.errors import JokebotError

PREFIXES = {400: "Bad Request", 403: "Forbidden", 409: "Conflict"}


class ApiError(Exception):
    """A Bot API call that Telegram would refuse; becomes `{"ok": false, "error_code": …, "description": …}`.

    The wording follows tdlib/telegram-bot-api (`Client::fail_query_with_error`): the class of the error, a colon, and
    the reason with a small first letter.
    """

    def __init__(
        self, reason: str, code: int = 400, retry_after: int | None = None, upgraded_to: int | None = None
    ) -> None:
        self.code = code
        self.description = f"{PREFIXES[code]}: {reason}" if code in PREFIXES else reason
        self.retry_after = retry_after
        given = {"retry_after": retry_after, "migrate_to_chat_id": upgraded_to}
        self.parameters = {name: value for name, value in given.items() if value is not None}
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
    """A person asked the sandbox for something that makes no sense there, such as a chat that does not exist."""
