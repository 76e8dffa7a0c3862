"""Trains the demo model: vision model, projector and language model together, from coarse pictures to full tiles.

The loss is that of the answers' tokens plus that of an auxiliary head that classifies the subject from the picture's
tokens, which trains the vision model earlier than the answers do. The head is not part of the checkpoint. The schedule
follows time, so that a build takes the same time on any machine.
"""

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn
from torch.utils.data import DataLoader

from configs.prompts import load_prompts
from configs.subjects import load_subjects, load_vocabulary
from trainer.demo_model.augmentation import PicturePainter, normalise
from trainer.demo_model.batches import BatchStream, TrainingBatch
from trainer.demo_model.joke_templates import TemplateWriter, load_shapes
from trainer.demo_model.muon import Muon

NAMING_WEIGHT = 1.0
"""Weight of the naming head's loss."""
SMOOTHING = 0.1
"""Label smoothing of the naming head."""
DROP_RATE = 0.05
"""Stochastic depth (arXiv 1603.09382) of the vision model: the probability that a picture skips a layer."""
WARM_UP = 0.03
"""Share of the time in which the learning rate rises; after it the rate falls along a cosine."""
LOG_EVERY_S = 20
LAST_STEPS = 20


@dataclass(frozen=True)
class TrainingPhase:
    """A phase of training.

    `side` of the pictures in pixels (a multiple of 28), `batch` pictures a step, `asked` of them with a question, and
    the phase's `share` of the time. Text is learnt early and is expensive, so coarse pictures mostly train the vision
    model.
    """

    side: int
    batch: int
    asked: int
    share: float


GPU_PHASES = (
    TrainingPhase(112, 1024, 128, 0.35),
    TrainingPhase(224, 512, 128, 0.4),
    TrainingPhase(448, 192, 128, 0.25),
)
GPU_RESUMED_PHASES = (TrainingPhase(224, 384, 256, 0.5), TrainingPhase(448, 192, 192, 0.5))
"""Phases for a model with trained weights, without coarse pictures: new texts are what it has to learn."""
CPU_PHASES = (TrainingPhase(112, 64, 8, 0.7), TrainingPhase(224, 32, 8, 0.22), TrainingPhase(448, 16, 8, 0.08))


@dataclass(frozen=True)
class DemoTrainingPlan:
    """The parameters of a training.

    `minutes` is the whole time, unless `steps` is given; `rate` is the maximum learning rate; `restyled` is the share
    of drawings that are restyled. `whole` is true for a new model, whose position embedding is learnt on coarse
    pictures and then resized.
    """

    phases: tuple[TrainingPhase, ...]
    minutes: float
    rate: float = 1e-3
    workers: int = 0
    seed: int = 0
    steps: int = 0
    restyled: float = 1.0
    whole: bool = True


