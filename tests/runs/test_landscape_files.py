"""What stands in the file of each landscape that can be chosen, opened with plain xarray."""

import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from typed import TINY, type_here

from lossatlas import __version__
from lossatlas.runs.composition.search_path import config_folder

CHOICES = sorted(path.stem for path in (config_folder() / "landscape").glob("*.yaml") if path.stem != "none")
ENDS = "\"study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]\""
SMALL = {  # options that make each survey quick, and what they ask for
    "activation_patterns": ["through=[{run: ['seed=1']}]", "points=3"],
    "adversarial": ["epsilons=[0.1]", "steps=2"],
    "aligned": ["points=3"],
    "along_training": ["survey.iterations=20"],
    "convexity": ["points=3"],
    "curve_distances": [
        "curves=[{curve: ['study=curve', \"study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]\"]}, "
        "{curve: ['study=curve', \"study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]\", 'seed=3']}]"
    ],
    "curve_plane": [
        "curve.curve=['study=curve', \"study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]\"]",
        "points=3",
    ],
    "compression": [],
    "dropout_ensemble": ["samples=2"],
    "eigenvalues": ["largest=2"],
    "ensemble": ["members=[{run: ['seed=1']}, {run: ['seed=2']}]"],
    "feature_rank": [],
    "gradient_noise": ["sizes=[1, 3]", "draws=2"],
    "hessian_noise": ["sizes=[1, 3]", "draws=2", "probes=1"],
    "interpolation": ["other.run=['seed=1']", "points=3"],
    "jacobian": ["examples=4"],
    "level_sets": ["directions=2", "angles=4", "points=4"],
    "line": ["points=3", "directions=2"],
    "lipschitz": [],
    "path": ["through=[{run: ['seed=1']}]", "points=3"],
    "plane": ["others=[{run: ['seed=1']}, {run: ['seed=2']}]", "points=3"],
    "sam_sharpness": [],
    "sharpness": ["iterations=1"],
    "signal_propagation": [],
    "spanning_tree": [
        f"bands=[{{curve: ['study=curve', {ENDS}]}}, {{curve: ['study=curve', {ENDS.replace('=1', '=3')}]}}]",
        "points=3",
    ],
    "spectrum": ["probes=2", "steps=5"],
    "step_time": ["checkpoints=[0, 1]", "steps=1", "rounds=1"],
    "surface": ["points=3"],
    "trace": ["probes=4", "sketch=2"],
    "trajectory": ["points=3", "draws=2"],
    "triangle": ["control_points=[{run: ['seed=1']}, {run: ['seed=2']}]", "side=3"],
    "tunnel": ["through=[{run: ['seed=1']}]", "positions=3", "directions=2", "points=4"],
    "twins": ["factors=[1, 10]"],
    "weight_spectrum": [],
    "weights": ["bins=11"],
}
RANDOM = {"line", "surface", "convexity", "level_sets", "trajectory"}  # along directions that are drawn
OF_EVERY_MEASUREMENT = {"dtype", "device", "precision", "evaluation", "batch_size", "forward", "torch"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The file of each choice, of one run."""
    folder = tmp_path_factory.mktemp("landscapes")
    options = [f"landscape.{name}.{option}" for name in CHOICES for option in SMALL[name]]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        chosen = f"landscape=[{','.join(CHOICES)}]"
        more = ["epochs=3", "study.snapshot_epochs=[0,1,2]", "model.dropout=0.1"]
        answer = type_here("train", *TINY, *more, chosen, *options)
    assert answer.status == 0, answer.err
    return {path.name.split("-")[0]: path for path in folder.glob("runs/*/landscapes/*.nc")}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_file_says_what_everything_in_it_is_and_in_which_units(files: dict[str, Path], choice: str) -> None:
    with xr.open_dataset(files[choice]) as dataset:
        for name, variable in dataset.variables.items():
            assert variable.attrs.get("long_name"), f"{name} of {choice} has no long name"
            if variable.dtype.kind in "fiu":
                assert variable.attrs.get("units"), f"{name} of {choice} has no units"


@pytest.mark.parametrize("choice", CHOICES)
def test_a_file_says_what_was_surveyed_and_how(files: dict[str, Path], choice: str) -> None:
    path = files[choice]
    attributes = xr.load_dataset(path).attrs
    assert attributes["survey"] == attributes["landscape"] == choice
    assert attributes["run"] == path.parents[1].name
    assert attributes["lossatlas"] == __version__
    if choice not in ("weights", "weight_spectrum", "curve_distances", "step_time"):  # which measure no loss
        assert attributes.keys() >= OF_EVERY_MEASUREMENT
        assert (attributes["dtype"], attributes["evaluation"]) == ("float32", "eval")
    if choice in RANDOM:
        assert attributes.keys() >= {"seed", "normalize", "ignore"}
    assert all(isinstance(value, str | int | float | np.number) for value in attributes.values())
    assert all(np.ndim(value) == 0 for value in attributes.values())
