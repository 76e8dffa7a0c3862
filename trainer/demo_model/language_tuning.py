"""Trains the demo model's language part alone, on a CPU: new texts for a vision part that already knows its subjects.

The vision part is frozen, so its tokens are computed once for each picture. A picture's tokens are shared by several
turns (dialogues) about it: they stand behind them in one row, and attention is masked so that a turn sees the picture
and itself. Positions of each turn begin after the picture's, so a turn's logits are those of a row of its own.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from configs.prompts import load_prompts
from configs.subjects import load_subjects, load_vocabulary
from trainer.demo_model.augmentation import PicturePainter, normalise
from trainer.demo_model.batches import IGNORED, TextEncoder
from trainer.demo_model.build import SHAPE, TRAINING, load, load_weights, save
from trainer.demo_model.evaluate import encoder_of
from trainer.demo_model.joke_templates import DialogueTurn, TemplateWriter, load_shapes
from trainer.demo_model.picture_pack import load_pack
from trainer.demo_model.random_weights import write_random
from trainer.demo_model.sources import HELD_OUT
from trainer.demo_model.tokenizer import dump
from trainer.demo_model.train import optimizers, set_rates

SIDE = 448
PAINTED = 16
"""Pictures that are painted and seen by the vision part at a time."""
ROWS, TURNS = 8, 8
"""Pictures of a step, and turns about each."""
RATE = 6e-4
STRANGE_SHARE = 0.25
"""Share of pictures whose tokens are mixed with another's and with noise: every prompt about them has a slot.

They stand for photographs, which the vision part does not know: there the slot alone says what the picture shows."""
LOG_EVERY_S, SAVE_EVERY_S = 20, 300


@dataclass(frozen=True)
class PackedTurns:
    """Turns about pictures, one row a picture: `tokens` and `positions` (rows, longest) behind the picture's.

    `turn` (rows, longest) numbers the turn that a token belongs to (-1: padding). `places` are flat indices of tokens
    whose next token belongs to an answer, `labels` these next tokens.
    """

    before: torch.Tensor
    tokens: torch.Tensor
    positions: torch.Tensor
    turn: torch.Tensor
    places: torch.Tensor
    labels: torch.Tensor


def pack_turns(encoder: TextEncoder, rows: list[list[DialogueTurn]]) -> PackedTurns:
    """Encode the turns of each row, one behind the other."""
    before: list[int] = []
    columns: list[tuple[list[int], list[int], list[int], list[int]]] = []
    for turns in rows:
        tokens: list[int] = []
        positions: list[int] = []
        numbers: list[int] = []
        labels: list[int] = []
        for number, turn in enumerate(turns):
            before, asked = encoder.prompt(turn.user)
            answer = encoder.answer(turn.answer)
            own = asked + answer[:-1]
            tokens += own
            positions += range(len(own))
            numbers += [number] * len(own)
            labels += [IGNORED] * (len(asked) - 1) + answer
        columns.append((tokens, positions, numbers, labels))
    longest = max(len(tokens) for tokens, *_ in columns)
    fills = (encoder.padding, 0, -1, IGNORED)
    tokens_, positions_, turn_, labels_ = (
        torch.tensor([row[part] + [fill] * (longest - len(row[part])) for row in columns])
        for part, fill in enumerate(fills)
    )
    places = (labels_.flatten() != IGNORED).nonzero()[:, 0]
    return PackedTurns(torch.tensor(before), tokens_, positions_, turn_, places, labels_.flatten()[places])


def packed_logits(model: Any, features: torch.Tensor, batch: PackedTurns) -> torch.Tensor:
    """Logits (tokens, vocabulary) of the answers' tokens, given the pictures' tokens (rows, tokens, hidden)."""
    language = model.language_model.model
    embed = language.get_input_embeddings()
    before = embed(batch.before)[None].expand(len(features), -1, -1)
    hidden = torch.cat([before, features, embed(batch.tokens)], 1)
    shared = hidden.shape[1] - batch.tokens.shape[1]
    common = torch.arange(shared).expand(len(features), -1)
    positions = torch.cat([common, batch.positions + shared], 1)
    turn = torch.cat([torch.full_like(common, -2), batch.turn], 1)
    order = torch.arange(hidden.shape[1])
    allowed = (order[None, :] <= order[:, None])[None] & (
        (turn[:, None, :] == -2) | (turn[:, None, :] == turn[:, :, None])
    )
    rotary = sys.modules[type(language).__module__].rotary  # of the checkpoint's own modelling file
    cos, sin = rotary(language.config, positions, hidden.dtype)
    for layer in language.layers:
        hidden = layer(hidden, cos, sin, allowed[:, None], None)
    state = language.norm(hidden)[:, shared:].flatten(0, 1)
    logits: torch.Tensor = model.language_model.output(state[batch.places])
    return logits


@torch.inference_mode()
def encode_pictures(model: Any, painter: PicturePainter, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (count, tokens, hidden) of painted pictures, float16, and the numbers of their main subjects."""
    features: list[torch.Tensor] = []
    subjects: list[torch.Tensor] = []
    while len(features) * PAINTED < count:
        scene = painter.paint(PAINTED, SIDE)
        features.append(model.extract_feature(normalise(scene.pictures)).half())
        subjects.append(scene.subjects)
    return torch.cat(features), torch.cat(subjects)


