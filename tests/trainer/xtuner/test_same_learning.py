"""JokeModel and XTuner's model compute the same losses, also with caches, split batches and recomputation."""

import copy
import json
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from configs.settings import TrainingSettings
from trainer.xtuner import compat
from trainer.xtuner.plan import TrainingError, TrainingPlan

compat.apply_repairs()

from mmengine.config import Config  # noqa: E402
from mmengine.optim import OptimWrapper  # noqa: E402
from mmengine.registry import MODELS  # noqa: E402
from xtuner.dataset.collate_fns import default_collate_fn  # noqa: E402
from xtuner.registry import BUILDER  # noqa: E402

from trainer.xtuner.dataset import JokeDataset  # noqa: E402
from trainer.xtuner.feature_cache import StoredFeatures  # noqa: E402
from trainer.xtuner.lora import masked  # noqa: E402
from trainer.xtuner.model import JokeModel  # noqa: E402
from trainer.xtuner.packed_dataset import EndlessSampler, PackedDataset, as_list, read_tiles, to_pixels  # noqa: E402
from trainer.xtuner.upstream_baseline import eager_attention, stock_config  # noqa: E402
from trainer.xtuner.worker import prepare  # noqa: E402

TOLD = TrainingSettings(
    lora_rank=8, lora_alpha=16, lora_dropout=0, batch_size=4, accumulation=1, epochs=1, learning_rate=1e-3
)
STEPS = 6


@pytest.fixture(scope="module")
def plan(base: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingPlan:
    """A base model of two tiles, so that rows have one tile or three, and lengths that differ."""
    out = tmp_path_factory.mktemp("plans")
    shutil.copytree(base, out / "wide")
    config = json.loads((base / "config.json").read_text())
    (out / "wide" / "config.json").write_text(json.dumps({**config, "max_dynamic_patch": 2}))
    made = TrainingPlan(dataset, out / "wide", out / "run", out / "features", 2, TOLD)
    made.save()
    prepare(made)
    return made


@pytest.fixture(scope="module")
def config(plan: TrainingPlan) -> Config:
    return Config.fromfile(str(plan.work / "config.py"))


@pytest.fixture(scope="module")
def rows(config: Config) -> PackedDataset:
    return BUILDER.build(dict(config.train_dataloader.dataset))


@pytest.fixture(scope="module")
def first(config: Config) -> dict[str, torch.Tensor]:
    """The initial adapter of all models here, with a random B instead of zeros, so that all gradients matter."""
    torch.manual_seed(3)
    state = make(config).state_dict()
    return {
        name: torch.randn_like(tensor) * 0.05 if "lora_B" in name else tensor.clone() for name, tensor in state.items()
    }


def make(config: Config, first: dict[str, torch.Tensor] | None = None, **options: Any) -> JokeModel:
    model = MODELS.build({**config.model, **options})
    model.load_state_dict(first or {}, strict=False)
    return model.train()


def optimiser(model: torch.nn.Module) -> OptimWrapper:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return OptimWrapper(torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.05), clip_grad={"max_norm": 1})


def gradient(model: JokeModel, batch: list[Any], step: int = 0) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model.loss(batch, step).backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], tolerance: float) -> bool:
    assert one.keys() == other.keys() and len(one) > 10
    apart = {name: float((one[name] - other[name]).norm() / (one[name].norm() + 1e-9)) for name in one}
    worst = max(apart, key=apart.__getitem__)
    assert apart[worst] <= tolerance, (worst, apart[worst])
    return True


def test_rows_are_tokenised_and_cut_as_xtuners_dataset_does(plan: TrainingPlan, rows: PackedDataset) -> None:
    theirs = JokeDataset(
        model_path=str(plan.base), data_paths=str(plan.dataset / "train.json"), image_folders=str(plan.dataset)
    )
    for number in range(len(theirs)):
        wanted, got = theirs[number], rows[number]
        assert wanted["input_ids"] == got["ids"].tolist() and rows.lengths[number] == len(got["ids"])
        assert wanted["labels"] == [-100] * got["answer"] + got["ids"][got["answer"] :].tolist()
        assert torch.equal(
            wanted["pixel_values"],
            to_pixels(read_tiles(plan.dataset / rows.rows[number].picture, 2, rows.rows[number]), torch.float32),
        )


