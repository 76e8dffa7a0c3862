"""The page that `jokebot compare` writes: one HTML file with its pictures and its style inside, and no script."""

import base64
import io
import time
from html import escape
from pathlib import Path
from statistics import median

from PIL import Image

from bot.comparison.runner import ComparisonPrompt, ModelAnswer, ModelColumn, PhotoFile

STYLE = Path(__file__).with_name("comparison.css")
LONGEST_SIDE = 900
"""Pixels: sharp at the page's width on a phone with a dense screen, about 100 KB a photo."""
QUALITY = 82
LETTERS = "AB"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""The page loads nothing and runs no script, regardless of the models' texts."""


def render_page(photos: list[PhotoFile], sides: list[ModelColumn], question: ComparisonPrompt) -> str:
    """The whole page. `sides` are the two models, before and after."""
    title = f"{sides[0].name} and {sides[1].name}"
    rows = "\n".join(
        _photo_row(number, photo, [side.answers[number - 1] for side in sides], sides, question)
        for number, photo in enumerate(photos, 1)
    )
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)} · Jokebot</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
<header>
<p class="brand">Jokebot · before and after</p>
<h1>Same photos, two models</h1>
<div class="models">
{_model_header(0, sides[0])}
{_model_header(1, sides[1])}
</div>
{_prompt_facts(question, len(photos))}
</header>
<main>
{rows}
</main>
<footer><p>Made with <code>jokebot compare</code> on {time.strftime("%d %B %Y", time.localtime()).lstrip("0")}.
A few photos show what changed; whether a model is better is decided by ratings.</p></footer>
</html>
"""


def _model_header(number: int, side: ModelColumn) -> str:
    """A model's name and its counts."""
    jokes = [answer for answer in side.answers if answer.text]
    figures = [f"{len(jokes)} of {len(side.answers)} told"]
    if jokes:
        figures.append(f"{median(answer.latency_s for answer in jokes):.1f} s a joke")
        figures.append(f"{median(len(answer.text) for answer in jokes):.0f} characters")
    if repeated := len(jokes) - len({answer.text for answer in jokes}):
        figures.append(f"{repeated} repeated")
    return (
        f'<section class="model {LETTERS[number].lower()}"><span '
        f'class="letter">{LETTERS[number]}</span><div><h2>{escape(side.name)}</h2>'
        f"<p>{escape(side.place)}</p><p "
        f'class="figures">{" · ".join(f"<span>{figure}</span>" for figure in figures)}</p></div></section>'
    )


def _prompt_facts(question: ComparisonPrompt, photos: int) -> str:
    """The prompt and the sampling parameters."""
    sampling = question.sampling
    facts = [
        f"{photos} photo{'s' if photos != 1 else ''}",
        f"language {question.language}",
        f"style {question.style}",
        f"temperature {sampling.temperature:g}",
        f"top-p {sampling.top_p:g}",
        f"seed {question.seed}" if photos == 1 else f"seeds {question.seed} to {question.seed + photos - 1}",
    ]
    return (
        f'<p class="asked" lang="{escape(question.language)}" dir="auto">{escape(question.user)}</p>\n'
        f'<p class="facts">{escape(" · ".join(facts))}</p>'
    )


def _photo_row(
    number: int, file: PhotoFile, answers: list[ModelAnswer], sides: list[ModelColumn], question: ComparisonPrompt
) -> str:
    """One photo with both jokes."""
    source, width, height = _image_source(file.photo.data)
    jokes = "\n".join(_joke_section(index, answer, sides[index], question) for index, answer in enumerate(answers))
    same = '\n<p class="same">Both say the same.</p>' if answers[0].text and answers[0].text == answers[1].text else ""
    return f"""<article>
<figure><img src="{source}" width="{width}" height="{height}" alt="Photo {number}">
<figcaption><b>{number}</b> {escape(file.name)}</figcaption></figure>
<div class="jokes">
{jokes}{same}
</div>
</article>"""


def _joke_section(index: int, answer: ModelAnswer, side: ModelColumn, question: ComparisonPrompt) -> str:
    """A joke, or the reason why there is none."""
    letter = LETTERS[index]
    model_line = f'<p class="who"><span class="letter">{letter}</span> {escape(side.name)}</p>'
    if not answer.text:
        return (
            f'<section class="joke {letter.lower()} none">{model_line}<p>No joke: {escape(answer.error)}</p></section>'
        )
    return (
        f'<section class="joke {letter.lower()}">{model_line}'
        f'<blockquote lang="{escape(question.language)}" dir="auto">{escape(answer.text)}</blockquote></section>'
    )


def _image_source(data: bytes) -> tuple[str, int, int]:
    """A photo, scaled down, as a data: address with its width and height in pixels."""
    with Image.open(io.BytesIO(data)) as image:
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "JPEG", quality=QUALITY, optimize=True)
        return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}", *image.size
