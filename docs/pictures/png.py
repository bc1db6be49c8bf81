"""Writing a picture of the handbook: few colours, so that it is small, and no time stamps."""

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from lossatlas.figures.style import style


def write(figure: Figure, path: str | Path) -> None:
    """Write ``figure`` as a PNG of 256 colours."""
    buffer = BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=90)
    image = Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
