"""The committed demo model through the CPU engine: it names subjects, uses both languages, and ends its replies."""

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from bot.runtime.child_process import start_child
from configs.prompts import NOTHING_SEEN, load_prompts
from configs.settings import ROOT
from configs.subjects import load_subjects, load_vocabulary, subjects_named
from trainer.demo_model.joke_templates import NEUTRAL, TemplateReader, load_shapes
from trainer.demo_model.sources import HELD_OUT

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
SAMPLES = sorted((ROOT / "configs" / "demo-model" / "samples").glob("*.jpg"))
IN_SLOT = (
    "motorcycle",
    "washing machine",
    "person",
    "owl",
    "flower",
    "cat",
    "dog",
    "pizza",
    "car",
    "otter",
    "guitar",
    "bicycle",
)
PROMPTS, READER = load_prompts(), TemplateReader(load_shapes(), load_subjects())


@pytest.fixture(scope="module")
def engine() -> Iterator[OpenAI]:
    command = [
        sys.executable,
        "-m",
        "bot",
        "serve",
        str(CHECKPOINT),
        "--port",
        "0",
        "--threads",
        "1",
        "--name",
        "demo",
    ]
    with start_child("engine", command, cwd=ROOT) as child:
        yield OpenAI(base_url=f"{child.wait_ready()}/v1", api_key="none", max_retries=0, timeout=240)


def tell(engine: OpenAI, picture: Path, text: str, **how: float) -> str:
    url = f"data:image/jpeg;base64,{base64.b64encode(picture.read_bytes()).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}]
    answer = engine.chat.completions.create(
        model="demo", max_tokens=80, messages=[{"role": "user", "content": content}], **{"temperature": 0, **how}
    )
    assert answer.choices[0].finish_reason == "stop"
    return answer.choices[0].message.content or ""


@pytest.mark.parametrize("language", PROMPTS.languages)
@pytest.mark.parametrize("picture", SAMPLES, ids=lambda picture: picture.stem)
def test_the_subject_of_each_sample_is_named(engine, picture, language):
    reply = tell(engine, picture, PROMPTS.ask(language))
    assert {subject.en for subject in subjects_named(reply, language, load_subjects())} == {picture.stem}, reply


@pytest.mark.parametrize(
    ("language", "style"),
    [(code, style) for code, part in PROMPTS.languages.items() for style in part.styles if style != NEUTRAL],
)
def test_the_style_asked_for_is_given(engine, language, style):
    match = READER.read(tell(engine, SAMPLES[0], PROMPTS.ask(language, style)))
    assert match is not None and (match.shape.language, match.shape.style) == (language, style)


def test_a_caption_does_not_change_what_is_seen(engine):
    picture = next(picture for picture in SAMPLES if picture.stem == "penguin")
    reply = tell(engine, picture, PROMPTS.ask("en", caption="my new bicycle"))
    assert {subject.en for subject in subjects_named(reply, "en", load_subjects())} == {"penguin"}, reply


@pytest.mark.parametrize("language", PROMPTS.languages)
@pytest.mark.parametrize("picture", SAMPLES[::3], ids=lambda picture: picture.stem)
def test_the_request_to_spare_people_changes_neither_subject_nor_language(engine, picture, language):
    reply = tell(engine, picture, PROMPTS.ask(language, gentle=True))
    assert {subject.en for subject in subjects_named(reply, language, load_subjects())} == {picture.stem}, reply


@pytest.mark.parametrize("language", PROMPTS.languages)
def test_four_in_five_jokes_are_about_what_the_slot_names_whatever_the_picture_shows(engine, language):
    followed = [
        {subject.en for subject in subjects_named(reply, language, load_vocabulary())} == {seen}
        for seen in IN_SLOT
        for gentle in (False, True)
        for picture in SAMPLES[:2]
        for reply in [tell(engine, picture, PROMPTS.ask(language, gentle=gentle, seen=seen))]
    ]
    assert sum(followed) >= 0.8 * len(followed), followed


@pytest.mark.parametrize("gentle", [False, True])
@pytest.mark.parametrize("language", PROMPTS.languages)
def test_a_joke_admits_that_nothing_was_recognised(engine, language, gentle):
    match = READER.read(tell(engine, SAMPLES[0], PROMPTS.ask(language, gentle=gentle, seen=NOTHING_SEEN)))
    assert match is not None and match.shape.unsure and match.shape.language == language


def test_a_quoted_joke_is_explained(engine):
    joke = "Nobody ordered the fox, yet here it is, with an invoice."
    match = READER.read(
        tell(engine, next(p for p in SAMPLES if p.stem == "fox"), PROMPTS.ask("en", "explain", joke=joke))
    )
    assert match is not None and match.shape.quoted == "deadpan" and match.subject.en == "fox"


def test_the_same_photo_gets_different_jokes(engine):
    replies = {tell(engine, SAMPLES[0], PROMPTS.ask("en"), temperature=1, seed=seed) for seed in range(8)}
    assert len(replies) >= 3


def test_the_checkpoint_is_small_and_has_its_card():
    assert (CHECKPOINT / "model.safetensors").stat().st_size <= 15 * 2**20
    card = (CHECKPOINT / "CARD.md").read_text(encoding="utf-8")
    assert all(
        word in card for word in ("subject_accuracy", "other_set_accuracy", "language_accuracy", "p50_s", "real photos")
    )


def test_it_learnt_from_named_sets_and_never_from_the_held_out_one():
    learnt = json.loads((CHECKPOINT / "training.json").read_text(encoding="utf-8"))["sets"]
    notice = (CHECKPOINT.parent / "NOTICE").read_text(encoding="utf-8")
    assert HELD_OUT not in learnt and len(learnt) >= 10
    assert [name for name in learnt if f"\n  {name} " not in notice] == []
