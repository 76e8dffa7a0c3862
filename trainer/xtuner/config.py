"""A run's XTuner configuration: `joke_qlora.py` with the plan's values, written to OUT/xtuner/config.py."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from trainer.xtuner.feature_cache import FeatureStore
from trainer.xtuner.plan import StepSchedule, TrainingPlan

CONFIG = Path(__file__).with_name("joke_qlora.py")
ROWS, KEPT, WRITTEN = "rows.json", "kept.txt", "config.py"


def write_config(plan: TrainingPlan, schedule: StepSchedule, store: FeatureStore, code: Path) -> Path:
    """Write the run's complete configuration and return its path. `code` is the base's verified copy."""
    config = Config.fromfile(str(CONFIG))
    config.merge_from_dict(options(plan, schedule, store, code))
    config.param_scheduler = schedulers(config.param_scheduler, schedule)
    if not torch.cuda.is_available():
        for_cpu(config)
    path = plan.work / WRITTEN
    config.dump(str(path))
    return path


def options(plan: TrainingPlan, schedule: StepSchedule, store: FeatureStore, code: Path) -> dict[str, Any]:
    """The plan's values by their keys in the configuration."""
    settings, base, features = plan.training, str(code), (str(store.folder), store.tokens, store.size)
    return {
        "path": base,
        "model.model_path": base,
        "tokenizer.pretrained_model_name_or_path": base,
        "model.features": features,
        "model.kept_pictures": str(plan.work / KEPT),
        "model.recompute": settings.gradient_checkpointing,
        "model.parts": plan.parts(),
        "model.seed": settings.seed,
        "model.float32": bool(settings.deepspeed),
        "model.quantization_llm": settings.nf4,
        "model.llm_lora.r": settings.lora_rank,
        "model.llm_lora.lora_alpha": settings.lora_alpha,
        "model.llm_lora.lora_dropout": settings.lora_dropout,
        "train_dataloader.dataset.model_path": base,
        "train_dataloader.dataset.directory": str(plan.dataset),
        "train_dataloader.dataset.rows": str(plan.work / ROWS),
        "train_dataloader.dataset.features": features,
        "train_dataloader.dataset.max_tiles": plan.max_tiles,
        "train_dataloader.dataset.max_length": settings.max_length,
        "train_dataloader.dataset.template": plan.template,
        "train_dataloader.batch_size": schedule.batch,
        "train_dataloader.sampler.batch_size": schedule.batch,
        "train_dataloader.num_workers": settings.workers,
        "optim_wrapper.accumulative_counts": schedule.accumulation,
        "optim_wrapper.optimizer.lr": settings.learning_rate,
        "optim_wrapper.optimizer.weight_decay": settings.weight_decay,
        "optim_wrapper.clip_grad.max_norm": settings.max_norm,
        "train_cfg.max_iters": schedule.steps,
        "randomness.seed": settings.seed,
        "default_hooks.checkpoint.interval": schedule.checkpoint_every,
        "default_hooks.checkpoint.max_keep_ckpts": settings.keep_checkpoints,
        "custom_hooks.1.out": str(plan.out),
        "work_dir": str(plan.work),
        "resume": True,
    }


def schedulers(both: list[Any], schedule: StepSchedule) -> list[Any]:
    """Warm-up and cosine over the run's steps; no warm-up in a short run, neither in a run of one step."""
    warm, cosine = both
    warm.update(end=schedule.warmup)
    cosine.update(begin=schedule.warmup, end=schedule.steps)
    return [part for part in (warm, cosine) if part["begin"] < part["end"] and schedule.steps > 1]


def for_cpu(config: Config) -> None:
    """Change the configuration for a CPU: no autocast, gloo, no worker processes, no page-locked memory."""
    config.optim_wrapper.type = "mmengine.optim.OptimWrapper"
    config.optim_wrapper.pop("dtype", None)
    config.optim_wrapper.pop("loss_scale", None)
    config.env_cfg.dist_cfg = {"backend": "gloo"}
    config.train_dataloader.update(num_workers=0, pin_memory=False)
    config.model_wrapper_cfg = {"type": "MMDistributedDataParallel", "device_ids": None, "broadcast_buffers": False}
