"""The page of rescaled networks against its datasets."""

import numpy as np
import pytest
import xarray as xr
from looking import assert_texts_fit

from lossatlas.figures.experiments import rescaled_networks

MODELS = ["vgg", "mlp"]
FACTORS = [0.1, 1.0, 10.0]


def datasets() -> dict[str, xr.Dataset]:
    """Losses (factor x alpha)^2, the eigenvalue 7 / factor^2; the second network not surveyed."""
    alpha = np.array([-1.0, 0.0, 1.0])
    loss = np.full((2, 2, 3, 1, 1, 3), np.nan)
    loss[0] = (np.array(FACTORS)[:, None, None, None] * alpha) ** 2
    eigenvalue = np.full((2, 2, 3), np.nan)
    eigenvalue[0] = 7 / np.array(FACTORS) ** 2
    seeds = {"model": MODELS, "seed": [0, 1]}
    lines = xr.Dataset(
        {"loss": (("model", "seed", "factor", "direction", "split", "alpha"), loss)},
        {**seeds, "factor": FACTORS, "direction": [0], "split": ["train"], "alpha": alpha},
    )
    largest = xr.Dataset(
        {"eigenvalue": (("model", "seed", "factor"), eigenvalue)}, {**seeds, "factor": FACTORS}
    )
    return {"lines": lines, "largest": largest}


@pytest.mark.filterwarnings("error")
def test_twins_are_drawn_as_lines_and_as_multiples_of_the_network() -> None:
    page = rescaled_networks(
        datasets(),
        lines={"unnormalised": "lines"},
        measures={"largest eigenvalue": lambda largest: largest["eigenvalue"]},
        rows="model",
        names={"model": {"vgg": "VGG"}},
        ceiling=1000.0,
    )
    first, multiples, second, nothing = page.axes
    assert first.get_title() == "VGG: unnormalised"
    curves = {line.get_label(): line.get_ydata() for line in first.lines}
    assert list(curves) == ["0.1", "1", "10"]
    np.testing.assert_allclose(curves["10"], [100, 0, 100])
    np.testing.assert_allclose(curves["0.1"], [0.01, 0, 0.01])
    widths = [line.get_linewidth() for line in first.lines]
    assert widths == sorted(widths, reverse=True)  # those on top hide none
    assert (multiples.get_xscale(), multiples.get_yscale()) == ("log", "log")
    for line in multiples.lines[:3]:  # a dot a seed, twice; the median
        np.testing.assert_allclose(line.get_ydata(), [100, 1, 0.01])
    for axis in (second, nothing):
        assert "not surveyed" in [text.get_text() for text in axis.texts]


def test_long_names_fit_the_page() -> None:
    long = "residual network without any shortcuts"
    page = rescaled_networks(
        datasets(),
        lines={"along directions that nothing is done to": "lines", "along filter-normalised ones": "lines"},
        measures={"largest eigenvalue of the Hessian": lambda largest: largest["eigenvalue"]},
        rows="model",
        names={"model": {"vgg": long, "mlp": long}},
    )
    assert_texts_fit(page)


def test_a_dataset_that_is_missing_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"^the figure needs the dataset 'more'; there are \['largest', 'lines'\]$"
    ):
        rescaled_networks(datasets(), lines={"x": "more"}, measures={}, rows="model")
