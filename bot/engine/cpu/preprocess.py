"""Preprocessing for InternVL2: from a `data:` URL to an image, and from tiles to normalised pixels."""

import base64
import binascii
import io

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from configs.errors import JokebotError
from configs.tiling import MEAN, STD

CENTRE, SPREAD = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))


class ImageDecodeError(JokebotError):
    """The request's image can't be used."""


def open_picture(url: str, max_pixels: int) -> Image.Image:
    """The RGB image in a `data:` URL.

    Raises ImageDecodeError for other URLs, broken images, and images with more than `max_pixels` pixels.
    """
    head, comma, body = url.partition(",")
    if not (head.startswith("data:image/") and head.endswith(";base64") and comma):
        raise ImageDecodeError(
            "image_url must be a data: URL with a base64 picture; addresses and paths are not opened."
        )
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(body, validate=True)))
        if picture.width * picture.height > max_pixels:
            raise ImageDecodeError(
                f"The picture has {picture.width} x {picture.height} pixels; the maximum is {max_pixels:,}."
            )
        return picture.convert("RGB")
    except binascii.Error as error:
        raise ImageDecodeError("The picture's base64 is broken.") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise ImageDecodeError(f"The picture can't be read: {type(error).__name__}.") from error


def to_pixels(tiles: list[Image.Image]) -> torch.Tensor:
    """Float32 (tiles, 3, 448, 448), bit for bit equal to the pixels of XTuner's dataset in training."""
    return torch.stack([normalise(tile) for tile in tiles])


def normalise(tile: Image.Image) -> torch.Tensor:
    """Float32 (3, rows, columns) of an RGB image."""
    pixels = torch.from_numpy(np.array(tile)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    return pixels.sub_(CENTRE).div_(SPREAD)