def estrange(features: torch.Tensor, strange: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    """Mix tokens of the `strange` pictures (rows,) with the next picture's, and add noise of up to their own spread."""
    size = (*features.shape[:2], 1)
    taken = torch.rand(size, generator=dice) < torch.rand(len(features), 1, 1, generator=dice)
    mixed = torch.where(taken, features, features.roll(1, 0))
    strength = features.std() * torch.rand(len(features), 1, 1, generator=dice)
    mixed = mixed + torch.randn(features.shape, generator=dice) * strength
    return torch.where(strange[:, None, None], mixed, features)


class LanguageTuner:
    """A model whose language part is trained, the pictures' tokens, and the optimizers."""

    def __init__(self, model: Any, encoder: TextEncoder, seed: int, rate: float = RATE) -> None:
        self.model, self.encoder = model, encoder
        for part in model.parameters():
            part.requires_grad_(False)
        for part in model.language_model.parameters():
            part.requires_grad_(True)
        self.parts = list(model.language_model.parameters())
        self.optimizers = optimizers(model.language_model, nn.Identity(), rate)
        self.writer = TemplateWriter(load_prompts(), load_shapes(), load_subjects(), load_vocabulary())
        self.draw, self.dice = random.Random(seed), torch.Generator().manual_seed(seed)

    def step(self, features: torch.Tensor, subjects: torch.Tensor, progress: float) -> float:
        """Train one step on pictures' tokens (many, tokens, hidden), of which ROWS are drawn. Returns the loss."""
        chosen = torch.randint(len(features), (ROWS,), generator=self.dice)
        strange = torch.rand(ROWS, generator=self.dice) < STRANGE_SHARE
        known = load_subjects()
        rows = [
            [self.writer.turn(known[number], self.draw, *((1.0,) if odd else ())) for _ in range(TURNS)]
            for number, odd in zip(subjects[chosen].tolist(), strange.tolist(), strict=True)
        ]
        batch = pack_turns(self.encoder, rows)
        seen = estrange(features[chosen].float(), strange, self.dice)
        set_rates(self.optimizers, progress)
        loss = F.cross_entropy(packed_logits(self.model, seen, batch), batch.labels)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parts, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        return float(loss.detach())


def tune(
    out: Path,
    pack: Path,
    start: Path,
    texts: Path | None = None,
    cpu_minutes: float = 60.0,
    pictures: int = 2000,
    seed: int = 0,
    steps: int = 0,
    rate: float = RATE,
) -> dict[str, float]:
    """Train the language part of the weights in `start` for `cpu_minutes`, or `steps`; write the checkpoint to `out`.

    `texts` is a checkpoint whose language part replaces that of `start` at the beginning. `cpu_minutes` is the whole
    process's time on all its cores, `rate` the maximum learning rate. Returns steps, turns, seconds, CPU seconds and
    the loss. Raises JokebotError as `build` does.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.manual_seed(seed)
    drawings = [drawing for drawing in load_pack(pack) if drawing.set != HELD_OUT]
    model = combined(out, start, texts, seed)
    painter = PicturePainter(drawings, torch.device("cpu"), seed, restyle=0.5)
    began = time.monotonic()
    features, subjects = encode_pictures(model.eval(), painter, pictures)
    print(f"{len(features)} pictures seen in {time.monotonic() - began:.0f} s", flush=True)
    tuner = LanguageTuner(model, encoder_of(out), seed, rate)
    took = run_steps(tuner, features, subjects, cpu_minutes, steps, lambda: save(model, out))
    save(model, out)
    took |= {"pictures": len(features), "seconds": round(time.monotonic() - began, 1)}
    took["cpu_seconds"] = round(time.process_time(), 1)
    record = {
        "sets": sorted({drawing.set for drawing in drawings}),
        "seed": seed,
        "device": "cpu",
        "from": "weights, whose vision part is unchanged",
        "command": "jokebot demo-model tune",
    }
    dump(out / TRAINING, record | took)
    return took


def combined(out: Path, start: Path, texts: Path | None, seed: int) -> Any:
    """A new checkpoint's model with the weights of `start`, and the language part of `texts` if given."""
    write_random(out, SHAPE, seed)
    model = load(out)
    if texts:
        load_weights(model, texts)
        learnt = {name: value.clone() for name, value in model.language_model.state_dict().items()}
    load_weights(model, start)
    if texts:
        model.language_model.load_state_dict(learnt)
    return model


def run_steps(
    tuner: LanguageTuner,
    features: torch.Tensor,
    subjects: torch.Tensor,
    cpu_minutes: float,
    steps: int,
    save: Callable[[], None],
) -> dict[str, float]:
    """Train until the process has used `cpu_minutes`, or `steps`; `save` is called every SAVE_EVERY_S.

    Returns steps, turns and the last steps' loss.
    """
    first, shown = time.process_time(), time.monotonic()
    losses: list[float] = []
    saved = shown
    while True:
        passed = (time.process_time() - first) / (60 * cpu_minutes - first)
        progress = len(losses) / steps if steps else passed
        if progress >= 1:
            break
        losses.append(tuner.step(features, subjects, progress))
        if time.monotonic() - shown > LOG_EVERY_S:
            shown = time.monotonic()
            if shown - saved > SAVE_EVERY_S:
                saved = shown
                save()
            print(f"{progress:6.1%}  step {len(losses)}  loss {sum(losses[-30:]) / len(losses[-30:]):.3f}", flush=True)
    last = losses[-30:]
    return {"steps": len(losses), "turns": len(losses) * ROWS * TURNS, "loss": round(sum(last) / max(len(last), 1), 3)}
