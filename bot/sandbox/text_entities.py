"""Text as Telegram sees it: lengths in UTF-16 code units, entities that it finds by itself, and HTML markup."""

import html
import re
from typing import Any

from bot.sandbox.errors import ApiError

Entity = dict[str, Any]

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
FOUND = re.compile(
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


def found_entities(text: str, taken: list[Entity] | None = None) -> list[Entity]:
    """Entities that Telegram finds in plain text, except where `taken` ones lie already."""
    if not any(character in text for character in "/@#"):
        return []
    entities = []
    for match in FOUND.finditer(text):
        entity = {"type": match.lastgroup, "offset": units(text[: match.start()]), "length": units(match.group())}
        if not any(overlap(entity, other) for other in taken or []):
            entities.append(entity)
    return entities


def overlap(one: Entity, other: Entity) -> bool:
    return one["offset"] < other["offset"] + other["length"] and other["offset"] < one["offset"] + one["length"]


def formatted(text: str, parse_mode: str = "", entities: list[Entity] | None = None) -> tuple[str, list[Entity]]:
    """Text without markup and outer white space, and its entities in Telegram's order. Raises Refusal."""
    mode = parse_mode.lower()
    if mode == "html":
        text, marked = parse_html(text)
    elif mode in ("", "none"):
        marked = [whole(entity) for entity in entities or []]
    elif mode in ("markdown", "markdownv2"):
        raise ApiError("can't parse entities: the sandbox reads parse_mode HTML only")
    else:
        raise ApiError("unsupported parse_mode")
    text, marked = trimmed(text, marked)
    every = marked + found_entities(text, marked)
    return text, sorted(every, key=lambda entity: (entity["offset"], -entity["length"]))


def whole(entity: Any) -> Entity:
    """An entity that the bot gave itself. Raises Refusal where it is none."""
    if (
        not isinstance(entity, dict)
        or not all(isinstance(entity.get(key), int) for key in ("offset", "length"))
        or "type" not in entity
    ):
        raise ApiError("can't parse MessageEntity: Expected an Object with type, offset and length")
    return dict(entity)


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    shift = units(text) - units(text.lstrip())
    text = text.strip()
    length, kept = units(text), []
    for entity in entities:
        start = max(entity["offset"] - shift, 0)
        end = min(entity["offset"] - shift + entity["length"], length)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return text, kept


def parse_html(markup: str) -> tuple[str, list[Entity]]:
    """Telegram's HTML as plain text and entities. Raises Refusal in the words of tdlib's `parse_html`."""
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
                raise unreadable(f"Unclosed end tag at byte offset {at}")
            close_tag(open_tags, entities, token["name"].lower(), length, at)
        else:
            open_tags.append((token["name"].lower(), length, start_tag(token["name"].lower(), token["attributes"], at)))
    if open_tags:
        raise unreadable(f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}"')
    parts.append(markup[position:])
    return "".join(parts), merged(entities)


def broken_tag(name: str, at_end: bool, inside: bool, at: int) -> ApiError:
    """What tdlib says of a `<` whose tag never ends."""
    if name.startswith("/"):
        return unreadable(f"{'Unclosed' if inside else 'Unexpected'} end tag at byte offset {at}")
    if name not in TAGS and not at_end:
        return unreadable(f'Unsupported start tag "{name}" at byte offset {at}')
    return unreadable(f"Unclosed start tag at byte offset {at}")


def start_tag(name: str, attributes: str, at: int) -> Entity:
    given = {
        key.lower(): html.unescape(double or single or bare)
        for key, double, single, bare in ATTRIBUTE.findall(attributes)
    }
    if name not in TAGS:
        raise unreadable(f'Unsupported start tag "{name}" at byte offset {at}')
    if name == "span" and given.get("class") != "tg-spoiler":
        raise unreadable(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    if name == "a":
        return {"type": "text_link", "url": given.get("href", "")}
    if name == "code" and given.get("class", "").startswith("language-"):
        return {"type": "code", "language": given["class"].removeprefix("language-")}
    if name == "blockquote" and "expandable" in given:
        return {"type": "expandable_blockquote"}
    return {"type": TAGS[name]}


def close_tag(
    open_tags: list[tuple[str, int, Entity]], entities: list[Entity], name: str, length: int, at: int
) -> None:
    if not open_tags:
        raise unreadable(f"Unexpected end tag at byte offset {at}")
    opened, start, entity = open_tags.pop()
    if name and name != opened:
        raise unreadable(f'Unmatched end tag at byte offset {at}, expected "</{opened}>", found "</{name}>"')
    if length > start and entity.get("url") != "":
        entities.append(
            {
                "type": entity["type"],
                "offset": start,
                "length": length - start,
                **{key: value for key, value in entity.items() if key != "type"},
            }
        )


def merged(entities: list[Entity]) -> list[Entity]:
    """`<pre><code class="language-…">` is one `pre` with a language; a language anywhere else is nothing."""
    pres = {(entity["offset"], entity["length"]): entity for entity in entities if entity["type"] == "pre"}
    kept = []
    for entity in entities:
        language = entity.pop("language", None) if entity["type"] == "code" else None
        around = pres.get((entity["offset"], entity["length"])) if entity["type"] == "code" else None
        if around is None:
            kept.append(entity)
        elif language:
            around["language"] = language
    return kept


def unreadable(reason: str) -> ApiError:
    return ApiError(f"can't parse entities: {reason}")
