"""Small repairs that XTuner 0.2.0 needs beside today's packages and on hosts without a GPU.

Call `apply()` before the first import of xtuner. Each repair says what fails without it, and leaves alone what works.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from configs.transformers_imports import import_torchvision


def apply_repairs() -> None:
    """All repairs of imports, in the order in which they are needed."""
    with without_compiler():
        import_torchvision(torch)
        importlib.import_module("bitsandbytes")
        quantise_on_cpu()


@contextmanager
def without_compiler() -> Iterator[None]:
    """bitsandbytes wraps its spare kernels in torch.compile while it is imported, and that imports the whole
    compiler: a second of every start for functions that neither a GPU nor a CPU run calls."""
    original, torch.compile = (
        torch.compile,
        lambda function=None, **options: function if function is not None else lambda inner: inner,
    )
    try:
        yield
    finally:
        torch.compile = original


def quantise_on_cpu() -> None:
    """transformers 4.48 refuses bitsandbytes on a CPU unless Intel's IPEX is there; bitsandbytes 0.50 does nf4 without
    it.

    Without this: "RuntimeError: … bitsandbytes … intel_extension_for_pytorch". On a GPU host nothing is changed.
    """
    if torch.cuda.is_available():
        return
    from transformers.integrations import bitsandbytes

    if hasattr(bitsandbytes, "validate_bnb_backend_availability"):
        bitsandbytes.validate_bnb_backend_availability = lambda raise_exception=False: True


def single_process_group() -> None:
    """XTuner's InternVL asks `torch.distributed` for its rank at every step, and outside torchrun there is none.

    Without this: "ValueError: Default process group has not been initialized". A group of this one process answers it.
    """
    from torch import distributed

    if distributed.is_available() and not distributed.is_initialized():
        distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
