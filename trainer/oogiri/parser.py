"""Reads CLoT-Oogiri-GO's JSON lines and the tutorial's `ex_cn.json`, with a reason for each unusable row."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import JokebotError

IMAGE = "<image>"
MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
"""Encodings by byte order mark, the longer marks first."""
MULTIPLES = {"k": 1_000, "千": 1_000, "w": 10_000, "万": 10_000, "m": 1_000_000}


class OogiriError(JokebotError):
    """The file as a whole can't be imported."""


class UnusableRow(Exception):
    """A row can't be used. Equal reasons have equal messages, so that they can be counted."""


@dataclass(frozen=True)
class OogiriRow:
    """A joke on a picture. `line` counts from 1; `stars` are likes, None if unknown.

    `question` is the text to a picture (IT2T) unless it stands in the picture, `prompt` the tutorial's own question to
    the model.
    """

    line: int
    image: str
    text: str
    stars: int | None = None
    question: str | None = None
    prompt: str | None = None


def read_rows(path: Path, data: bytes) -> Iterator[OogiriRow | str]:
    """The rows in a file's content in order, or the reason for an unusable row.

    `path` is for messages. Raises OogiriError if the file as a whole is damaged.
    """
    data = as_utf8(path, data)
    array = data.lstrip()[:1] == b"["
    for number, item in whole_array(path, data) if array else lines(data):
        try:
            item = item if array else decoded(item)
            tutorial = array and not (isinstance(item, dict) and "type" in item)
            yield tutorial_row(number, item) if tutorial else oogiri_row(number, item)
        except UnusableRow as error:
            yield str(error)


def as_utf8(path: Path, data: bytes) -> bytes:
    """The file's content in UTF-8: from UTF-16 or UTF-32, or from GB 18030, which contains GBK.

    A file in UTF-8 keeps its damaged lines, for `decoded`. Raises OogiriError for a damaged file of another encoding.
    """
    encoding = _encoding_of(data)
    if encoding == "utf-8":
        return data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode(encoding).removeprefix("\ufeff").encode()
    except UnicodeError as error:
        if encoding == "gb18030":
            return data
        raise OogiriError(f"{path} is damaged or cut off: {error}. Nothing was imported.") from error


def _encoding_of(data: bytes) -> str:
    """The encoding by byte order mark, by zero bytes, or by most of the lines."""
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return encoding
    if data[1:2] == b"\0" or data[:1] == b"\0":  # JSON begins with an ASCII character
        return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    lines = [line for line in data.splitlines() if not line.isascii()]
    return "utf-8" if 2 * sum(map(_is_utf8, lines)) >= len(lines) else "gb18030"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def whole_array(path: Path, data: bytes) -> Iterator[tuple[int, Any]]:
    try:
        rows = json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise OogiriError(f"{path} is damaged or cut off: {error}. Nothing was imported.") from error
    yield from enumerate(rows, 1)


def lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    yield from ((number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip())


def decoded(line: bytes) -> Any:
    try:
        return json.loads(line)
    except UnicodeDecodeError as error:
        raise UnusableRow("its line is not in UTF-8, UTF-16 or GB 18030") from error
    except json.JSONDecodeError as error:
        raise UnusableRow("its line is no JSON, or cut off") from error


def oogiri_row(number: int, item: Any) -> OogiriRow:
    """A line of CLoT-Oogiri-GO. Raises UnusableRow."""
    if not isinstance(item, dict):
        raise UnusableRow("its line is no JSON object")
    kind, image, question, text = (single(item.get(key)) for key in ("type", "image", "question", "text"))
    if kind == "T2T":
        raise UnusableRow("it is about no picture (T2T)")
    if kind not in ("I2T", "IT2T"):
        raise UnusableRow("its type is none of I2T, IT2T, T2T")
    if isinstance(image, int) and not isinstance(image, bool):
        image = str(image)
    if not isinstance(image, str) or not image.strip():
        raise UnusableRow("it names no picture")
    # Without a question it stands in the picture; so it is in all IT2T rows of CLoT-Oogiri-GO.
    question = question.strip() if kind == "IT2T" and isinstance(question, str) else ""
    return OogiriRow(number, image.strip(), text_of(text), parse_stars(item.get("star")), question or None)


def tutorial_row(number: int, item: Any) -> OogiriRow:
    """A record of the tutorial's file: `image`, `conversations` of a question and an answer. Raises UnusableRow."""
    if not isinstance(item, dict):
        raise UnusableRow("it is no JSON object")
    image, turns = single(item.get("image")), item.get("conversations")
    if not isinstance(image, str) or not image.strip():
        raise UnusableRow("it names no picture")
    if not isinstance(turns, list) or [isinstance(turn, dict) and turn.get("from") for turn in turns] != [
        "human",
        "gpt",
    ]:
        raise UnusableRow("it is no conversation of one question and one answer")
    question, answer = (text_of(single(turn.get("value"))) for turn in turns)
    if question.count(IMAGE) != 1:
        raise UnusableRow(f"{IMAGE} does not stand once in its question")
    return OogiriRow(number, image.strip(), answer, prompt=text_of(question.replace(IMAGE, "")))


def single(value: Any) -> Any:
    """The element of a list of one element; any other value as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def text_of(value: Any) -> str:
    """The stripped text. Raises UnusableRow if it is empty or not a string."""
    if not isinstance(value, str):
        raise UnusableRow("its text is no text")
    if not value.strip():
        raise UnusableRow("its text is empty")
    return value.strip()


def parse_stars(value: Any) -> int | None:
    """Parse likes: 5, 5.0, "5", "1,234", "１，２３４", "1.2k", "3.4万", "+12"; None for other values."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return int(value) if 0 <= value < 1e12 else None
    if not isinstance(value, str):
        return None
    text = unicodedata.normalize("NFKC", value).strip().lower().replace(",", "").replace(" ", "")
    match = re.fullmatch(r"\+?(\d+(?:\.\d+)?)([kwm千万]?)\+?", text)
    return round(float(match[1]) * MULTIPLES.get(match[2], 1)) if match else None
