"""Pictures of the site: of 256 colours, which line art does not notice, and small ones for the index."""

import shutil
from pathlib import Path

from PIL import Image

_COLORS = 256
_WIDTH = 420  # pixels of a small picture


def copy_picture(picture: Path, target: Path) -> tuple[int, int]:
    """Write ``picture`` to ``target``, a PNG with a palette if that is smaller; return width and height in pixels."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(picture) as image:
        if picture.suffix == ".png":
            drawn = image.convert("RGB").quantize(
                _COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
            )
            drawn.save(target)
        if picture.suffix != ".png" or target.stat().st_size >= picture.stat().st_size:
            shutil.copyfile(picture, target)
        return image.size


def write_thumbnail(picture: Path, target: Path) -> None:
    """Write the upper part of ``picture``, as high as wide at most, to ``target`` as WebP."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(picture) as image:
        shown = image.convert("RGB").crop((0, 0, image.width, min(image.height, image.width * 3 // 4)))
        shown.thumbnail((_WIDTH, _WIDTH))
        shown.save(target, "WEBP", quality=80, method=2)
