"""Tokens to text while they come: whole characters only, and nothing past a stop string."""
from collections.abc import Callable

BROKEN = "\ufffd"
"""What a decoder shows for bytes that are no character, or not yet one."""


class TextStream:
    """Turns a growing list of tokens into pieces of text that never have to be taken back."""

    def __init__(self, decode: Callable[[list[int]], str], stop: tuple[str, ...] = ()) -> None:
        self.decode = decode
        self.stop = stop
        self.tokens: list[int] = []
        self.sent = 0
        self.stopped = False

    def push(self, token: int) -> str:
        """The text that has become certain with this token; often empty. Sets `stopped` at a stop string."""
        self.tokens.append(token)
        return self.release(held=True)

    def finish(self) -> str:
        """The rest of the text, without bytes at its end that never became a character."""
        return "" if self.stopped else self.release(held=False)

    def release(self, held: bool) -> str:
        """What is new of the text; `held` keeps back what may turn out to begin a stop string."""
        text = self.decode(self.tokens).rstrip(BROKEN)
        end = len(text)
        places = [place for place in (text.find(stop, self.sent) for stop in self.stop) if place >= 0]
        if places:
            end, self.stopped = min(places), True
        elif held:
            end -= self.beginning_of_stop(text)
        piece = text[self.sent:end]
        self.sent = max(self.sent, end)
        return piece

    def beginning_of_stop(self, text: str) -> int:
        """Characters at the text's end that may turn out to begin a stop string."""
        return max((length for stop in self.stop for length in range(1, len(stop)) if text.endswith(stop[:length])), default=0)
