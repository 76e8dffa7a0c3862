"""Imports torchvision and transformers' automatic classes where that takes care.

torchvision's ordinary wheel has compiled operators that are linked against CUDA, so beside a CPU build of torch they
are not there, and `import torchvision` dies while it describes them ("operator torchvision::nms does not exist").
Jokebot, XTuner and transformers use only its picture transforms, which are plain Python. This module is given torch and
does not import it: `configs` stays free of it.
"""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from typing import Any


def import_torchvision(torch: Any) -> None:
    """Import torchvision, passing over the descriptions of its own operators that are missing. Harmless where none are.

    Call it before the first import of transformers' models, which import torchvision by themselves.
    """
    describe = torch.library.register_fake

    def describe_if_there(operator: Any, function: Callable | None = None, /, **options: Any) -> Any:
        if function is None:
            return lambda given: describe_if_there(operator, given, **options)
        try:
            describe(operator, function, **options)
        except RuntimeError:
            if not str(operator).startswith("torchvision::"):
                raise
        return function

    torch.library.register_fake = describe_if_there
    try:
        import torchvision  # noqa: F401
    finally:
        torch.library.register_fake = describe


def import_transformers(torch: Any) -> tuple[Any, Any]:
    """AutoModel and AutoTokenizer, set up so that nothing is fetched and no other process's copy of a checkpoint's
    code is shared: transformers keeps such copies by the directory's last name alone. Another place for them in
    HF_MODULES_CACHE is respected."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if "transformers" not in sys.modules and "HF_MODULES_CACHE" not in os.environ:
        copies = tempfile.mkdtemp(prefix="jokebot-code-")
        atexit.register(shutil.rmtree, copies, ignore_errors=True)
        os.environ["HF_MODULES_CACHE"] = copies
    import_torchvision(torch)
    from transformers import AutoModel, AutoTokenizer

    return AutoModel, AutoTokenizer
