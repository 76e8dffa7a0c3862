"""Composes batches of training pictures on the training device: one to three subjects over a painted background."""

import base64
import io
import math
import random
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from PIL import Image

from configs.tiling import MEAN, STD
from trainer.demo_model.picture_pack import SIZE, PictureEntry
from trainer.demo_model.sources import FONT, ICONS

MAX_SUBJECTS = 3
"""Maximum number of subjects in a picture: the main one, which is the largest and on top, and up to two more."""
LAYER_SHARES = (1.0, 0.4, 0.15)
"""Shares of pictures with a main subject, with at least one more, and with two more."""
COLOURED_WEIGHT = 2
"""Sampling weight of a coloured drawing, relative to an outline or a silhouette of the same subject."""


@dataclass(frozen=True)
class PictureScene:
    """A batch of pictures, float (batch, 3, side, side) in 0..1, and the numbers of their main subjects."""

    pictures: torch.Tensor
    subjects: torch.Tensor


class PicturePainter:
    """Paints scenes from drawings. The same seed on the same device paints the same scenes.

    `restyle` is the share of drawings that are restyled for training; the others are unchanged. On a GPU no operation
    waits for an earlier one: the sizes of parts of the batch are drawn on the CPU.
    """

    def __init__(self, drawings: list[PictureEntry], device: torch.device, seed: int, restyle: float = 1.0) -> None:
        self.device, self.restyled = device, restyle
        self.random, self.dice = torch.Generator(device).manual_seed(seed), random.Random(seed)
        self.sheets = torch.zeros(len(drawings), 4, SIZE, SIZE, dtype=torch.uint8)
        for place, drawing in enumerate(drawings):
            self.sheets[place] = to_sheet(drawing)
        self.means, self.spreads = (part.to(device) for part in colours(self.sheets))
        self.sheets = self.sheets.to(device)
        self.subjects = torch.tensor([drawing.subject for drawing in drawings], device=device)
        # Subjects are sampled first, so that a subject with more drawings isn't shown more often.
        self.known = self.subjects.unique()
        often = torch.tensor(
            [1 if drawing.set in (*ICONS, FONT) else COLOURED_WEIGHT for drawing in drawings], device=device
        )
        places = torch.arange(len(drawings), device=device).repeat_interleave(often)
        self.of = [places[self.subjects[places] == subject] for subject in self.known.tolist()]
        most = max(map(len, self.of))
        self.table = torch.stack([each.repeat(math.ceil(most / len(each)))[:most] for each in self.of])
        self.counts = torch.tensor([len(each) for each in self.of], device=device)

    def uniform(self, *size: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return torch.rand(*size, generator=self.random, device=self.device) * (high - low) + low

    def paint(self, batch: int, side: int, subjects: torch.Tensor | None = None) -> PictureScene:
        """Paint `batch` pictures of side × side pixels, of the given subjects or of uniformly sampled ones."""
        rows = torch.randint(len(self.known), (MAX_SUBJECTS, batch), generator=self.random, device=self.device)
        if subjects is not None:
            rows[0] = torch.searchsorted(self.known, subjects)
        pictures = self.background(batch, side)
        order, chance = torch.randperm(batch, generator=self.random, device=self.device), self.dice.random()
        for layer in reversed(range(MAX_SUBJECTS)):
            place = order[: int(LAYER_SHARES[layer] * batch + chance) if layer else batch]
            if len(place):
                changed = self.uniform(len(place), 1, 1, 1) < self.restyled
                sprites = self.sprites(rows[layer][place], side, changed)
                pictures[place] = self.lay(pictures[place], sprites, changed, main=layer == 0)
        return PictureScene(self.spoil(pictures), self.known[rows[0]])

    def pick(self, rows: torch.Tensor) -> torch.Tensor:
        """The index of a random drawing of each subject."""
        return self.table[rows, (self.uniform(len(rows)) * self.counts[rows]).long()]

    def sprites(self, rows: torch.Tensor, side: int, changed: torch.Tensor) -> torch.Tensor:
        """A drawing of each subject, restyled where `changed` (n, 1, 1, 1) is true.

        Float (n, 4, SIZE, SIZE), or half as large for pictures smaller than SIZE.
        """
        drawings = self.pick(rows)
        sprites = self.sheets[drawings].float() / 255
        if side < SIZE:
            # Average before downscaling, to avoid aliasing in the patches.
            solid = torch.cat([sprites[:, :3] * sprites[:, 3:], sprites[:, 3:]], 1)
            solid = F.avg_pool2d(solid, 2)
            sprites = torch.cat([solid[:, :3] / solid[:, 3:].clamp(min=1e-3), solid[:, 3:]], 1)
        if not self.restyled:
            return sprites
        return torch.where(changed, self.restyle(self.exchange(sprites, drawings, self.pick(rows))), sprites)

    def exchange(self, sprites: torch.Tensor, drawings: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Give some drawings the colours (mean and spread) of another drawing of the same subject."""
        colour = (sprites[:, :3] - self.means[drawings]) / self.spreads[drawings] * self.spreads[others] + self.means[
            others
        ]
        return torch.cat([self.some(0.35, colour.clamp(0, 1), sprites[:, :3]), sprites[:, 3:]], 1)

    def restyle(self, sprites: torch.Tensor) -> torch.Tensor:
        """Vary the style of drawings: other colours, two tones, outlines, flat areas, a missing part."""
        n, size = len(sprites), sprites.shape[-1]
        colour, alpha = sprites[:, :3], sprites[:, 3:]
        grey = colour.mean(1, keepdim=True)
        colour = grey + (colour - grey) * self.uniform(n, 1, 1, 1, low=0.3, high=1.6)
        colour = self.some(0.08, grey.expand_as(colour), colour)
        dark, light = self.uniform(n, 3, 1, 1, high=0.6), self.uniform(n, 3, 1, 1, low=0.4)
        colour = self.some(0.12, dark + (light - dark) * grey, colour)
        colour = self.some(0.08, colour[:, torch.randperm(3, generator=self.random, device=self.device)], colour)
        colour = self.some(0.15, blur(colour * alpha) / blur(alpha).clamp(min=0.02), colour)
        contrast = self.uniform(n, 1, 1, 1, low=0.65, high=1.35)
        colour = (colour - 0.5) * contrast + 0.5 + self.uniform(n, 3, 1, 1, low=-0.15, high=0.15)
        inner = -F.max_pool2d(-alpha, size // 40 * 2 + 1, 1, size // 40)
        outlined = colour * inner + self.uniform(n, 3, 1, 1, high=0.3) * (1 - inner)
        colour = self.some(0.15, outlined, colour)
        line = torch.linspace(-1, 1, size, device=self.device)
        x, y = self.uniform(n, 1, 1, low=-0.8, high=0.8), self.uniform(n, 1, 1, low=-0.8, high=0.8)
        hole = ((line[None, None, :] - x).abs() < 0.22) & ((line[None, :, None] - y).abs() < 0.22)
        alpha = self.some(0.15, alpha * ~hole[:, None], alpha)
        return torch.cat([colour.clamp(0, 1), alpha], 1)

    def some(self, often: float, changed: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """`changed` for a share of the batch, `kept` for the rest."""
        return torch.where(self.uniform(len(kept), 1, 1, 1) < often, changed, kept)

    def warp(self, n: int, side: int) -> torch.Tensor:
        """A smooth random displacement (n, side, side, 2) in the drawing's coordinates, which varies proportions."""
        bends = (self.uniform(n, 2, 4, 4) - 0.5) * self.uniform(n, 1, 1, 1, high=0.5)
        return F.interpolate(bends, size=(side, side), mode="bilinear", align_corners=True).permute(0, 2, 3, 1)

    def lay(self, pictures: torch.Tensor, sprites: torch.Tensor, changed: torch.Tensor, main: bool) -> torch.Tensor:
        """Draw sprites scaled, rotated, mirrored and stretched on the pictures; changed ones are also warped."""
        n, side = len(pictures), pictures.shape[-1]
        scale = self.uniform(n, low=0.5, high=1.0) if main else self.uniform(n, low=0.16, high=0.32)
        turn = self.uniform(n, low=-0.45, high=0.45) if main else self.uniform(n, low=-0.8, high=0.8)
        mirror = torch.where(self.uniform(n) < 0.5, -1.0, 1.0)
        stretch = torch.exp(self.uniform(n, low=-0.3, high=0.3))
        # At most a tenth of the main subject is outside of the picture; companions may be anywhere.
        room = (1.08 - scale).clamp(min=0.03) if main else torch.ones_like(scale)
        x, y = self.uniform(n, low=-1, high=1) * room, self.uniform(n, low=-1, high=1) * room
        cosine, sine = turn.cos(), turn.sin()
        theta = torch.stack(
            [
                torch.stack([cosine * mirror / (scale * stretch), sine * mirror / (scale * stretch)], 1),
                torch.stack([-sine * stretch / scale, cosine * stretch / scale], 1),
            ],
            1,
        )
        shift = -(theta @ torch.stack([x, y], 1)[..., None])
        grid = F.affine_grid(torch.cat([theta, shift], 2), [n, 4, side, side], align_corners=False)
        colour = torch.cat([sprites[:, :3] * sprites[:, 3:], sprites[:, 3:]], 1)
        if main and self.restyled:
            grid = grid + self.warp(n, side) * changed
        laid = F.grid_sample(colour, grid, padding_mode="zeros", align_corners=False)
        return laid[:, :3] + pictures * (1 - laid[:, 3:])

    def background(self, batch: int, side: int) -> torch.Tensor:
        """Backgrounds between two colours: plain, gradient, clouds or stripes, some with coloured noise."""
        first, second = self.uniform(batch, 3, 1, 1), self.uniform(batch, 3, 1, 1)
        pale = self.uniform(batch, 1, 1, 1) < 0.3
        first = torch.where(pale, 0.85 + 0.15 * first, first)
        line = torch.linspace(-1, 1, side, device=self.device)
        angle = self.uniform(batch, 1, 1, 1, high=2 * math.pi)
        slope = angle.cos() * line[None, None, None, :] + angle.sin() * line[None, None, :, None]
        kinds = [
            torch.zeros_like(slope),
            0.5 + 0.5 * slope.clamp(-1, 1),
            self.clouds(batch, side),
            (torch.sin(slope * self.uniform(batch, 1, 1, 1, low=4, high=25)) > 0).float(),
        ]
        kind = torch.randint(len(kinds), (batch,), generator=self.random, device=self.device)
        field = torch.stack(kinds)[kind, torch.arange(batch, device=self.device)]
        busy = (self.clouds(batch, side) - 0.5) * self.uniform(batch, 3, 1, 1, low=-0.6, high=0.6)
        busy = busy * (self.uniform(batch, 1, 1, 1) < 0.4)
        return (first + (second - first) * field + busy).clamp(0, 1)

    def clouds(self, batch: int, side: int) -> torch.Tensor:
        """Smooth noise (batch, 1, side, side) in 0..1 at three scales."""
        total = torch.zeros(batch, 1, side, side, device=self.device)
        for cells, weight in ((3, 0.5), (8, 0.3), (20, 0.2)):
            total += weight * F.interpolate(self.uniform(batch, 1, cells, cells), size=(side, side), mode="bilinear")
        return total

    def spoil(self, pictures: torch.Tensor) -> torch.Tensor:
        """Simulate cameras and JPEG: blur, grain and changes of brightness."""
        n, side = len(pictures), pictures.shape[-1]
        soft = F.interpolate(F.avg_pool2d(pictures, 2), size=(side, side), mode="bilinear")
        pictures = torch.where(self.uniform(n, 1, 1, 1) < 0.3, soft, pictures)
        grain = torch.randn(pictures.shape, generator=self.random, device=self.device)
        pictures = pictures + grain * self.uniform(n, 1, 1, 1, high=0.06) * (self.uniform(n, 1, 1, 1) < 0.5)
        light = self.uniform(n, 1, 1, 1, low=0.75, high=1.2)
        return (pictures * light).clamp(0, 1)


def colours(sheets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation (positive) of each drawing's colours, each (drawings, 3, 1, 1) in 0..1."""
    means, spreads = [], []
    for part in sheets.split(256):
        colour, weight = part[:, :3].float() / 255, part[:, 3:].float() / 255
        weight = weight / weight.sum((2, 3), keepdim=True).clamp(min=1e-3)
        mean = (colour * weight).sum((2, 3), keepdim=True)
        means.append(mean)
        spreads.append(((colour - mean) ** 2 * weight).sum((2, 3), keepdim=True).sqrt().clamp(min=0.05))
    return torch.cat(means), torch.cat(spreads)


def blur(pictures: torch.Tensor) -> torch.Tensor:
    """Blur by about a twelfth of the side through a smaller picture, which is cheaper than a wide kernel."""
    return F.interpolate(F.avg_pool2d(pictures, 8), size=pictures.shape[-2:], mode="bilinear")


def to_sheet(drawing: PictureEntry) -> torch.Tensor:
    """The drawing centred in a square, uint8 (4, SIZE, SIZE)."""
    sheet = torch.zeros(4, SIZE, SIZE, dtype=torch.uint8)
    picture = drawing.picture
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(picture.height, picture.width, 4)
    top, left = (SIZE - picture.height) // 2, (SIZE - picture.width) // 2
    sheet[:, top : top + picture.height, left : left + picture.width] = pixels.permute(2, 0, 1)
    return sheet


def to_picture(pixels: torch.Tensor) -> Image.Image:
    """A painted picture (3, side, side) in 0..1 as an RGB image."""
    return Image.fromarray((pixels * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def to_jpeg(pixels: torch.Tensor) -> bytes:
    """A painted picture as a JPEG file."""
    file = io.BytesIO()
    to_picture(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def to_data_url(pixels: torch.Tensor) -> str:
    """A painted picture as a data: URL with a JPEG."""
    return f"data:image/jpeg;base64,{base64.b64encode(to_jpeg(pixels)).decode()}"


@cache
def constants(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """MEAN and STD on the device, cached because each copy would make the CPU wait."""
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (MEAN, STD))
    return mean, std


def normalise(pictures: torch.Tensor) -> torch.Tensor:
    mean, std = constants(pictures.device)
    return (pictures - mean) / std
