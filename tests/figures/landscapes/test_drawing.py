from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from lossatlas import landscape
from lossatlas.figures import PICTURES, draws, picture
from lossatlas.landscape.survey import declaration
from lossatlas.runs.composition.search_path import config_folder

CHOICES = sorted(path.stem for path in (config_folder() / "landscape").glob("*.yaml") if path.stem != "none")


def test_every_survey_of_the_face_has_a_picture() -> None:
    surveys = {name for name in landscape.__all__ if declaration(getattr(landscape, name))}
    assert "surface" in surveys
    assert surveys <= PICTURES.keys()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("survey", "labels"),
    [
        ("line", {"α", "loss", "error (%)"}),
        ("interpolation", {"α", "loss", "error (%)"}),
        ("path", {"network", "loss", "error (%)"}),
        ("surface", {"first direction", "second direction"}),
        ("plane", {"distance"}),
        ("curve_plane", {"distance"}),
        ("curve_distances", {"position t on the curves", "distance"}),
        ("convexity", {"first direction", "second direction", r"$|\lambda_{\min} / \lambda_{\max}|$"}),
        ("weights", {"weight", "density"}),
        ("weight_spectrum", {"rank", "singular value / edge of the bulk"}),
        ("spectrum", {"eigenvalue", "density"}),
        ("eigenvalues", {"eigenvalue", "rank"}),
        ("trace", {"probes", "trace"}),
        ("ensemble", {"m members", "error (%)", "member"}),
        ("activation_patterns", {"position along the path", "crossings", "switched units (%)"}),
        ("adversarial", {"size ε of the box", "error (%)"}),
        ("dropout_ensemble", {"networks", "error (%)", "divergence (nats)"}),
        ("jacobian", {"rank", "singular value"}),
        ("along_training", {"epoch", "eigenvalue"}),
        ("feature_rank", {"rank", "singular value of the features"}),
        ("gradient_noise", {"examples of a minibatch", "norm"}),
        ("hessian_noise", {"examples of a minibatch", "norm"}),
        ("signal_propagation", {"layer", "variance of the activations", "norm of the gradient"}),
        ("sharpness", {"size ε of the box", "sharpness (%)"}),
        ("compression", {"size (kB)", "loss", "error (%)"}),
        ("sam_sharpness", {"radius ρ", "rise of the loss"}),
        ("lipschitz", {"rate of the step", "change over that of the weights"}),
        ("aligned", {"α", "loss", "error (%)"}),
        ("spanning_tree", {"position along the band", "train loss", "minimum"}),
        ("step_time", {"checkpoints", "time of a step (ms)"}),
        ("triangle", {"train loss", "test loss"}),
        ("tunnel", {"position t on the curve", "loss", "distance to the level"}),
        ("level_sets", {"rise of the loss", "width"}),
    ],
)
def test_each_survey_has_its_picture_with_labelled_axes(
    landscapes: dict[str, xr.Dataset], survey: str, labels: set[str]
) -> None:
    figure = picture(landscapes[survey])
    assert {text for axis in figure.axes for text in (axis.get_xlabel(), axis.get_ylabel())} - {""} == labels
    figure.draw_without_rendering()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("survey", CHOICES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_a_gap_in_every_picture(
    landscapes: dict[str, xr.Dataset], survey: str, value: float
) -> None:
    damaged = landscapes[survey].copy(deep=True)
    for name, variable in damaged.data_vars.items():
        if (
            variable.dtype.kind == "f"
            and variable.ndim
            and name not in ("path_x", "path_y", "point_x", "point_y")
        ):
            variable.values.flat[0] = value
    picture(damaged).draw_without_rendering()


def test_a_network_without_classes_has_a_loss_and_no_error(landscapes: dict[str, xr.Dataset]) -> None:
    (axis,) = picture(landscapes["line"].drop_vars("error")).axes
    assert axis.get_ylabel() == "loss"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("survey", ["line", "interpolation", "path", "aligned"])
@pytest.mark.parametrize(("factor", "shift"), [(1.0, 4353.0), (1e6, 3000.0), (1.0, -60.0)])
def test_the_losses_of_each_split_lie_within_the_axis_whatever_their_size(
    landscapes: dict[str, xr.Dataset], survey: str, factor: float, shift: float
) -> None:
    """Those of a regressor, or of a density, whose negative log-likelihood may be negative."""
    landscape = landscapes[survey].drop_vars("error")
    landscape["loss"] = factor * landscape["loss"] + shift * xr.DataArray([1.0, 2.0], dims="split")
    for axis in picture(landscape).axes:
        low, high = axis.get_ylim()
        curves = [line.get_ydata() for line in axis.lines if line.get_label() in ("train", "test")]
        assert len(curves) == 2
        assert all(low <= curve.min() <= high for curve in curves)


@pytest.mark.parametrize("survey", ["interpolation", "path"])
def test_both_ends_of_a_path_are_within_the_axis(landscapes: dict[str, xr.Dataset], survey: str) -> None:
    """A network that fits and one that does not, whose loss is 4000."""
    along = "alpha" if survey == "interpolation" else "t"
    places = landscapes[survey][along]
    landscape = landscapes[survey].assign(
        loss=landscapes[survey]["loss"] * 0 + 0.5 + 4000 * places.clip(0, 1) ** 2
    )
    low, high = picture(landscape).axes[0].get_ylim()
    assert low == 0
    assert 4000 < high < 4500


def test_a_new_survey_brings_its_own_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PICTURES, "atlas", raising=False)
    figure = Figure()
    draws("atlas")(lambda landscape: figure)
    assert picture(xr.Dataset(attrs={"survey": "atlas"})) is figure
    del PICTURES["atlas"]


@pytest.mark.parametrize("attrs", [{}, {"survey": "atlas"}])
def test_a_dataset_of_no_known_survey_is_refused(attrs: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=r"no picture for survey .*; there are \[.*'convexity', .*'eigenvalues'"
    ):
        picture(xr.Dataset(attrs=attrs))
