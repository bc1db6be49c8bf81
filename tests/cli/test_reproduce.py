"""`lossatlas reproduce`: the sweep, its figures and its verdicts, each computed once."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from read_only import on_linux, read_only
from typed import HALF_SHARPNESS, SHARPNESS, Answer, Typed, attempts, manifests, type_here

from lossatlas.runs.composition.search_path import config_folder

REPRODUCE = ("reproduce", "sharpness")
PICTURES = ("figure", "figure_adam", "eigenvalues", "resnet_lines", "resnet")
FILES = {
    *(f"{name}.{kind}" for name in PICTURES for kind in ("png", "pdf")),
    *("surface.html", "verdict.json", "verdict.md", "verdict.tex", "data"),
}
DATASETS = {"history", "summary", "weights", "line", "surface", "interpolation", "sharpness", "eigenvalues"}


def results(folder: Path) -> Path:
    return folder / "results" / "sharpness" / "digits"


def verdict(folder: Path) -> dict[str, Any]:
    """The verdict file, read as strict JSON: NaN is no JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in verdict.json")

    return json.loads((results(folder) / "verdict.json").read_bytes(), parse_constant=refuse)


def bytes_of(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """Folder in which two of the experiment's runs were reproduced, and what the command answered."""
    folder = tmp_path_factory.mktemp("half")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, type_here(*REPRODUCE, *HALF_SHARPNESS)


@pytest.fixture
def reproduced(half: tuple[Path, Answer], folder: Path) -> Path:
    """The test's own folder, in which two of the experiment's runs were reproduced."""
    shutil.copytree(half[0], folder, dirs_exist_ok=True)
    return folder


def test_figures_data_and_verdicts_are_written_and_their_places_named(half: tuple[Path, Answer]) -> None:
    folder, answer = half
    assert answer.status == 0
    assert {path.name for path in results(folder).iterdir()} == FILES
    assert {path.stem for path in (results(folder) / "data").iterdir()} == DATASETS
    for name in ("figure.png", "surface.html", "verdict.json", "data"):
        assert f" results/sharpness/digits/{name}\n" in answer.out
    assert " runs\n" in answer.out
    assert (results(folder) / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert (results(folder) / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_every_claim_is_judged_and_one_seed_can_decide_none(half: tuple[Path, Answer]) -> None:
    folder, answer = half
    found = verdict(folder)
    ids = [claim["id"] for claim in found["claims"]]
    published = config_folder() / "experiment" / "sharpness" / "results" / "digits" / "verdict.json"
    assert ids == [claim["id"] for claim in json.loads(published.read_bytes())["claims"]]
    assert {claim["outcome"] for claim in found["claims"]} == {"cannot tell"}
    assert answer.out.count("cannot tell") == len(ids)
    assert (found["experiment"], found["scale"]) == ("sharpness", "digits")
    assert found["command"] == "lossatlas " + " ".join([*REPRODUCE, *HALF_SHARPNESS])


def test_the_datasets_have_the_whole_experiment_and_nan_where_nothing_was_surveyed(
    half: tuple[Path, Answer],
) -> None:
    summary = xr.load_dataset(results(half[0]) / "data" / "summary.nc")
    assert summary.optimizer.values.tolist() == ["sgd", "adam"]
    assert summary.model.values.tolist() == ["vgg9_narrow", "resnet14_narrow"]
    assert summary.weight_decay.values.tolist() == [0.0, 0.0005, 0.005]
    assert summary.batch_size.values.tolist() == [16, 82, 164]
    surveyed = summary.test_error.notnull()
    assert int(surveyed.sum()) == 2
    assert bool(surveyed.sel(optimizer="sgd", weight_decay=0.0, batch_size=[16, 164], seed=0)[0].all())


def test_asked_again_it_computes_and_draws_nothing(reproduced: Path) -> None:
    before = bytes_of(reproduced)
    again = type_here(*REPRODUCE, *HALF_SHARPNESS)
    assert (again.status, again.err) == (0, "")
    after = bytes_of(reproduced)
    assert after == before
    assert attempts(reproduced) == 2


def test_the_third_time_it_tells_the_same_and_imports_no_torch(reproduced: Path) -> None:
    script = (
        "import sys; from lossatlas.cli.main import main; status = main();"
        "print('imported:', sorted({'torch', 'hydra', 'xarray'} & sys.modules.keys())); sys.exit(status)"
    )

    def told() -> list[str]:
        command = [sys.executable, "-c", script, *REPRODUCE, *HALF_SHARPNESS]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    second, third = told(), told()
    assert (second[-1], third[-1]) == ("imported: ['hydra', 'torch', 'xarray']", "imported: ['xarray']")
    assert [line for line in third if "answered in" not in line][:-1] == [
        line for line in second if "answered in" not in line
    ][:-1]
    (reproduced / "results/sharpness/digits/figure.pdf").unlink()
    assert told()[-1] == second[-1]


def test_without_training_it_draws_what_is_there_and_says_what_is_missing(reproduced: Path) -> None:
    before = verdict(reproduced)
    shutil.rmtree(reproduced / "results")
    answer = type_here(*REPRODUCE, *SHARPNESS, "--no-train")
    assert answer.status == 0
    assert "6 of 8 runs are not complete" in answer.out
    assert {path.name for path in results(reproduced).iterdir()} == FILES
    assert attempts(reproduced) == 2
    after = verdict(reproduced)
    assert after["claims"] == before["claims"]
    assert after["key"] != before["key"]


@on_linux
def test_a_store_that_is_read_only_is_drawn_and_judged(reproduced: Path) -> None:
    before = verdict(reproduced)
    shutil.rmtree(reproduced / "results")
    with read_only(reproduced / "runs"):
        assert type_here(*REPRODUCE, *HALF_SHARPNESS, "--no-train").status == 0
    assert {path.name for path in results(reproduced).iterdir()} == FILES
    assert verdict(reproduced)["claims"] == before["claims"]


def test_results_of_other_settings_do_not_pass_for_these(reproduced: Path) -> None:
    before = verdict(reproduced)
    other = type_here(*REPRODUCE, *HALF_SHARPNESS, "experiment.values.width=0.5")
    assert other.status == 0
    assert verdict(reproduced)["key"] != before["key"]
    assert type_here(*REPRODUCE, *HALF_SHARPNESS).status == 0
    assert verdict(reproduced) == before
    assert attempts(reproduced) == 2


def test_a_landscape_that_was_damaged_is_computed_again(reproduced: Path) -> None:
    before = bytes_of(results(reproduced))["verdict.json"]
    line = sorted(reproduced.glob("runs/*/landscapes/line-*.nc"))[0]
    expected = xr.load_dataset(line)
    line.write_bytes(line.read_bytes()[:100])
    answer = type_here(*REPRODUCE, *HALF_SHARPNESS)
    assert answer.status == 0
    xr.testing.assert_identical(xr.load_dataset(line), expected)
    assert bytes_of(results(reproduced))["verdict.json"] == before


def test_a_claim_without_its_landscape_is_refused_before_anything_is_trained(folder: Path) -> None:
    answer = type_here(*REPRODUCE, "landscape=[weights,line]")
    assert answer.status == 1
    assert answer.complaint == "landscape: the claim L-F2a (i) rests on interpolation"
    assert not (folder / "runs").exists()


def test_what_no_run_has_yet_is_left_out_by_name_unless_it_is_to_be_published(reproduced: Path) -> None:
    for path in (reproduced / "runs").glob("*/landscapes/line-*.nc"):
        path.unlink()
    answer = type_here(*REPRODUCE, *HALF_SHARPNESS, "--no-train")
    assert answer.status == 0
    told = [line for line in answer.out.splitlines() if line.startswith("left out: ")]
    assert any(line.startswith("left out: claim ") and line.endswith("no run has line yet") for line in told)
    assert any(line.startswith("left out: figure figure: ") for line in told)
    ids = {claim["id"] for claim in verdict(reproduced)["claims"]}
    assert "L-F2b" in ids  # which rests on the weights
    assert not any(line.removeprefix("left out: claim ").partition(": ")[0] in ids for line in told)
    refused = type_here(*REPRODUCE, *HALF_SHARPNESS, "--no-train", "--publish")
    assert refused.status == 1
    assert refused.complaint.startswith("no landscape line of sharpness is finished: leave out --no-train")


def test_seeds_that_nobody_asked_for_are_not_left_out(reproduced: Path) -> None:
    """One seed decides nothing, which is what is said: not that the ten others are missing."""
    (note,) = [claim["note"] for claim in verdict(reproduced)["claims"] if claim["id"] == "L-F2b"]
    assert "1 usable" in note
    assert "left out" not in note


def test_a_run_that_fails_is_named(reproduced: Path) -> None:
    sweep = [o for o in SHARPNESS if not o.startswith("seed=")] + ["seed=0", "optimizer=sgd"]
    failing = type_here(*REPRODUCE, *sweep, "optimizer.weight_decay=0.0,1e10")
    assert failing.status == 1
    assert failing.complaint.startswith("2 of 4 runs failed: first weight_decay=1")
    assert failing.complaint.endswith("; --no-train draws what is there")
    found = [manifest["status"] for manifest in manifests(reproduced)]
    assert sorted(found) == ["failed", "failed", "finished", "finished"]


def test_runs_that_an_experiment_expects_to_diverge_are_gaps(reproduced: Path) -> None:
    """And are not tried again when the same is typed once more."""
    sweep = [o for o in SHARPNESS if not o.startswith("seed=")] + ["seed=0", "optimizer=sgd"]
    sweep += ["optimizer.weight_decay=0.0,1e10", "+experiment.may_diverge=true"]
    for _ in range(2):
        answer = type_here(*REPRODUCE, *sweep)
        assert answer.status == 0
        assert "2 of 4 runs are not complete, 2 diverged" in answer.out
    assert attempts(reproduced) == 4


@pytest.mark.slow
def test_two_seeds_of_the_whole_sweep_are_reproduced_side_by_side_in_any_order(
    folder: Path, typed: Callable[..., Typed]
) -> None:
    whole = [o for o in SHARPNESS if not o.startswith(("seed=", "hydra/"))]
    answer = typed(*REPRODUCE, *whole, "seed=0,1").answer()
    assert answer.status == 0
    assert attempts(folder) == 16
    side_by_side = verdict(folder)
    shutil.rmtree(folder / "results")
    shutil.rmtree(folder / "runs")
    answer = typed(*REPRODUCE, *whole, "seed=1,0", "hydra/launcher=basic").answer()
    assert answer.status == 0
    in_order = verdict(folder)
    assert in_order["claims"] == side_by_side["claims"]


def test_curves_that_a_paper_printed_are_kept_with_the_data_and_are_part_of_what_the_results_depend_on(
    half: tuple[Path, Answer], reproduced: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = tmp_path_factory.mktemp("printed") / "reference.csv"
    table.write_text("model,batch_size,quantity,epoch,value\nvgg9_narrow,16,weight_norm,1,60\n")
    answer = type_here(*REPRODUCE, *HALF_SHARPNESS, "--no-train", f"+experiment.reference={table}")
    assert answer.status == 0, answer.err
    kept = xr.load_dataset(results(reproduced) / "data" / "reference.nc")
    assert kept.weight_norm.sel(model="vgg9_narrow", batch_size=16, epoch=1) == 60
    assert verdict(reproduced)["key"] != verdict(half[0])["key"]


def test_printed_curves_that_do_not_fit_the_sweep_are_told_before_anything_is_trained(folder: Path) -> None:
    table = folder / "reference.csv"
    table.write_text("depth,quantity,epoch,value\n20,weight_norm,1,60\n")
    answer = type_here(*REPRODUCE, *HALF_SHARPNESS, f"+experiment.reference={table}")
    assert answer.status == 1
    expected = (
        "experiment.reference: reference.csv: the column 'depth' is no axis; these are model, optimizer, "
    )
    assert answer.complaint.startswith(expected)
    assert not (folder / "runs").exists()
