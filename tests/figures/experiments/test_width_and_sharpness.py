import sys
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from lossatlas.experiments.catalogue import experiment_folder
from lossatlas.experiments.python_files import function_of

figures = function_of(experiment_folder("sharpness"), "figures")
width_and_sharpness = sys.modules[figures.__module__].width_and_sharpness


def panel(page: Figure, letter: str) -> Axes:
    """The panel that carries a letter of the paper."""
    return next(axis for axis in page.axes if axis.get_title(loc="left") == letter)


@pytest.fixture(scope="module")
def page(sharpness_datasets: Any) -> Figure:
    return width_and_sharpness(sharpness_datasets(), caption="Holds (1): L-F2a (iii).\n1 claim.")


def test_every_panel_of_the_papers_figures_2_and_3_is_there(page: Figure) -> None:
    letters = {axis.get_title(loc="left") for axis in page.axes} - {""}
    assert letters == {*(f"2{c}" for c in "abcdef"), "3a, b", "3c, d", *(f"3{c}" for c in "efgh")}


def test_norms_per_epoch_are_the_median_over_seeds_small_against_large(
    page: Figure, sharpness_datasets: Any
) -> None:
    norms = sharpness_datasets()["history"]["weight_norm"].sel(optimizer="sgd", weight_decay=0.0005)
    small, large = panel(page, "2e").lines
    np.testing.assert_allclose(small.get_ydata(), norms.sel(batch_size=16).median("seed"))
    np.testing.assert_allclose(large.get_ydata(), norms.sel(batch_size=164).median("seed"))


def test_lines_pool_seeds_and_directions(page: Figure, sharpness_datasets: Any) -> None:
    loss = sharpness_datasets()["line"]["loss"].sel(optimizer="sgd", weight_decay=0.0, split="train")
    drawn = panel(page, "3a, b").lines[0]
    np.testing.assert_allclose(drawn.get_ydata(), loss.sel(batch_size=16).median(("seed", "direction")))


def test_panels_that_are_compared_share_their_scale(page: Figure) -> None:
    for one, other in (("2a", "2d"), ("2b", "2e"), ("2c", "2f"), ("3a, b", "3c, d"), ("3e", "3h")):
        assert panel(page, one).get_ylim() == panel(page, other).get_ylim()
        assert panel(page, one).get_xlim() == panel(page, other).get_xlim()


def test_the_test_error_stands_under_each_surface(page: Figure, sharpness_datasets: Any) -> None:
    errors = 100 * sharpness_datasets()["summary"]["test_error"].sel(optimizer="sgd")
    cell = errors.sel(weight_decay=0.0005, batch_size=16)
    expected = f"test error {cell.mean():.2f} ± {cell.std(ddof=1):.2f} %"
    assert expected in panel(page, "3g").get_xlabel()


def test_the_caption_keeps_its_lines(page: Figure) -> None:
    texts = [text.get_text() for text in page.findobj(Text)]
    assert "Holds (1): L-F2a (iii).\n1 claim." in texts


def test_no_text_is_cut_off_and_no_panel_overlaps_another(page: Figure) -> None:
    """All that is drawn lies within the page, and the panels with their labels do not touch."""
    canvas = FigureCanvasAgg(page)
    canvas.draw()
    renderer = canvas.get_renderer()
    drawn, (width, height) = page.get_tightbbox(renderer), page.get_size_inches()
    assert min(drawn.x0, drawn.y0) >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height
    panels = [axis for axis in page.axes if axis.get_title(loc="left")]
    boxes = [axis.get_tightbbox(renderer) for axis in panels]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :]), panels[i].get_title(loc="left")


@pytest.mark.filterwarnings("error")
def test_what_was_not_surveyed_is_said_not_drawn(sharpness_datasets: Any) -> None:
    page = width_and_sharpness(sharpness_datasets(missing=("adam",)), optimizer="adam")
    for letter in ("2a", "3a, b", "3h"):
        assert "not surveyed" in [text.get_text() for text in panel(page, letter).texts]
    assert panel(page, "2b").lines
    page.draw_without_rendering()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("log", [False, True])
def test_losses_beyond_float_range_are_drawn_as_gaps(sharpness_datasets: Any, log: bool) -> None:
    datasets = sharpness_datasets()
    for name in ("line", "surface", "interpolation"):
        loss = datasets[name]["loss"]
        datasets[name]["loss"] = loss.where(loss < 3, np.inf).where(loss < 6)
    page = width_and_sharpness(datasets, log=log)
    page.draw_without_rendering()
    drawn = np.asarray(panel(page, "2a").lines[0].get_ydata())
    assert np.isnan(drawn).any()
    assert np.nanmax(drawn) < 3


def test_one_seed_and_one_weight_decay_are_enough(sharpness_datasets: Any) -> None:
    datasets = {name: ds.isel(weight_decay=[0]) for name, ds in sharpness_datasets(seeds=1).items()}
    page = width_and_sharpness(datasets)
    assert {axis.get_title(loc="left") for axis in page.axes} >= {"2a", "2b", "2c", "3a, b", "3e", "3f"}


def test_the_users_own_style_is_neither_used_nor_changed(sharpness_datasets: Any) -> None:
    with mpl.rc_context({"font.size": 30.0}):
        page = width_and_sharpness(sharpness_datasets())
        assert mpl.rcParams["font.size"] == 30.0
    assert panel(page, "2b").xaxis.label.get_fontsize() == 8


def test_a_missing_dataset_is_named(sharpness_datasets: Any) -> None:
    datasets = sharpness_datasets()
    del datasets["surface"]
    with pytest.raises(ValueError, match=r"the figure needs the dataset 'surface'; there are \['history'"):
        width_and_sharpness(datasets)


def test_an_unknown_optimizer_is_answered_with_the_known(sharpness_datasets: Any) -> None:
    with pytest.raises(ValueError, match=r"optimizer has no 'lion'; it has \['sgd', 'adam'\]"):
        width_and_sharpness(sharpness_datasets(), optimizer="lion")
