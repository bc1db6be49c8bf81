"""Saving figures so that the same picture gives the same bytes."""

from functools import singledispatch
from pathlib import Path

import plotly.graph_objects as go
from matplotlib.figure import Figure

from lossatlas.figures.style import DPI, style

_PNG = {"Software": None}  # else the version of matplotlib
_PDF = {"CreationDate": None, "Creator": None, "Producer": None}


@singledispatch
def save(figure: object, folder: str | Path, stem: str) -> list[Path]:
    """Write a figure into ``folder`` (made if missing) and return the paths.

    A matplotlib figure becomes ``stem``.png and ``stem``.pdf, a plotly figure ``stem``.html, which
    holds all that it needs to be turned offline. No time stamps or versions are written into them.
    """
    raise TypeError(f"cannot save a {type(figure).__name__}; expected a matplotlib or plotly Figure")


@save.register
def _(figure: Figure, folder: str | Path, stem: str) -> list[Path]:
    png, pdf = (_path(folder, f"{stem}.{kind}") for kind in ("png", "pdf"))
    with style():
        figure.savefig(png, dpi=DPI, metadata=_PNG)
        figure.savefig(pdf, metadata=_PDF)
    return [png, pdf]


@save.register
def _(figure: go.Figure, folder: str | Path, stem: str) -> list[Path]:
    html = _path(folder, f"{stem}.html")
    # A fixed id: plotly's own is random.
    figure.write_html(html, include_plotlyjs=True, full_html=True, div_id=stem)
    return [html]


def _path(folder: str | Path, name: str) -> Path:
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
