"""Repairs that XTuner 0.2.0 needs with current packages and on hosts without a GPU.

Call `apply_repairs()` before the first import of xtuner. Each repair documents the error that it avoids.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from configs.transformers_imports import import_torchvision


def apply_repairs() -> None:
    """Apply all repairs of imports in the required order."""
    with without_compiler():
        import_torchvision(torch)
        importlib.import_module("bitsandbytes")
        quantise_on_cpu()


@contextmanager
def without_compiler() -> Iterator[None]:
    """Replace torch.compile by the identity during the import of bitsandbytes.

    bitsandbytes wraps unused kernels in torch.compile at import, which imports the whole compiler and takes a second of
    every start.
    """
    original, torch.compile = (
        torch.compile,
        lambda function=None, **options: function if function is not None else lambda inner: inner,
    )
    try:
        yield
    finally:
        torch.compile = original


def quantise_on_cpu() -> None:
    """Let transformers 4.48 use bitsandbytes on a CPU without Intel's IPEX; bitsandbytes 0.50 supports nf4 there.

    Avoids "RuntimeError: … bitsandbytes … intel_extension_for_pytorch". Does nothing on a GPU host.
    """
    if torch.cuda.is_available():
        return
    from transformers.integrations import bitsandbytes

    if hasattr(bitsandbytes, "validate_bnb_backend_availability"):
        bitsandbytes.validate_bnb_backend_availability = lambda raise_exception=False: True


def single_process_group() -> None:
    """Initialise a process group of one process, in which XTuner's InternVL looks up its rank at every step.

    Avoids "ValueError: Default process group has not been initialized" outside torchrun.
    """
    from torch import distributed

    if distributed.is_available() and not distributed.is_initialized():
        distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
