"""XTuner's own model and data path for comparison, with the same prompt, order of rows, seed and initial adapter.

Used by tests and benchmarks/train.py only.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from trainer.xtuner.plan import TrainingPlan


def convert(base: Path, adapter: Path, out: Path, rank: int, alpha: int) -> None:
    """Merge a .pth file with XTuner's `convert_to_official`; its configuration is written beside that file."""
    from xtuner.configs.internvl.v1_5.convert_to_official import convert_to_official

    lora = {
        "type": "peft.LoraConfig",
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "target_modules": None,
        "task_type": "CAUSAL_LM",
    }
    model = {
        "type": "xtuner.model.InternVL_V1_5",
        "model_path": str(base),
        "freeze_llm": True,
        "freeze_visual_encoder": True,
        "quantization_llm": True,
        "quantization_vit": False,
        "llm_lora": lora,
    }
    config = adapter.with_suffix(".py")
    Config({"model": model}).dump(str(config))
    convert_to_official(str(config), str(adapter), str(out))


def stock_config(config: Config, plan: TrainingPlan) -> Config:
    """Replace model, dataset and collation of a run's configuration by XTuner's own."""
    model = config.model
    for ours in ("features", "kept_pictures", "recompute", "parts", "seed", "float32"):
        model.pop(ours, None)
    model.type = "xtuner.model.InternVL_V1_5"
    loader = config.train_dataloader
    loader.dataset = Config(
        {
            "type": "trainer.xtuner.dataset.JokeDataset",
            "model_path": str(plan.base),
            "data_paths": str(plan.dataset / "train.json"),
            "image_folders": str(plan.dataset),
            "max_length": plan.training.max_length,
            "template": plan.template,
        }
    )._cfg_dict
    loader.collate_fn = {"type": "xtuner.dataset.collate_fns.default_collate_fn"}
    loader.pin_memory = False
    config.custom_hooks.insert(0, {"type": "trainer.xtuner.hooks.SingleProcessGroupHook"})
    return config


class EagerAttentionFunctional:
    """torch.nn.functional with eager attention.

    The (tokens × tokens) matrix is in memory and its softmax in float32, as in OpenGVLab's InternLM2 without
    flash-attn.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(F, name)

    @staticmethod
    def scaled_dot_product_attention(
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        is_causal: bool = False,
        **options: Any,
    ) -> torch.Tensor:
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        if is_causal:
            attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        if attn_mask is not None:
            scores = scores.masked_fill(~attn_mask, torch.finfo(scores.dtype).min)
        return scores.softmax(-1, dtype=torch.float32).to(value.dtype) @ value


@contextmanager
def eager_attention(language_model: Any) -> Iterator[None]:
    """Use eager attention in the InternLM2 of Jokebot's checkpoints, which otherwise uses PyTorch's fused attention."""
    layer = language_model.base_model.model.model.layers[0].attention
    module: Any = sys.modules[type(layer).__module__]
    original, module.F = module.F, EagerAttentionFunctional()
    try:
        yield
    finally:
        module.F = original


@HOOKS.register_module()
class EagerHook(Hook):
    """Eager attention for a whole run."""

    def before_train(self, runner: Any) -> None:
        self.attention = eager_attention(runner.model.model.language_model)
        self.attention.__enter__()

    def after_train(self, runner: Any) -> None:
        self.attention.__exit__(None, None, None)
