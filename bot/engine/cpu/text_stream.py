"""Turns a stream of tokens into text: complete characters only, and nothing after a stop string."""

from collections.abc import Callable

BROKEN = "\ufffd"
"""The replacement character: a decoder's output for invalid or incomplete bytes."""


class TextStream:
    """Turns a growing list of tokens into chunks of final text."""

    def __init__(self, decode: Callable[[list[int]], str], stop: tuple[str, ...] = ()) -> None:
        self.decode = decode
        self.stop = stop
        self.tokens: list[int] = []
        self.sent = 0
        self.stopped = False

    def push(self, token: int) -> str:
        """Add a token; returns the text that is final now, often "". Sets `stopped` at a stop string."""
        self.tokens.append(token)
        return self.release(hold_back=True)

    def finish(self) -> str:
        """The rest of the text, without incomplete bytes at its end."""
        return "" if self.stopped else self.release(hold_back=False)

    def release(self, hold_back: bool) -> str:
        """The new part of the text; `hold_back` leaves out a suffix that may begin a stop string."""
        text = self.decode(self.tokens).rstrip(BROKEN)
        end = len(text)
        stop_indexes = [index for index in (text.find(stop, self.sent) for stop in self.stop) if index >= 0]
        if stop_indexes:
            end, self.stopped = min(stop_indexes), True
        elif hold_back:
            end -= self.stop_prefix_length(text)
        chunk = text[self.sent : end]
        self.sent = max(self.sent, end)
        return chunk

    def stop_prefix_length(self, text: str) -> int:
        """How many characters at the text's end may be the beginning of a stop string."""
        return max(
            (length for stop in self.stop for length in range(1, len(stop)) if text.endswith(stop[:length])), default=0
        )
