"""XTuner's QLoRA configuration for InternVL2-2B, adapted to the joke task.

The values below are the InternLM camp's; `trainer/xtuner/config.py` replaces them by each run's values. With the paths
at the top filled in, `xtuner train` accepts this file too.
"""

# ruff: noqa: C408, F403, F405 (XTuner's own style; the base brings the names)
from mmengine.config import read_base
from mmengine.hooks import CheckpointHook, LoggerHook
from mmengine.optim import AmpOptimWrapper, CosineAnnealingLR, LinearLR

from trainer.xtuner.hooks import NonFiniteLossHook, ProgressHook, StopHook
from trainer.xtuner.model import JokeModel
from trainer.xtuner.packed_dataset import EndlessSampler, PackedDataset, as_list
from trainer.xtuner.train_loop import ResumableTrainLoop

with read_base():
    from xtuner.configs.internvl.v2.internvl_v2_internlm2_2b_qlora_finetune import *

# XTuner needs the path in three places; config.py sets them together.
path = "OpenGVLab/InternVL2-2B"
max_length = 8192
batch_size = 4
accumulative_counts = 4
max_epochs = 6
lr = 2e-5
seed = 1

model.update(
    type=JokeModel,
    model_path=path,
    features=("features", 256, 4096),
    kept_pictures="kept.txt",
    recompute="auto",
    parts=1,
    seed=seed,
    float32=False,
)
model.llm_lora.update(r=128, lora_alpha=256, lora_dropout=0.05)
tokenizer.update(pretrained_model_name_or_path=path)

llava_dataset = dict(
    type=PackedDataset,
    model_path=path,
    directory="data",
    rows="rows.json",
    features=("features", 256, 4096),
    max_tiles=12,
    max_length=max_length,
    template="internlm2-chat",
)
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    dataset=llava_dataset,
    collate_fn=dict(type=as_list),
    sampler=dict(type=EndlessSampler, batch_size=batch_size),
    pin_memory=True,
)

# bf16 instead of the original's fp16: no loss scaling, and no NaN, with which a model generates only "!".
optim_wrapper.update(
    type=AmpOptimWrapper, dtype="bfloat16", loss_scale=dict(enabled=False), accumulative_counts=accumulative_counts
)
optim_wrapper.optimizer.update(lr=lr)

# In steps, not in shares of an epoch: 0.03 of a small run is less than a step, which mmengine rejects.
train_cfg = dict(type=ResumableTrainLoop, max_iters=3000)
param_scheduler = [
    dict(type=LinearLR, start_factor=1e-5, by_epoch=False, begin=0, end=90),
    dict(type=CosineAnnealingLR, eta_min=0.0, by_epoch=False, begin=90, end=3000),
]

custom_hooks = [dict(type=NonFiniteLossHook), dict(type=ProgressHook, out="."), dict(type=StopHook)]
default_hooks.update(
    logger=dict(type=LoggerHook, log_metric_by_epoch=False, interval=10),
    # With the optimiser's state, so that a stopped run continues to the same losses.
    checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=500, max_keep_ckpts=2, save_optimizer=True),
)
randomness = dict(seed=seed, deterministic=False)