class DemoTrainer:
    """A model in training, its naming head and its optimizer."""

    def __init__(self, model: Any, subjects: int, plan: DemoTrainingPlan, device: torch.device) -> None:
        self.model, self.plan, self.device = model.to(device).float().train(), plan, device
        torch.manual_seed(plan.seed)
        make_layers_passable(model.vision_model.encoder.layers)
        if device.type == "cuda":
            # Small layers are bound by memory bandwidth; fusing makes them faster.
            for layer in model.vision_model.encoder.layers:
                layer.compile(dynamic=False)
        self.head = nn.Linear(model.config.llm_config.hidden_size, subjects).to(device)
        self.parts = [*model.parameters(), *self.head.parameters()]
        self.optimizers = optimizers(model, self.head, plan.rate)

    def step(self, pictures: torch.Tensor, batch: TrainingBatch, progress: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Train one step on pictures (n, 3, side, side) in 0..1.

        Returns the answers' loss and the naming head's hits (n,).
        """
        set_rates(self.optimizers, progress)
        with torch.autocast(self.device.type, torch.bfloat16):
            features = self.model.extract_feature(normalise(pictures))
            named = self.head(features.mean(1))
            logits = answer_logits(self.model, features, batch)
        answers = F.cross_entropy(logits.float(), batch.labels)
        naming = F.cross_entropy(named.float(), batch.subjects, label_smoothing=SMOOTHING)
        self.model.zero_grad(set_to_none=True)
        self.head.zero_grad(set_to_none=True)
        (answers + NAMING_WEIGHT * naming).backward()
        nn.utils.clip_grad_norm_(self.parts, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        return answers.detach(), (named.argmax(1) == batch.subjects).float()


def answer_logits(model: Any, features: torch.Tensor, batch: TrainingBatch) -> torch.Tensor:
    """Logits (tokens, vocabulary) of the tokens with loss, given the pictures' tokens (n, tokens, hidden)."""
    embed = model.language_model.get_input_embeddings()
    features = features[: len(batch.after)]
    before = embed(batch.before)[None].expand(len(features), -1, -1)
    embeds = torch.cat([before.to(features.dtype), features, embed(batch.after).to(features.dtype)], 1)
    state = model.language_model.model(inputs_embeds=embeds, use_cache=False).last_hidden_state
    state = state[:, -batch.after.shape[1] :].flatten(0, 1)
    logits: torch.Tensor = model.language_model.output(state[batch.places])
    return logits


def make_layers_passable(layers: nn.ModuleList) -> None:
    """Add stochastic depth: in training some pictures skip a layer, whose output is scaled to keep the mean."""

    layer_class: Any = type(layers[0])

    class Passable(layer_class):
        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            after = super().forward(hidden)
            if not self.training:
                return after
            taken = (torch.rand(len(hidden), 1, 1, device=hidden.device) >= DROP_RATE).to(hidden.dtype) / (
                1 - DROP_RATE
            )
            return hidden + (after - hidden) * taken

    # One class for all layers, so that they share one compiled form.
    for layer in layers:
        layer.__class__ = Passable


def optimizers(model: Any, head: nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, which halves the number of steps; AdamW for the other parameters."""
    named = [*model.named_parameters(), *head.named_parameters(prefix="head")]
    matrices = [part for name, part in named if part.ndim == 2 and ".layers." in name]
    rest = [part for name, part in named if not (part.ndim == 2 and ".layers." in name)]
    muon = Muon([{"params": matrices, "highest": 2 * rate}], lr=rate, weight_decay=0.05)
    adam = torch.optim.AdamW(
        [
            {"params": [part for part in rest if part.ndim > 1], "weight_decay": 0.05, "highest": rate},
            {"params": [part for part in rest if part.ndim <= 1], "weight_decay": 0.0, "highest": rate},
        ],
        lr=rate,
        betas=(0.9, 0.98),
        fused=matrices[0].is_cuda,
    )
    return [muon, adam]


def rate_at(progress: float) -> float:
    if progress < WARM_UP:
        return max(progress / WARM_UP, 0.01)
    return max(0.5 + 0.5 * math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)), 0.01)


def set_rates(optimizers: Sequence[torch.optim.Optimizer], progress: float) -> None:
    """Give each group of parameters its learning rate at that part (0 to 1) of the training."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * rate_at(progress)


def train(
    trainer: DemoTrainer,
    painter: PicturePainter,
    tokenizer: Tokenizer,
    save: Callable[[], None] | None = None,
    save_every_s: float = 600,
) -> dict[str, float]:
    """Execute the plan; `save` is called every `save_every_s`.

    Returns steps, pictures, seconds, and over the last steps the answers' loss and the naming head's accuracy.
    """
    plan, start, last_save, side = trainer.plan, time.monotonic(), time.monotonic(), 0
    report, steps, shown = TrainingReport(), 0, 0
    begin = 0.0
    for phase in plan.phases:
        if side and plan.whole:
            carry_positions(trainer.model, side)
        side, end = phase.side, begin + phase.share
        for batch in loader(plan, phase, painter, tokenizer):
            progress = steps / plan.steps if plan.steps else (time.monotonic() - start) / (60 * plan.minutes)
            if progress >= min(end, 1.0):
                break
            batch = batch.to(trainer.device)
            scene = painter.paint(phase.batch, phase.side, batch.subjects)
            report.add(*trainer.step(scene.pictures, batch, progress))
            steps, shown = steps + 1, shown + phase.batch
            report.show(phase, progress, shown)
            if save and time.monotonic() - last_save > save_every_s:
                save()
                last_save = time.monotonic()
        begin = end
    return {"steps": steps, "pictures": shown, "seconds": round(time.monotonic() - start, 1), **report.end()}


def fit_head(trainer: DemoTrainer, painter: PicturePainter, side: int, pictures: int = 6144) -> None:
    """Train only the naming head of a model with trained weights: a random head's gradients would harm the model."""
    tokens, subjects = [], []
    # Without compilation, which would take longer than these few pictures.
    with torch.no_grad(), torch.autocast(trainer.device.type, torch.bfloat16), torch.compiler.set_stance("force_eager"):
        for _ in range(pictures // 64):
            scene = painter.paint(64, side)
            tokens.append(trainer.model.extract_feature(normalise(scene.pictures)).mean(1).float())
            subjects.append(scene.subjects)
    known, wanted = torch.cat(tokens), torch.cat(subjects)
    optimizer = torch.optim.AdamW(trainer.head.parameters(), lr=0.01, weight_decay=0.5)
    for _ in range(100):
        loss = F.cross_entropy(trainer.head(known), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"naming head fitted: loss {loss.item():.2f}", flush=True)


def loader(
    plan: DemoTrainingPlan, phase: TrainingPhase, painter: PicturePainter, tokenizer: Tokenizer
) -> Iterator[TrainingBatch]:
    subjects = load_subjects()
    writer = TemplateWriter(load_prompts(), load_shapes(), subjects, load_vocabulary())
    batches = BatchStream(
        tokenizer, subjects, writer, painter.known.tolist(), phase.batch, phase.asked, plan.seed + phase.side
    )
    return iter(
        DataLoader(batches, batch_size=None, num_workers=plan.workers, prefetch_factor=4 if plan.workers else None)
    )


@torch.no_grad()
def carry_positions(model: Any, side: int) -> None:
    """Resize the position embedding learnt on pictures of `side` pixels to the whole grid (bicubic)."""
    embeddings = model.vision_model.embeddings
    cells, whole = side // model.patch_size, embeddings.grid
    learnt = embeddings.positions(cells, cells)[:, 1:].reshape(1, cells, cells, -1).permute(0, 3, 1, 2)
    spread = F.interpolate(learnt, size=(whole, whole), mode="bicubic", align_corners=False)
    embeddings.position_embedding[:, 1:] = spread.flatten(2).transpose(1, 2)


class TrainingReport:
    """Prints progress every LOG_EVERY_S: loss, the naming head's accuracy, pictures a second."""

    def __init__(self) -> None:
        self.since, self.shown = time.monotonic(), 0
        self.last: deque[tuple[torch.Tensor, torch.Tensor]] = deque(maxlen=LAST_STEPS)
        self.losses: list[torch.Tensor] = []
        self.hits: list[torch.Tensor] = []

    def add(self, loss: torch.Tensor, hits: torch.Tensor) -> None:
        self.last.append((loss, hits))
        self.losses.append(loss)
        self.hits.append(hits)

    def show(self, phase: TrainingPhase, progress: float, shown: int) -> None:
        passed = time.monotonic() - self.since
        if passed < LOG_EVERY_S:
            return
        with contextlib.suppress(BrokenPipeError):
            print(
                f"{progress:6.1%}  {phase.side} px  loss {torch.stack(self.losses).mean():.3f}  "
                f"named {torch.cat(self.hits).mean():.1%}  {(shown - self.shown) / passed:.0f} pictures/s",
                flush=True,
            )
        self.since, self.shown, self.losses, self.hits = time.monotonic(), shown, [], []

    def end(self) -> dict[str, float]:
        """Loss and accuracy over the last LAST_STEPS steps; empty without steps."""
        if not self.last:
            return {}
        losses, hits = zip(*self.last, strict=True)
        return {"loss": round(torch.stack(losses).mean().item(), 3), "named": round(torch.cat(hits).mean().item(), 3)}
