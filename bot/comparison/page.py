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
"""Whatever a model writes, the page loads nothing and runs nothing."""


def page(photos: list[PhotoFile], sides: list[ModelColumn], question: ComparisonPrompt) -> str:
    """The whole page. `sides` are the two models, before and after."""
    title = f"{sides[0].name} and {sides[1].name}"
    rows = "\n".join(
        row(number, one, [side.answers[number - 1] for side in sides], sides, question)
        for number, one in enumerate(photos, 1)
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
{head(0, sides[0])}
{head(1, sides[1])}
</div>
{how(question, len(photos))}
</header>
<main>
{rows}
</main>
<footer><p>Made with <code>jokebot compare</code> on {time.strftime("%d %B %Y", time.localtime()).lstrip("0")}.
A few photos show what changed; whether a model is better is decided by ratings.</p></footer>
</html>
"""


def head(number: int, side: ModelColumn) -> str:
    """A model's name and its figures."""
    told = [answer for answer in side.answers if answer.text]
    figures = [f"{len(told)} of {len(side.answers)} told"]
    if told:
        figures.append(f"{median(answer.latency_s for answer in told):.1f} s a joke")
        figures.append(f"{median(len(answer.text) for answer in told):.0f} characters")
    if repeated := len(told) - len({answer.text for answer in told}):
        figures.append(f"{repeated} repeated")
    return (
        f'<section class="model {LETTERS[number].lower()}"><span '
        f'class="letter">{LETTERS[number]}</span><div><h2>{escape(side.name)}</h2>'
        f"<p>{escape(side.place)}</p><p "
        f'class="figures">{" · ".join(f"<span>{figure}</span>" for figure in figures)}</p></div></section>'
    )


def how(question: ComparisonPrompt, photos: int) -> str:
    """What was asked, and with which sampling."""
    chosen = question.sampling
    facts = [
        f"{photos} photo{'s' if photos != 1 else ''}",
        f"language {question.language}",
        f"style {question.style}",
        f"temperature {chosen.temperature:g}",
        f"top-p {chosen.top_p:g}",
        f"seed {question.seed}" if photos == 1 else f"seeds {question.seed} to {question.seed + photos - 1}",
    ]
    return (
        f'<p class="asked" lang="{escape(question.language)}" dir="auto">{escape(question.user)}</p>\n'
        f'<p class="facts">{escape(" · ".join(facts))}</p>'
    )


def row(
    number: int, one: PhotoFile, answers: list[ModelAnswer], sides: list[ModelColumn], question: ComparisonPrompt
) -> str:
    """One photo with both jokes."""
    source, width, height = picture(one.photo.data)
    jokes = "\n".join(said(index, answer, sides[index], question) for index, answer in enumerate(answers))
    same = '\n<p class="same">Both say the same.</p>' if answers[0].text and answers[0].text == answers[1].text else ""
    return f"""<article>
<figure><img src="{source}" width="{width}" height="{height}" alt="Photo {number}">
<figcaption><b>{number}</b> {escape(one.name)}</figcaption></figure>
<div class="jokes">
{jokes}{same}
</div>
</article>"""


def said(index: int, answer: ModelAnswer, side: ModelColumn, question: ComparisonPrompt) -> str:
    """A joke in its bubble, or why there is none."""
    letter = LETTERS[index]
    who = f'<p class="who"><span class="letter">{letter}</span> {escape(side.name)}</p>'
    if not answer.text:
        return f'<section class="joke {letter.lower()} none">{who}<p>No joke: {escape(answer.trouble)}</p></section>'
    return (
        f'<section class="joke {letter.lower()}">{who}'
        f'<blockquote lang="{escape(question.language)}" dir="auto">{escape(answer.text)}</blockquote></section>'
    )


def picture(data: bytes) -> tuple[str, int, int]:
    """A photo, scaled down, as a data: address with its width and height in pixels."""
    with Image.open(io.BytesIO(data)) as image:
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        small = io.BytesIO()
        image.convert("RGB").save(small, "JPEG", quality=QUALITY, optimize=True)
        return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode('ascii')}", *image.size
