"""Evaluates a demo model: subjects that it names, language, style, and complete sentences.

`python -m trainer.demo_model.evaluate CHECKPOINT PACK` prints the measures, on a GPU if there is one.

Replies are generated in batches on any device; pictures are painted with a seed that no build uses.
`benchmarks/demo_model.py` measures the same through the engine, over HTTP.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from configs.chat_templates import chat_template
from configs.prompts import NOTHING_SEEN, load_prompts
from configs.subjects import PictureSubject, load_subjects, load_vocabulary, subjects_named
from storage.checkpoint.template import template_of
from trainer.demo_model.augmentation import PicturePainter, normalise
from trainer.demo_model.batches import TextEncoder
from trainer.demo_model.build import TRAINING, load
from trainer.demo_model.joke_templates import NEUTRAL, TemplateReader, load_shapes
from trainer.demo_model.picture_pack import PictureEntry, load_pack
from trainer.demo_model.sources import HELD_OUT

MAX_TOKENS = 80
"""Maximum number of tokens of a reply; a longer reply counts as unfinished."""
SAME_SLOT = 6
"""Pictures that are asked about with the same slot, in one batch."""
SEED = 990_000
"""First seed of measurements; builds use smaller ones."""


@dataclass(frozen=True)
class EvaluatedReply:
    """A reply with its subject and requested language and style; `finished` if the model ended it.

    `subject` is the drawing's, or that of the prompt's slot; None where the slot says that nothing was recognised.
    """

    subject: PictureSubject | None
    language: str
    style: str
    text: str
    finished: bool

    def names_subject(self) -> bool:
        return subjects_named(self.text, self.language, load_subjects()) == {self.subject}

    def tells_subject(self) -> bool:
        """Whether the reply is one of the joke shapes, filled with its subject or, without one, an unsure shape."""
        found = reader().read(self.text)
        return found is not None and found.subject == self.subject and found.shape.language == self.language

    def in_language(self) -> bool:
        chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in self.text)
        latin = sum(letter.isascii() and letter.isalpha() for letter in self.text)
        return chinese > latin if self.language == "zh" else latin > 0 and chinese == 0

    def ends(self) -> bool:
        return self.finished and self.text.rstrip().endswith((".", "?", "!", "。", "？", "！"))


@torch.inference_mode()
def write_replies(
    model: Any,
    encoder: TextEncoder,
    pictures: torch.Tensor,
    user: str,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[tuple[str, bool]]:
    """Replies to one question about each picture (n, 3, 448, 448 in 0..1), and whether the model ended them."""
    tokenizer, device = encoder.tokenizer, pictures.device
    before, after = (torch.tensor(part, device=device) for part in encoder.prompt(user))
    stop = tokenizer.token_to_id("<|im_end|>")
    embed = model.language_model.get_input_embeddings()
    features = torch.cat([model.extract_feature(normalise(part)) for part in pictures.split(16)])
    rows = [embed(part)[None].expand(len(features), -1, -1) for part in (before, after)]
    embeds, past = torch.cat([rows[0], features, rows[1]], 1), None
    dice = torch.Generator(device).manual_seed(seed)
    written = torch.full((len(features), 0), stop, device=device)
    for _ in range(MAX_TOKENS):
        state = model.language_model.model(inputs_embeds=embeds, past_key_values=past, use_cache=True)
        past = state.past_key_values
        logits = model.language_model.output(state.last_hidden_state[:, -1]).float()
        tokens = (
            torch.multinomial((logits / temperature).softmax(-1), 1, generator=dice)
            if temperature
            else logits.argmax(-1, keepdim=True)
        )
        written = torch.cat([written, tokens], 1)
        if bool((written == stop).any(1).all()):
            break
        embeds = embed(tokens)
    replies = []
    for row in written.tolist():
        end = row.index(stop) if stop in row else len(row)
        replies.append((tokenizer.decode(row[:end]).strip(), stop in row))
    return replies


def collect_replies(
    model: Any,
    encoder: TextEncoder,
    painter: PicturePainter,
    count: int,
    language: str,
    style: str,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[EvaluatedReply]:
    """Replies to one prompt about `count` painted pictures with random subjects."""
    user, subjects, replies = load_prompts().ask(language, style), load_subjects(), []
    for start in range(0, count, 64):
        scene = painter.paint(min(64, count - start), 448)
        texts = write_replies(model, encoder, scene.pictures, user, temperature, seed + start)
        replies += [
            EvaluatedReply(subjects[number], language, style, text, finished)
            for number, (text, finished) in zip(scene.subjects.tolist(), texts, strict=True)
        ]
    return replies


def collect_slot_replies(
    model: Any, encoder: TextEncoder, painter: PicturePainter, count: int, language: str
) -> list[EvaluatedReply]:
    """Replies about painted pictures, to prompts whose slot names another subject or (one of six) none."""
    prompts, vocabulary, replies = load_prompts(), load_vocabulary(), []
    styles = list(prompts.languages[language].styles)
    for number in range(count // SAME_SLOT):
        subject = None if number % 6 == 5 else vocabulary[number * 7919 % len(vocabulary)]
        style = styles[number % len(styles)]
        user = prompts.ask(language, style, seen=subject.en if subject else NOTHING_SEEN)
        texts = write_replies(model, encoder, painter.paint(SAME_SLOT, 448).pictures, user)
        replies += [EvaluatedReply(subject, language, style, text, finished) for text, finished in texts]
    return replies


def measure_model(
    model: Any, encoder: TextEncoder, seen: PicturePainter, unseen: PicturePainter, count: int
) -> dict[str, float]:
    """All measures over `count` pictures of each kind: shares in 0..1, `unfinished` and `empty` as counts.

    `seen` paints new pictures with the training drawings, `unseen` with the held-out set.
    """
    prompts, replies = load_prompts(), []
    pairs = [(language, style) for language, part in prompts.languages.items() for style in part.styles]
    for number, (language, style) in enumerate(pairs):
        replies += collect_replies(model, encoder, seen, -(-count // len(pairs)), language, style, seed=SEED + number)
    others = [
        reply
        for language in prompts.languages
        for reply in collect_replies(model, encoder, unseen, -(-count // 2), language, NEUTRAL, seed=SEED)
    ]
    drawn = [
        reply
        for language in prompts.languages
        for reply in collect_replies(model, encoder, seen, -(-count // 2), language, NEUTRAL, 1.0, SEED)
    ]
    slots = [
        reply
        for language in prompts.languages
        for reply in collect_slot_replies(model, encoder, seen, -(-count // 2), language)
    ]
    everything = [*replies, *others, *drawn, *slots]
    return {
        "subject_accuracy": share_of(reply.names_subject() for reply in replies),
        "other_set_accuracy": share_of(reply.names_subject() for reply in others),
        "subject_at_temperature_1": share_of(reply.names_subject() for reply in drawn),
        "slot_accuracy": share_of(reply.tells_subject() for reply in slots if reply.subject),
        "unsure_accuracy": share_of(reply.tells_subject() for reply in slots if not reply.subject),
        "language_accuracy": share_of(reply.in_language() for reply in everything),
        "style_accuracy": share_of(style_of(reply) == reply.style for reply in replies if reply.style != NEUTRAL),
        "unfinished": sum(not reply.ends() for reply in everything),
        "empty": sum(not reply.text for reply in everything),
        "replies": len(everything),
        **{f"neutral_{style}": count / len(drawn) for style, count in Counter(map(style_of, drawn)).items()},
    }


def share_of(hits: Any) -> float:
    marks = list(hits)
    return round(sum(marks) / max(len(marks), 1), 4)


def style_of(reply: EvaluatedReply) -> str:
    """The style of the reply's shape, or "none"."""
    found = reader().read(reply.text)
    return found.shape.style if found else "none"


