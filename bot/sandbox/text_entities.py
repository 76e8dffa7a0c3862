"""Telegram's text: lengths in UTF-16 code units, detected entities, and HTML markup."""

import html
import re
from typing import Any

from bot.sandbox.errors import ApiError

Entity = dict[str, Any]

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
DETECTED = re.compile(
    r"(?P<url>https?://[^\s<>\"]+)"
    r"|(?<![\w/@])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)(?![\w/@])"
    r"|(?<![\w/@])(?P<mention>@[A-Za-z0-9_]{3,32})(?!\w)"
    r"|(?<!\w)(?P<hashtag>#\w+)"
)
TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
}
TOKEN = re.compile(
    r"<(?P<end>/?)(?P<name>[^\s>]*)(?P<attributes>(?:[^>\"']|\"[^\"]*\"|'[^']*')*)>"
    r"|&(?:lt|gt|amp|quot|#\d+|#x[0-9A-Fa-f]+);|<(?P<broken>/?[^\s>]*)"
)
ATTRIBUTE = re.compile(r"([a-zA-Z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")


def units(text: str) -> int:
    """Length in UTF-16 code units, the unit of Telegram's offsets and limits."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def find_entities(text: str, existing: list[Entity] | None = None) -> list[Entity]:
    """Entities that Telegram detects in plain text, without those that overlap `existing` ones."""
    if not any(character in text for character in "/@#"):
        return []
    entities = []
    for match in DETECTED.finditer(text):
        entity = {"type": match.lastgroup, "offset": units(text[: match.start()]), "length": units(match.group())}
        if not any(overlap(entity, other) for other in existing or []):
            entities.append(entity)
    return entities


def overlap(first: Entity, second: Entity) -> bool:
    first_end, second_end = (entity["offset"] + entity["length"] for entity in (first, second))
    return first["offset"] < second_end and second["offset"] < first_end


def parse_text(text: str, parse_mode: str = "", entities: list[Entity] | None = None) -> tuple[str, list[Entity]]:
    """Text without markup and outer white space, and its entities in Telegram's order.

    Raises ApiError if the markup or an entity is invalid, or the mode is unknown or Markdown.
    """
    mode = parse_mode.lower()
    if mode == "html":
        text, marked = parse_html(text)
    elif mode in ("", "none"):
        marked = [check_entity(entity) for entity in entities or []]
    elif mode in ("markdown", "markdownv2"):
        raise ApiError("can't parse entities: the sandbox reads parse_mode HTML only")
    else:
        raise ApiError("unsupported parse_mode")
    text, marked = trim(text, marked)
    found = find_entities(text, marked)
    return text, sorted(marked + found, key=lambda entity: (entity["offset"], -entity["length"]))


def check_entity(entity: Any) -> Entity:
    """A copy of an entity from the call's parameters. Raises ApiError if it is invalid."""
    if (
        not isinstance(entity, dict)
        or not all(isinstance(entity.get(key), int) for key in ("offset", "length"))
        or "type" not in entity
    ):
        raise ApiError("can't parse MessageEntity: Expected an Object with type, offset and length")
    return dict(entity)


def trim(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Text without outer white space, and its entities moved accordingly."""
    shift = units(text) - units(text.lstrip())
    text = text.strip()
    length, trimmed = units(text), []
    for entity in entities:
        start = max(entity["offset"] - shift, 0)
        end = min(entity["offset"] - shift + entity["length"], length)
        if end > start:
            trimmed.append({**entity, "offset": start, "length": end - start})
    return text, trimmed


def parse_html(markup: str) -> tuple[str, list[Entity]]:
    """Telegram's HTML as plain text and entities. Raises ApiError, worded as in tdlib's `parse_html`."""
    parts: list[str] = []
    entities: list[Entity] = []
    open_tags: list[tuple[str, int, Entity]] = []
    length = position = 0
    for token in TOKEN.finditer(markup):
        plain = markup[position : token.start()]
        parts.append(plain)
        length += units(plain)
        position = token.end()
        at = len(markup[: token.start()].encode())
        if token.group().startswith("&"):
            parts.append(html.unescape(token.group()))
            length += units(parts[-1])
        elif token["broken"] is not None:
            raise broken_tag(token["broken"].lower(), token.end() == len(markup), bool(open_tags), at)
        elif token["end"]:
            if token["attributes"].strip() and open_tags:
                raise entities_error(f"Unclosed end tag at byte offset {at}")
            close_tag(open_tags, entities, token["name"].lower(), length, at)
        else:
            open_tags.append((token["name"].lower(), length, start_tag(token["name"].lower(), token["attributes"], at)))
    if open_tags:
        raise entities_error(f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}"')
    parts.append(markup[position:])
    return "".join(parts), merge_languages(entities)


def broken_tag(name: str, at_end: bool, inside: bool, at: int) -> ApiError:
    """tdlib's error for a `<` whose tag never ends."""
    if name.startswith("/"):
        return entities_error(f"{'Unclosed' if inside else 'Unexpected'} end tag at byte offset {at}")
    if name not in TAGS and not at_end:
        return entities_error(f'Unsupported start tag "{name}" at byte offset {at}')
    return entities_error(f"Unclosed start tag at byte offset {at}")


def start_tag(name: str, attributes: str, at: int) -> Entity:
    values = {
        key.lower(): html.unescape(double or single or bare)
        for key, double, single, bare in ATTRIBUTE.findall(attributes)
    }
    if name not in TAGS:
        raise entities_error(f'Unsupported start tag "{name}" at byte offset {at}')
    if name == "span" and values.get("class") != "tg-spoiler":
        raise entities_error(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    if name == "a":
        return {"type": "text_link", "url": values.get("href", "")}
    if name == "code" and values.get("class", "").startswith("language-"):
        return {"type": "code", "language": values["class"].removeprefix("language-")}
    if name == "blockquote" and "expandable" in values:
        return {"type": "expandable_blockquote"}
    return {"type": TAGS[name]}


def close_tag(
    open_tags: list[tuple[str, int, Entity]], entities: list[Entity], name: str, length: int, at: int
) -> None:
    if not open_tags:
        raise entities_error(f"Unexpected end tag at byte offset {at}")
    opened, start, entity = open_tags.pop()
    if name and name != opened:
        raise entities_error(f'Unmatched end tag at byte offset {at}, expected "</{opened}>", found "</{name}>"')
    if length > start and entity.get("url") != "":
        entities.append(
            {
                "type": entity["type"],
                "offset": start,
                "length": length - start,
                **{key: value for key, value in entity.items() if key != "type"},
            }
        )


def merge_languages(entities: list[Entity]) -> list[Entity]:
    """Merge `<pre><code class="language-…">` to one `pre` with a language; drop languages elsewhere."""
    pres = {(entity["offset"], entity["length"]): entity for entity in entities if entity["type"] == "pre"}
    merged = []
    for entity in entities:
        language = entity.pop("language", None) if entity["type"] == "code" else None
        around = pres.get((entity["offset"], entity["length"])) if entity["type"] == "code" else None
        if around is None:
            merged.append(entity)
        elif language:
            around["language"] = language
    return merged


def entities_error(reason: str) -> ApiError:
    return ApiError(f"can't parse entities: {reason}")