def test_a_row_that_is_too_long_is_refused(config: Config) -> None:
    with pytest.raises(TrainingError, match="joke-.*tokens"):
        BUILDER.build({**config.train_dataloader.dataset, "max_length": 300})


def test_losses_follow_those_of_xtuners_own_model(
    config: Config, plan: TrainingPlan, rows: PackedDataset, first: dict[str, torch.Tensor]
) -> None:
    """Each step's batch in the same order; nf4, AdamW and clipping on both sides."""
    compat.single_process_group()
    ours, stock = make(config, first), MODELS.build(stock_config(copy.deepcopy(config), plan).model)
    stock.load_state_dict(first, strict=False)
    stock.train()
    assert {name for name, part in ours.named_parameters() if part.requires_grad} == {
        name for name, part in stock.named_parameters() if part.requires_grad
    }
    theirs = JokeDataset(
        model_path=str(plan.base), data_paths=str(plan.dataset / "train.json"), image_folders=str(plan.dataset)
    )
    order = iter(EndlessSampler(rows, 2, seed=1))
    our_optimiser, their_optimiser, gaps = optimiser(ours), optimiser(stock), []
    for step in range(STEPS):
        batch = [next(order) for _ in range(2)]
        ours.step = step
        loss = float(ours.train_step(as_list([rows[index] for index in batch]), our_optimiser)["loss"])
        wanted = stock.train_step(default_collate_fn([theirs[index] for index in batch]), their_optimiser)[
            "loss"
        ].item()
        gaps.append(abs(loss - wanted) / wanted)
    assert gaps[0] < 1e-3 and sum(gaps) / STEPS < 0.01, gaps


def test_eager_attention_is_the_same_attention(
    config: Config, plan: TrainingPlan, rows: PackedDataset, first: dict[str, torch.Tensor]
) -> None:
    stock = MODELS.build(stock_config(copy.deepcopy(config), plan).model)
    theirs = JokeDataset(
        model_path=str(plan.base), data_paths=str(plan.dataset / "train.json"), image_folders=str(plan.dataset)
    )
    compat.single_process_group()
    batch = default_collate_fn([theirs[0], theirs[1]])["data"]
    fused = stock(batch)["loss"].item()
    with eager_attention(stock.model.language_model):
        eager = stock(batch)["loss"].item()
    assert eager != fused and eager == pytest.approx(fused, rel=1e-3)


def test_what_is_kept_is_what_was_seen(config: Config, rows: PackedDataset, first: dict[str, torch.Tensor]) -> None:
    model = make(config, first)
    for file in Path(model.store.folder).glob("*.bf16"):
        file.unlink()
    fresh = [rows[0], rows[1]]
    assert {row["picture"].dtype for row in fresh} == {torch.uint8}
    looked = model.loss(fresh, 0).item()
    model.keeper.shutdown()
    kept = [rows[0], rows[1]]
    assert all(isinstance(row["picture"], StoredFeatures) for row in kept)
    assert model.loss(kept, 0).item() == looked


@pytest.mark.parametrize("options", [{"recompute": "always"}, {"unpacked": False}])
def test_saving_memory_changes_no_gradient(
    options: dict[str, Any], config: Config, rows: PackedDataset, first: dict[str, torch.Tensor]
) -> None:
    model, batch = (
        make(config, first, llm_lora={**config.model.llm_lora, "lora_dropout": 0.3}),
        [rows[0], rows[1], rows[2]],
    )
    plain = gradient(model, batch)
    model.recompute = options.get("recompute", "auto")
    if "unpacked" in options:
        for layer in model.decoder().layers:
            layer.w1.frozen.joined = layer.wqkv.frozen.joined = None
    assert same(plain, gradient(model, batch), 1e-6)


def test_a_rows_weight_multiplies_its_gradient_also_in_a_split_batch(
    config: Config, rows: PackedDataset, first: dict[str, torch.Tensor]
) -> None:
    model = make(config, first)
    model.model.mlp1.float()  # bf16 would round small gradients away
    batch = [rows[0], rows[1], rows[2]]
    answers = [len(row["ids"]) - row["answer"] for row in batch]
    alone = [gradient(model, [row]) for row in batch]
    weights = (0.25, 2.0, 0.75)
    wanted = {
        name: sum(w * n * part[name] for w, n, part in zip(weights, answers, alone, strict=True)) / sum(answers)
        for name in alone[0]
    }
    weighted = [{**row, "weight": weight} for row, weight in zip(batch, weights, strict=True)]
    assert same(wanted, gradient(model, weighted), 1e-4)
    model.parts = 2
    model.zero_grad()
    model({"rows": weighted})["loss"].backward()
    split = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert same(wanted, split, 1e-4)


