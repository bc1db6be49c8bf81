"""Saving figures so that the same picture gives the same bytes."""

from functools import singledispatch
from pathlib import Path
from tempfile import TemporaryDirectory

import plotly.graph_objects as go
from matplotlib.animation import Animation
from matplotlib.figure import Figure
from PIL import Image

from lossatlas.figures.style import DPI, GIF_DPI, style, told
from lossatlas.files import replacing

_PNG = {"Software": None}  # else the version of matplotlib
_STYLE = "Comment"  # of a PNG
_PDF = {"CreationDate": None, "Creator": None, "Producer": None}


@singledispatch
def save(figure: object, folder: str | Path, stem: str) -> list[Path]:
    """Write a figure into ``folder`` (made if missing) and return the paths. Each file is whole or absent.

    A matplotlib figure becomes ``stem``.png and ``stem``.pdf, one that moves ``stem``.gif, a plotly figure
    ``stem``.html, which holds all that it needs to be turned offline. No time stamps or versions are written into them;
    a PNG says in which style it was drawn, see `drawn_in`.
    """
    raise TypeError(f"cannot save a {type(figure).__name__}; expected a matplotlib or plotly Figure")


@save.register
def _(figure: Figure, folder: str | Path, stem: str) -> list[Path]:
    png, pdf = (Path(folder) / f"{stem}.{kind}" for kind in ("png", "pdf"))
    with style():
        with replacing(png) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI, metadata=_PNG | _in_style())
        with replacing(pdf) as temporary:
            figure.savefig(temporary, format="pdf", metadata=_PDF)
    return [png, pdf]


@save.register
def _(figure: go.Figure, folder: str | Path, stem: str) -> list[Path]:
    html = Path(folder) / f"{stem}.html"
    with replacing(html) as temporary:
        # A fixed id: plotly's own is random.
        figure.write_html(temporary, include_plotlyjs=True, full_html=True, div_id=stem)
    return [html]


@save.register
def _(figure: Animation, folder: str | Path, stem: str) -> list[Path]:
    gif = Path(folder) / f"{stem}.gif"
    with style(), replacing(gif) as temporary, TemporaryDirectory() as own:
        # Pillow tells what to write by the name.
        figure.save(Path(own) / gif.name, writer="pillow", dpi=GIF_DPI)
        temporary.write_bytes((Path(own) / gif.name).read_bytes())
    return [gif]


def _in_style() -> dict[str, str]:
    """What a PNG says of its style: nothing of the paper's."""
    return {_STYLE: text} if (text := told()) else {}


def drawn_in(png: Path) -> str:
    """What `told` said of the style in which a PNG was drawn; that of one that cannot be read is none of them."""
    try:
        with Image.open(png) as image:
            return str(image.info.get(_STYLE, ""))
    except OSError:
        return "unknown"
