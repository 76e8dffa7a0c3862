"""The demo model's training texts: joke shapes filled with subjects, and their prompts."""

import random
import re
import string
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from configs.errors import JokebotError
from configs.prompts import NOTHING_SEEN, Prompts
from configs.subjects import PictureSubject

SHAPES_FILE = Path(__file__).parents[2] / "configs" / "demo-model" / "shapes.toml"
EXPLAIN, NEUTRAL = "explain", "neutral"
CAPTION_SHARE, QUOTED_SHARE, GENTLE_SHARE = 0.25, 0.5, 0.25
"""Shares of prompts with a caption, of explain prompts that quote a joke, and of prompts that ask for a gentle joke."""
SLOT_SHARE, SLOT_MATCHES, UNSURE_SHARE = 0.5, 0.25, 0.15
"""Share of prompts with a recogniser's slot; of these, shares that name the drawing's own subject, and that are unsure.

The others name any thing of the vocabulary, whatever the drawing shows: the model learns to take the slot's word."""
UNSURE = "unsure"
IDLE_CAPTIONS = {
    "en": (
        "look at this",
        "found this today",
        "from my holidays",
        "what do you think?",
        "my favourite",
        "no comment",
        "lol",
        "taken this morning",
        "guess where",
        "for you",
        "is this normal?",
        "my new {s}",
        "not a {s}",
        "{s}",
        "our {s} again",
    ),
    "zh": (
        "看看这个",
        "今天拍的",
        "假期照片",
        "你觉得呢？",
        "我的最爱",
        "哈哈哈",
        "早上拍的",
        "猜猜在哪里",
        "送给你",
        "这正常吗？",
        "我的新{s}",
        "不是{s}",
        "{s}",
        "又是{s}",
    ),
}
"""Training captions. Those with a slot name the picture's subject or, equally often, another one."""


@dataclass(frozen=True)
class JokeShape:
    """A sentence form. `style` is a style of prompts.toml; `quoted` marks the explanation of a quoted joke.

    `unsure` shapes have no subject: they answer where the recogniser is sure of nothing.
    """

    language: str
    style: str
    text: str
    quoted: str = ""
    unsure: bool = False

    def fill(self, subject: PictureSubject) -> str:
        return self.text.format(**subject.slots(self.language))


@dataclass(frozen=True)
class TemplateMatch:
    """A recognised reply: its shape and its subject (None for a shape that is unsure)."""

    shape: JokeShape
    subject: PictureSubject | None


@dataclass(frozen=True)
class DialogueTurn:
    """A question about a picture and its answer; `user` is the user turn's text without the picture."""

    user: str
    answer: str


@cache
def load_shapes(path: Path = SHAPES_FILE) -> tuple[JokeShape, ...]:
    """All shapes of all languages. Raises JokebotError for an invalid file."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        shapes = []
        for language, styles in data.items():
            for style, texts in styles.items():
                if style == "of":
                    shapes += [JokeShape(language, EXPLAIN, text, quoted) for quoted, text in texts.items()]
                elif style == UNSURE:
                    shapes += [JokeShape(language, name, text, unsure=True) for name in texts for text in texts[name]]
                else:
                    shapes += [JokeShape(language, style, text) for text in texts]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError) as error:
        raise JokebotError(f"{path.name} can't be used: {error}.") from error
    return tuple(shapes)


def jokes(
    shapes: tuple[JokeShape, ...], language: str, style: str = NEUTRAL, *, unsure: bool = False
) -> list[JokeShape]:
    """The shapes that may answer a prompt: all jokes of the language for the neutral style, else those of the style."""
    return [
        shape
        for shape in shapes
        if shape.language == language
        and not shape.quoted
        and shape.unsure == unsure
        and (shape.style == style if style != NEUTRAL else shape.style != EXPLAIN)
    ]


class TemplateReader:
    """Recognises the shape and the subject of replies."""

    def __init__(self, shapes: tuple[JokeShape, ...], subjects: tuple[PictureSubject, ...]) -> None:
        self.subjects = {
            (language, subject.name(language)): subject for subject in subjects for language in ("en", "zh")
        }
        self.patterns = [(re.compile(self.pattern(shape)), shape) for shape in shapes]

    @staticmethod
    def pattern(shape: JokeShape) -> str:
        """A regular expression for the shape's texts; the group s is the subject."""
        parts = []
        for fixed, slot, *_ in string.Formatter().parse(shape.text):
            parts.append(re.escape(fixed))
            if slot == "s":
                parts.append("(?P<s>.+?)" if "(?P<s>" not in "".join(parts) else "(?P=s)")
            elif slot in ("a", "A"):
                name = "(?P<s>.+?)" if "(?P<s>" not in "".join(parts) else "(?P=s)"
                parts.append(f"(?:[Aa]n?|[Ss]ome) {name}" if shape.language == "en" else name)
        return "".join(parts)

    def read(self, text: str) -> TemplateMatch | None:
        """The shape and the subject of the whole text; None for an unknown shape or subject."""
        for pattern, shape in self.patterns:
            if found := pattern.fullmatch(text.strip()):
                if shape.unsure:
                    return TemplateMatch(shape, None)
                subject = self.subjects.get((shape.language, found["s"]))
                if subject and shape.fill(subject) == text.strip():
                    return TemplateMatch(shape, subject)
        return None


