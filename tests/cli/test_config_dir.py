"""A user's own choices: YAML in a folder of theirs, classes in a module of theirs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typed import DATA, QUICK, Typed, statuses, type_here, weights

NETWORK = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, units, input_shape, classes):
        c, h, w = input_shape
        super().__init__(nn.Flatten(), nn.Linear(c * h * w, units), nn.ReLU(), nn.Linear(units, classes))
"""
CHOICE = "{_target_: theirs.Net, units: 6, input_shape: '${data.shape}', classes: '${data.classes}'}"
OWN = (*DATA, "model=theirs", *QUICK)
TO_ANOTHER = ("landscape=interpolation", "landscape.interpolation.points=3")


@pytest.fixture(autouse=True)
def _own_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "choices" / "model").mkdir(parents=True)
    (folder / "choices" / "model" / "theirs.yaml").write_text(CHOICE)
    (folder / "theirs.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(str(folder))


def other_seed(seed: int) -> str:
    """Override that interpolates to the run of another seed, which a job has to compose for itself."""
    return f'landscape.interpolation.other.run=["seed={seed}"]'


def test_a_model_of_ones_own_is_composed_for_a_run_and_inside_its_job(folder: Path) -> None:
    answer = type_here("train", "--config-dir", "choices", *OWN, *TO_ANOTHER, other_seed(1))
    assert (answer.status, answer.err) == (0, "")
    assert statuses(folder) == {0: "finished", 1: "finished"}
    assert len(list(folder.glob("runs/*/landscapes/*.nc"))) == 1


@pytest.mark.parametrize(
    "place",
    [("--config-dir", "choices"), ("-cd", "choices"), ("hydra.searchpath=[file://choices]",)],
    ids=" ".join,
)
def test_a_model_of_ones_own_is_composed_for_a_sweep_however_its_folder_is_given(
    folder: Path, place: tuple[str, ...]
) -> None:
    answer = type_here(
        "train", "-m", *OWN, "seed=0,1", *TO_ANOTHER, other_seed(2), "hydra/launcher=basic", *place
    )
    assert (answer.status, answer.err) == (0, "")
    assert statuses(folder) == dict.fromkeys([0, 1, 2], "finished")


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["processes", "joblib"])
def test_the_processes_of_jobs_know_the_folder_and_the_module(
    folder: Path, launcher: str, typed: Callable[..., Typed]
) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher") if launcher == "joblib" else None
    sweep = ["train", "-m", *OWN, "seed=0,1", *TO_ANOTHER, other_seed(2), "--config-dir", "choices"]
    type_here(*sweep, "hydra/launcher=basic")
    expected = weights(folder)
    sweep += [f"hydra/launcher={launcher}", "paths.runs=again/runs"]
    assert typed(*sweep, PYTHONPATH=".").answer().status == 0
    assert weights(folder / "again") == expected


def test_what_is_wrong_with_ones_own_choice_is_told_with_the_nearest_right_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {
        "model=thiers": "model=thiers: no such choice; did you mean theirs?",
        "model.unit=3": "model.unit: no such key; did you mean model.units?",
        "model._target_=theirs.Nett": "model._target_=theirs.Nett: cannot be imported (theirs has no Nett)",
        "model._target_=nobodys.Net": (
            "model._target_=nobodys.Net: cannot be imported (No module named 'nobodys'); a module of your own must lie"
        ),
        "model.units=-1": "model: Trying to create tensor with negative dimension",
    }
    for override, complaint in wrong.items():
        answer = type_here("train", "--config-dir", "choices", *OWN, override)
        assert answer.status == 1
        assert answer.complaint.startswith(complaint)
    assert not (folder / "runs").exists()