@cache
def reader() -> TemplateReader:
    return TemplateReader(load_shapes(), load_vocabulary())


def painters(
    drawings: Sequence[PictureEntry], checkpoint: Path, device: torch.device
) -> tuple[PicturePainter, PicturePainter]:
    """Painters of a checkpoint's training drawings and of the held-out set, with seeds that no build uses."""
    learnt = json.loads((checkpoint / TRAINING).read_text(encoding="utf-8"))["sets"]
    return (
        PicturePainter([drawing for drawing in drawings if drawing.set in learnt], device, SEED, restyle=0),
        PicturePainter([drawing for drawing in drawings if drawing.set == HELD_OUT], device, SEED + 1, restyle=0),
    )


def encoder_of(checkpoint: Path) -> TextEncoder:
    """The encoder of a checkpoint, with its own chat template."""
    return TextEncoder(Tokenizer.from_file(str(checkpoint / "tokenizer.json")), chat_template(template_of(checkpoint)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trainer.demo_model.evaluate")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--count", type=int, default=240, help="pictures of each kind")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load(arguments.checkpoint).to(device).eval()
    seen, unseen = painters(load_pack(arguments.pack), arguments.checkpoint, device)
    print(json.dumps(measure_model(model, encoder_of(arguments.checkpoint), seen, unseen, arguments.count)))


if __name__ == "__main__":
    main()
