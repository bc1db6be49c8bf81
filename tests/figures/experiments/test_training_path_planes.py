import numpy as np
import pytest
import xarray as xr
from looking import assert_texts_fit

from lossatlas.figures.experiments import training_path_planes


@pytest.mark.filterwarnings("error")
def test_a_path_is_drawn_in_random_planes_and_in_its_own() -> None:
    """Of the first draw, with the share of the variance that each plane shows."""
    shapes = {
        "random": ("seed", "draw", "snapshot"),
        "chord": ("seed", "draw", "snapshot"),
        "path": ("seed", "snapshot"),
    }
    variables: dict[str, object] = {}
    for number, (name, dims) in enumerate(shapes.items()):
        size = [{"seed": 1, "draw": 2, "snapshot": 3}[dim] for dim in dims]
        for shift, letter in enumerate("xy"):
            values = np.arange(np.prod(size)).reshape(size) * 10.0**number + shift
            variables[f"{name}_{letter}"] = (dims, values)
    variables["random_explained_ratio"] = (("seed", "draw"), [[1e-4, 0.5]])
    variables["chord_explained_ratio"] = (("seed", "draw"), [[0.7, 0.5]])
    variables["plane_explained_ratio"] = (("seed",), [0.97])
    landscape = xr.Dataset(variables, {"seed": [0], "snapshot": [0, 1, 2]})
    summary = xr.Dataset({"test_error": ("seed", [0.1])}, {"seed": [0]})
    page = training_path_planes({"trajectory": landscape, "summary": summary})
    assert_texts_fit(page)
    titles = [axis.get_title().splitlines() for axis in page.axes]
    assert [title[-1] for title in titles] == [
        "0.01 % of the variance",
        "70 % of the variance",
        "97 % of the variance",
    ]
    assert titles[0][0] == "two random directions"
    for axis, scale in zip(page.axes, (1, 10, 100), strict=True):
        path, start, end = axis.lines
        np.testing.assert_allclose(path.get_xdata(), [0, scale, 2 * scale])
        np.testing.assert_allclose(path.get_ydata(), [1, scale + 1, 2 * scale + 1])
        assert (start.get_xdata()[0], end.get_xdata()[0]) == (0, 2 * scale)
