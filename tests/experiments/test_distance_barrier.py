"""What `distance_barrier` reads off distances and ensembles, on made-up ones."""

import sys

import numpy as np
import pytest
import xarray as xr

from lossatlas.experiments.catalogue import experiment_folder
from lossatlas.experiments.python_files import function_of

CLAIMS = sys.modules[function_of(experiment_folder("distance_barrier"), "claims").__module__]


def apart(*points: tuple[float, float]) -> xr.Dataset:
    """Distances of points in a plane."""
    places = np.array(points)
    between = np.linalg.norm(places[:, None] - places, axis=-1)
    numbers = range(len(points))
    return xr.Dataset({"distance": (("member", "other"), between)}, {"member": numbers, "other": numbers})


@pytest.mark.parametrize(
    ("early", "cosine"), [((1, 0), 1.0), ((0, 2), 0.0), ((-3, 0), -1.0), ((1, 1), 0.5**0.5), ((2, 0), 1.0)]
)
def test_direction_is_the_cosine_between_the_early_and_the_whole_way(
    early: tuple[float, float], cosine: float
) -> None:
    """Of a network that was at (5, 1) in between and ends at (2, 0); the checkpoint is the origin."""
    travel = apart((0, 0), early, (5, 1), (2, 0))
    assert CLAIMS.kept_direction(travel).item() == pytest.approx(cosine)
    assert CLAIMS.kept_direction(travel, number=2).item() == pytest.approx(5 / 26**0.5)


def test_gain_is_what_an_ensemble_has_less_than_its_members_in_the_mean() -> None:
    members = xr.Dataset(
        {"member_nll": (("split", "member"), [[0.5, 0.25]]), "nll": (("split",), [0.125])},
        {"split": ["test"], "member": [0, 1]},
    )
    assert CLAIMS.gain(members).item() == 0.25
