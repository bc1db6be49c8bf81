import numpy as np
import pytest
import xarray as xr

from lossatlas.figures import picture


def test_the_fitted_noise_goes_through_its_values_at_the_sizes(landscapes: dict[str, xr.Dataset]) -> None:
    landscape = landscapes["gradient_noise"]
    (axis,) = picture(landscape).axes
    (fit,) = [line for line in axis.lines if "tr Σ" in str(line.get_label())]
    x, y = (np.log(np.asarray(part)) for part in fit.get_data())
    expected = np.log(landscape.noise_fit.values)
    np.testing.assert_allclose(np.interp(np.log(landscape["size"].values), x, y), expected, atol=1e-2)
    (norm,) = [line for line in axis.lines if line.get_label() == "norm of the gradient"]
    assert norm.get_ydata()[0] == pytest.approx(landscape.gradient_norm.item())


def test_layers_have_their_names_and_those_without_parameters_no_gradient(
    landscapes: dict[str, xr.Dataset],
) -> None:
    left, right = picture(landscapes["signal_propagation"]).axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["0", "1", "2"]
    lengths = sorted(len(line.get_xdata()) for line in right.lines if len(line.get_xdata()))
    assert lengths == [2, 2, 3, 3]  # by the parameters, by the activations; of each split


def test_the_effective_rank_is_where_it_is(landscapes: dict[str, xr.Dataset]) -> None:
    landscape = landscapes["feature_rank"]
    (axis,) = picture(landscape).axes
    marked = [line.get_xdata()[0] for line in axis.lines if len(set(line.get_xdata())) == 1]
    np.testing.assert_allclose(marked, landscape.effective_rank)
    assert f"train {landscape.effective_rank[0].item():.3g}" in axis.get_title()