def test_dropout_differs_between_steps_and_layers_and_not_between_calls(
    config: Config, rows: PackedDataset, first: dict[str, torch.Tensor]
) -> None:
    model, batch = make(config, first, llm_lora={**config.model.llm_lora, "lora_dropout": 0.3}), [rows[0]]
    losses = [model.loss(batch, step).item() for step in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]
    kept = masked(torch.ones(200_000), 0.3, 5)
    assert kept.mean() == pytest.approx(0.7, abs=0.01) and not torch.equal(kept, masked(torch.ones(200_000), 0.3, 6))


def test_a_batch_that_does_not_fit_is_cut_and_learns_the_same(
    config: Config, rows: PackedDataset, first: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory for two rows at a time, and only with recomputation; batches of four, two of them to an update."""
    ample, short = make(config, first), make(config, first)
    for model in (ample, short):
        model.model.mlp1.float()  # bf16 would round the small steps of this test away
    loss_of = short.loss

    def limited(batch: list[Any], step: int) -> torch.Tensor:
        loss = loss_of(batch, step)
        if len(batch) > 2 or not short.recomputed:
            loss.register_hook(fail)
        return loss

    def fail(grad: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(short, "loss", limited)
    # Plain descent: Adam's first steps are the gradient's signs, which rounding turns where it is next to nothing.
    one, other = (
        OptimWrapper(
            torch.optim.SGD([part for part in model.parameters() if part.requires_grad], lr=0.1), accumulative_counts=2
        )
        for model in (ample, short)
    )
    for step in range(4):
        batch = as_list([rows[(4 * step + place) % 8] for place in range(4)])
        losses = [float(model.train_step(batch, wrapper)["loss"]) for model, wrapper in ((ample, one), (short, other))]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert (short.parts, short.recomputed, ample.parts) == (2, 3, 1)
    moved = [
        {name: (part - first[name]).float() for name, part in model.state_dict().items()} for model in (ample, short)
    ]
    assert same(*moved, 1e-3)


def test_one_of_several_processes_cuts_its_batch_and_learns_the_same(
    config: Config, rows: PackedDataset, first: dict[str, torch.Tensor]
) -> None:
    """With a data-parallel wrapper the pieces are inside the forward pass, and memory holds one of them."""
    model, batch, gradients, held = make(config, first), {"rows": [rows[0], rows[1], rows[2]]}, [], []
    model.model.mlp1.float()  # bf16 would round the pieces' gradients each for itself

    def note(tensor: torch.Tensor) -> torch.Tensor:
        held[-1] += tensor.numel()
        return tensor

    for model.parts in (1, 2, 4):
        model.zero_grad()
        held.append(0)
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loss = model(batch)["loss"]
        loss.backward()
        gradients.append({name: part.grad.clone() for name, part in model.named_parameters() if part.grad is not None})
    assert same(gradients[0], gradients[1], 1e-4) and same(gradients[0], gradients[2], 1e-4)
    assert held[1] < 0.1 * held[0] and held[2] < 0.1 * held[0]


def test_a_row_that_never_fits_ends_the_run(
    config: Config, rows: PackedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make(config)

    def never(batch: list[Any], step: int) -> torch.Tensor:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(model, "loss", never)
    with pytest.raises(TrainingError) as caught:
        model.train_step(as_list([rows[0], rows[1]]), optimiser(model))
    assert caught.value.reason == "memory" and model.parts == 2


def test_the_order_of_rows_can_be_entered_anywhere_and_shared(rows: PackedDataset) -> None:
    sampler, later = EndlessSampler(rows, 2, seed=4), EndlessSampler(rows, 2, seed=4)
    later.start = 11
    assert list(islice(sampler, 30))[11:] == list(islice(later, 19))
    assert sorted(islice(sampler, 8)) == list(range(8))
