"""A comparison as a page of its own: one file, which needs no network and no other file."""

import base64
from io import BytesIO
from pathlib import Path

import xarray as xr
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from lossatlas import __version__
from lossatlas.comparison import words
from lossatlas.comparison.comparison import Comparison
from lossatlas.comparison.differences import Difference
from lossatlas.comparison.pictures import pictures, planes
from lossatlas.experiments.collect import combine
from lossatlas.figures.experiments import interactive_surfaces
from lossatlas.figures.style import DPI, style
from lossatlas.files import write_text


def write_page(comparison: Comparison, path: Path, command: str) -> None:
    """Write the page of ``comparison`` to ``path``; ``command`` is what made it.

    Parameters
    ----------
    comparison : Comparison
        What is shown.
    path : Path
        File that is written, or written anew.
    command : str
        As it was typed.
    """
    templates = Environment(
        loader=PackageLoader("lossatlas.comparison", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    first, *others = (side.label for side in comparison.sides)
    page = templates.get_template("page.html").render(
        comparison=comparison,
        words=words,
        others=others,
        first=first,
        rows=_rows(comparison),
        pictures=[(picture, _png(picture.figure)) for picture in pictures(comparison)],
        turning=_surfaces_to_turn(comparison),
        command=command,
        version=__version__,
    )
    write_text(path, page + "\n")


def _rows(comparison: Comparison) -> list[tuple[str, list[Difference]]]:
    rows: dict[str, list[Difference]] = {}
    for one in comparison.differences:
        rows.setdefault(one.quantity, []).append(one)
    return list(rows.items())


def _png(figure: Figure) -> str:
    """A picture as a data URI."""
    content = BytesIO()
    with style():
        figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def _surfaces_to_turn(comparison: Comparison) -> list[tuple[str, Markup]]:
    """Surfaces side by side on one scale, of landscapes that two sides or more have; plotly comes with the first."""
    names = dict.fromkeys(name for of_run in comparison.landscapes.values() for name in of_run)
    found: list[tuple[str, Markup]] = []
    for name in names:
        shown = planes(comparison, name)
        if len(shown) < 2:
            continue
        datasets = {name: _over_sides(shown), "summary": _over_sides(_errors(comparison, list(shown)))}
        labels = {"side": {label: label for label in shown}}
        figure = interactive_surfaces(datasets, columns="side", landscape=name, names=labels)
        html = figure.to_html(full_html=False, include_plotlyjs=not found, div_id=f"turn-{name}")
        found.append((name.replace("_", " "), Markup(html)))
    return found


def _over_sides(shown: dict[str, xr.Dataset]) -> xr.Dataset:
    return combine([({"side": label, "seed": 0}, dataset) for label, dataset in shown.items()]).reindex(
        side=list(shown)
    )


def _errors(comparison: Comparison, labels: list[str]) -> dict[str, xr.Dataset]:
    """Test errors of the sides, in the mean over their runs."""
    means = {one.side: one.mean for one in comparison.differences if one.quantity == "test_error"}
    return {label: xr.Dataset({"test_error": means.get(label, float("nan"))}) for label in labels}
