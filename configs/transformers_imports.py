"""Imports torchvision beside a CPU build of torch, and transformers' automatic classes without network access.

The compiled operators in torchvision's default wheel are linked against CUDA. With a CPU build of torch they are
missing, and `import torchvision` fails while it registers their descriptions ("operator torchvision::nms does not
exist"). Jokebot, XTuner and transformers use only its image transforms, which are plain Python. The caller passes torch
in, so `configs` doesn't import it.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from configs.temporary_folder import make_process_folder


def import_torchvision(torch: Any) -> None:
    """Import torchvision and ignore its missing operators. Does nothing special if none is missing.

    Call it before the first import of transformers' models, which import torchvision themselves.
    """
    describe = torch.library.register_fake

    def describe_existing(operator: Any, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        if function is None:
            return lambda fake: describe_existing(operator, fake, **options)
        try:
            describe(operator, function, **options)
        except RuntimeError:
            if not str(operator).startswith("torchvision::"):
                raise
        return function

    torch.library.register_fake = describe_existing
    try:
        import torchvision  # noqa: F401
    finally:
        torch.library.register_fake = describe


def import_transformers(torch: Any) -> tuple[Any, Any]:
    """Import AutoModel and AutoTokenizer, offline and with a module cache of this process.

    transformers caches a checkpoint's code under the last part of its directory's name, so processes with different
    checkpoints could share it by mistake. HF_MODULES_CACHE, if set, is left unchanged.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if "transformers" not in sys.modules and "HF_MODULES_CACHE" not in os.environ:
        os.environ["HF_MODULES_CACHE"] = str(make_process_folder("jokebot-code-"))
    import_torchvision(torch)
    from transformers import AutoModel, AutoTokenizer

    return AutoModel, AutoTokenizer
