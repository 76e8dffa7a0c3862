"""Lengths, entities and HTML as Telegram reads them; offsets are UTF-16 code units."""

import pytest

from bot.sandbox.errors import ApiError
from bot.sandbox.text_entities import find_entities, parse_text, units


def test_length_is_counted_in_utf_16_units():
    assert [units(text) for text in ("abc", "é", "梗", "😂", "")] == [3, 1, 1, 2, 0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/start", [("bot_command", 0, 6)]),
        ("/start@jokebot_sandbox_bot x", [("bot_command", 0, 26)]),
        ("a/b 1/2", []),
        ("😂 @alice, hi", [("mention", 3, 6)]),
        ("me@example.org", []),
        ("#fun 梗", [("hashtag", 0, 4)]),
        ("see https://example.org/a?b=1#c now", [("url", 4, 27)]),
        ("plain", []),
    ],
)
def test_entities_that_telegram_detects(text, expected):
    assert [(entity["type"], entity["offset"], entity["length"]) for entity in find_entities(text)] == expected


@pytest.mark.parametrize(
    ("markup", "text", "expected"),
    [
        ("<b>a</b><strong>b</strong>", "ab", [("bold", 0, 1), ("bold", 1, 1)]),
        ("😂<i>x</i> <u>y</u> <s>z</s>", "😂x y z", [("italic", 2, 1), ("underline", 4, 1), ("strikethrough", 6, 1)]),
        ("<b>a <i>b</i></b>", "a b", [("bold", 0, 3), ("italic", 2, 1)]),
        ("&lt;b&gt; &amp; &quot;&#33; &nbsp;", '<b> & "! &nbsp;', []),
        ("<code>/no</code> /yes", "/no /yes", [("code", 0, 3), ("bot_command", 4, 4)]),
        ("  <b> a </b>  ", "a", [("bold", 0, 1)]),
        (
            "<blockquote>q</blockquote><blockquote expandable>r</blockquote>",
            "qr",
            [("blockquote", 0, 1), ("expandable_blockquote", 1, 1)],
        ),
        ('<span class="tg-spoiler">s</span>', "s", [("spoiler", 0, 1)]),
        ("<B>a</B>", "a", [("bold", 0, 1)]),
        ("<b></b>x", "x", []),
    ],
)
def test_html(markup, text, expected):
    plain, entities = parse_text(markup, "HTML")
    assert (plain, [(entity["type"], entity["offset"], entity["length"]) for entity in entities]) == (text, expected)


def test_links_and_languages_are_kept():
    assert parse_text('<a href="https://example.org/?a=1&amp;b=2">x</a>', "html")[1] == [
        {"type": "text_link", "offset": 0, "length": 1, "url": "https://example.org/?a=1&b=2"}
    ]
    assert parse_text("<a href='tg://user?id=1>2'>x</a>", "html")[1][0]["url"] == "tg://user?id=1>2"
    assert parse_text('<pre><code class="language-python">x</code></pre>', "HTML")[1] == [
        {"type": "pre", "offset": 0, "length": 1, "language": "python"}
    ]


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("é<b>a</i>", 'Unmatched end tag at byte offset 6, expected "</b>", found "</i>"'),
        ("梗<abac>", 'Unsupported start tag "abac" at byte offset 3'),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("a<br/>b", 'Unsupported start tag "br/" at byte offset 1'),
        ("<b>a</b", "Unclosed end tag at byte offset 4"),
        ("<b>a</b x>", "Unclosed end tag at byte offset 4"),
        ("a</", "Unexpected end tag at byte offset 1"),
        ('<a href="x>y', "Unclosed start tag at byte offset 0"),
        ("<span>a</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_broken_html_is_refused_in_telegram_s_words(markup, reason):
    with pytest.raises(ApiError) as caught:
        parse_text(markup, "HTML")
    assert caught.value.description == f"Bad Request: can't parse entities: {reason}"


def test_a_bot_s_own_entities_are_kept_and_moved_with_the_trimmed_space():
    entities = [{"type": "bold", "offset": 2, "length": 3}]
    assert parse_text("  abc", entities=entities) == ("abc", [{"type": "bold", "offset": 0, "length": 3}])
