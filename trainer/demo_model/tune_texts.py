"""Trains only the language model of a demo model on new texts: minutes on two CPU cores, without a GPU.

`python -m trainer.demo_model.tune_texts START PACK OUT` starts from the checkpoint START. The vision model and the
projector stay as they are, so the tokens of the pictures (one of each subject) are computed once.
"""

import argparse
import random
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from configs.chat_templates import chat_template
from configs.prompts import load_prompts
from configs.subjects import load_subjects, load_vocabulary
from trainer.demo_model.augmentation import PicturePainter, normalise
from trainer.demo_model.batches import TextEncoder
from trainer.demo_model.build import SHAPE, TRAINING, load, load_weights, save
from trainer.demo_model.joke_templates import TemplateWriter, load_shapes
from trainer.demo_model.picture_pack import load_pack
from trainer.demo_model.random_weights import write_random
from trainer.demo_model.sources import HELD_OUT
from trainer.demo_model.train import answer_logits, rate_at

SIDE, PAINTED_AT_ONCE = 448, 9
RATE, TURNS = 2e-4, 12
"""The highest learning rate, and turns in a step."""
LOG_EVERY = 10


def tune(start: Path, pack: Path, out: Path, steps: int, seed: int) -> None:
    """Train on `steps` batches of turns and write the checkpoint to `out`. Raises JokebotError as `build` does."""
    torch.manual_seed(seed)
    write_random(out, SHAPE, seed)
    model = load(out)
    load_weights(model, start)
    drawings = [drawing for drawing in load_pack(pack) if drawing.set != HELD_OUT]
    tokens = picture_tokens(model, PicturePainter(drawings, torch.device("cpu"), seed, restyle=0.5))
    parts = [*model.language_model.parameters()]
    optimizer = torch.optim.AdamW(parts, lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)
    encoder = TextEncoder(Tokenizer.from_file(str(out / "tokenizer.json")), chat_template())
    subjects, draw, started = load_subjects(), random.Random(seed), time.monotonic()
    writer = TemplateWriter(load_prompts(), load_shapes(), subjects, load_vocabulary())
    losses: list[float] = []
    for step in range(steps):
        chosen = draw.sample(range(len(subjects)), TURNS)
        batch = encoder.batch(chosen, [writer.turn(subjects[number], draw) for number in chosen])
        for group in optimizer.param_groups:
            group["lr"] = RATE * rate_at(step / steps)
        loss = F.cross_entropy(answer_logits(model, tokens[chosen], batch).float(), batch.labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parts, 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % LOG_EVERY == LOG_EVERY - 1:
            mean = sum(losses[-LOG_EVERY:]) / LOG_EVERY
            print(f"step {step + 1}: loss {mean:.3f}, {time.monotonic() - started:.0f} s", flush=True)
    save(model, out)
    (out / TRAINING).write_bytes((start / TRAINING).read_bytes())


@torch.no_grad()
def picture_tokens(model: Any, painter: PicturePainter) -> torch.Tensor:
    """The tokens (subjects, 256, hidden) of a painted picture of each subject."""
    tokens = []
    for numbers in torch.arange(len(load_subjects())).split(PAINTED_AT_ONCE):
        tokens.append(model.extract_feature(normalise(painter.paint(len(numbers), SIDE, numbers).pictures)))
    return torch.cat(tokens)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trainer.demo_model.tune_texts")
    parser.add_argument("start", type=Path, help="checkpoint to start from")
    parser.add_argument("pack", type=Path, help="picture pack of `jokebot demo-model pack`")
    parser.add_argument("out", type=Path, help="directory to create")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=4)
    arguments = parser.parse_args()
    tune(arguments.start, arguments.pack, arguments.out.absolute(), arguments.steps, arguments.seed)


if __name__ == "__main__":
    main()
