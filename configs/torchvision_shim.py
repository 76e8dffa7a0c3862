"""Lets torchvision's ordinary wheel be imported beside a CPU build of torch.

That wheel's compiled operators are linked against CUDA, so on a CPU build they are not there, and `import torchvision` dies
while it describes them ("operator torchvision::nms does not exist"). Jokebot, XTuner and transformers use only its
picture transforms, which are plain Python. This module is given torch and does not import it: `configs` stays free of it.
"""
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
