"""Styles: what a user sets of them is what is drawn, and what cannot be meant is told in a line."""

from pathlib import Path

import pytest
import xarray as xr
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from lossatlas.figures import Style, save, use
from lossatlas.figures.experiments import trends
from lossatlas.figures.style import colors_of
from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_config, plain

ERRORS = xr.Dataset(
    {"test_error": (("depth", "seed"), [[1.0, 2.0], [3.0, 4.0]])}, {"depth": [20, 56], "seed": [0, 1]}
)


def composed(*overrides: str) -> Style:
    return make(plain(compose_config(list(overrides)))["figures"])


def drawn(**options: str) -> Figure:
    return trends(
        {"summary": ERRORS},
        measures={"error": lambda summary: summary["test_error"]},
        along="depth",
        **options,
    )


def test_the_choice_for_paper_is_that_of_the_library() -> None:
    assert composed() == composed("style=paper") == Style()


def test_slides_have_larger_type_and_pages_than_paper() -> None:
    paper = drawn()
    with use(composed("style=slides")):
        slides = drawn()
    sizes = [page.axes[0].yaxis.label.get_fontsize() for page in (paper, slides)]
    assert sizes == [8.0, 15.0]
    assert slides.get_size_inches()[0] > 1.5 * paper.get_size_inches()[0]


def test_a_dark_ground_is_saved_with_light_type_and_the_same_colours(tmp_path: Path) -> None:
    with use(composed("style=dark")):
        page = drawn()
        png, _ = save(page, tmp_path, "dark")
        shades = colors_of([True, False])
    assert Image.open(png).convert("RGB").getpixel((0, 0)) == (0x16, 0x18, 0x1D)
    assert to_hex(page.axes[0].yaxis.label.get_color()) == "#e6e6e6"
    assert shades == colors_of([True, False])


def test_a_file_of_ones_own_goes_before_the_style(tmp_path: Path) -> None:
    file = tmp_path / "matplotlibrc"
    file.write_text(
        "font.size: 10\naxes.prop_cycle: cycler(color=['111111', '222222'])\nimage.cmap: cividis\n"
    )
    with use(composed("style=slides", f"figures.matplotlibrc={file}")):
        assert drawn().axes[0].yaxis.label.get_fontsize() == 10.0
        assert [to_hex(color) for color in colors_of([True, False])] == ["#111111", "#222222"]
        assert colors_of([1, 2, 3])[0] == "#00224e"


def test_the_users_other_settings_of_matplotlib_change_nothing() -> None:
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        page = drawn()
    assert page.axes[0].yaxis.label.get_fontsize() == 8.0
    assert to_hex(page.axes[0].get_facecolor()) == "#ffffff"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["figures.matplotlibrc=nowhere"], "^figures.matplotlibrc=nowhere: no such file$"),
        (
            ["+figures.rc={font.sise: 7}"],
            r"^figures.rc.font.sise: matplotlib has no such setting; .*font.size",
        ),
        (["figures.columns=0"], "^figures.columns=0: expected a number > 0$"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_line(overrides: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        composed(*overrides)