class TemplateWriter:
    """Samples questions and answers about a subject. The result depends only on the generator's state.

    `vocabulary` is what a recogniser's slot may name; without one no prompt has a slot.
    """

    def __init__(
        self,
        prompts: Prompts,
        shapes: tuple[JokeShape, ...],
        subjects: tuple[PictureSubject, ...],
        vocabulary: tuple[PictureSubject, ...] = (),
    ) -> None:
        self.prompts, self.shapes, self.subjects, self.vocabulary = prompts, shapes, subjects, vocabulary
        styles = [(language, style) for language, part in prompts.languages.items() for style in part.styles]
        self.styles = styles + [pair for pair in styles if pair[1] == NEUTRAL]
        self.jokes = {pair: jokes(shapes, *pair) for pair in styles}
        self.unsure = {pair: jokes(shapes, *pair, unsure=True) for pair in styles}

    def turn(self, subject: PictureSubject, draw: random.Random, slot_share: float = SLOT_SHARE) -> DialogueTurn:
        """Sample a turn in any language and style. The neutral style, whose answers vary most, has a double weight.

        `slot_share` of the prompts have a recogniser's slot.
        """
        language, style = draw.choice(self.styles)
        caption = self.caption(language, subject, draw) if draw.random() < CAPTION_SHARE else None
        seen, subject = self.slot(subject, draw, slot_share)
        joke = None
        if seen == NOTHING_SEEN:
            shape = draw.choice(self.unsure[language, style])
        elif style == EXPLAIN and draw.random() < QUOTED_SHARE:
            told = draw.choice(self.jokes[language, NEUTRAL])
            joke = told.fill(subject)
            shape = next(shape for shape in self.shapes if shape.language == language and shape.quoted == told.style)
        else:
            shape = draw.choice(self.jokes[language, style])
        gentle = draw.random() < GENTLE_SHARE
        user = self.prompts.ask(language, style, caption, joke, gentle=gentle, seen=seen)
        return DialogueTurn(user, shape.fill(subject))

    def slot(self, subject: PictureSubject, draw: random.Random, share: float) -> tuple[str | None, PictureSubject]:
        """What the recogniser's slot names in a turn about `subject`, and the subject that the answer is about."""
        if not self.vocabulary or draw.random() >= share:
            return None, subject
        chance = draw.random()
        if chance < UNSURE_SHARE:
            return NOTHING_SEEN, subject
        if chance >= UNSURE_SHARE + SLOT_MATCHES:
            subject = draw.choice(self.vocabulary)
        return subject.en, subject

    def caption(self, language: str, subject: PictureSubject, draw: random.Random) -> str:
        shown = subject if draw.random() < 0.5 else draw.choice(self.subjects)
        return draw.choice(IDLE_CAPTIONS[language]).format(s=shown.name(language))
