"""What goes to W&B offline, read back with W&B's own reader, and the other trackers."""

import base64
import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typed import DATA, HALF_SHARPNESS, QUICK, type_here

from lossatlas.figures import PICTURES
from lossatlas.loggers import pictures

sys.path.insert(0, str(Path(__file__).parents[1] / "runs"))
from processes import Process, Signal
from small_runs import EPOCH, ensure, small

TRACKED = tuple(override for override in QUICK if override != "logger=none")
NETWORK = ("model=mlp", "model.hidden=[8]", *DATA)


def read(run: Path) -> dict[str, Any]:
    """Records of an offline run by type; those that come often as lists, the summary as it ended."""
    (log,) = run.glob("*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    (header,) = [record["run"] for record in records if record["type"] == "run"]
    history = [record["history"]["item"] for record in records if record["type"] == "history"]
    artifacts = [record["artifact"] for record in records if record["type"] == "artifact"]
    config: dict[str, Any] = dict(header["config"].get("update", {}))
    summary: dict[str, Any] = {}
    for record in records:
        config |= record.get("config", {}).get("update", {})
        summary |= record.get("summary", {}).get("update", {})
    return {"run": header, "config": config, "history": history, "summary": summary, "artifacts": artifacts}


def opened(folder: Path) -> list[dict[str, Any]]:
    """What was sent to W&B each time that it was opened, in that order."""
    return [read(path) for path in sorted(folder.glob("**/wandb/offline-run-*"))]


@pytest.fixture
def trained(folder: Path) -> Path:
    """Folder with one run and two landscapes, tracked by W&B offline."""
    survey = (
        *("landscape=[line,surface,sharpness]", "landscape.line.directions=2", "landscape.line.points=5"),
        *("landscape.surface.points=3", "landscape.sharpness.iterations=1"),
    )
    named = ("experiment.name=trial", "experiment.tags=[here,now]")
    assert type_here("train", *NETWORK, *TRACKED, *survey, *named).status == 0
    return folder


def width_of_line(folder: Path) -> float:
    """Length of the part of [-1, 1] around 0 where the train loss along a line is below 1, mean over the lines."""
    (path,) = folder.glob("runs/*/landscapes/line-*.nc")
    loss = xr.load_dataset(path).loss.sel(split="train")
    fine = np.linspace(-1, 1, 200001)
    widths = []
    for along in loss.transpose("direction", "alpha").values:
        above = np.interp(fine, loss.alpha, along) >= 1
        left = fine[above & (fine < 0)].max(initial=-1)
        right = fine[above & (fine > 0)].min(initial=1)
        widths.append(0.0 if above[100000] else right - left)
    return float(np.mean(widths))


def test_a_sweep_of_ones_own_is_a_group_by_what_it_sweeps_and_one_that_has_a_name_by_that(
    folder: Path,
) -> None:
    swept = ("model.hidden=[4],[8]", "epochs=1", "seed=0,1")
    assert type_here("train", "-m", "model=mlp", *DATA, *TRACKED, *swept).status == 0
    logged = opened(folder)
    assert {record["run"]["run_group"] for record in logged} == {"sweep of model.hidden"}
    assert {tuple(record["run"]["tags"]) for record in logged} == {("sweep of model.hidden",)}
    assert len({record["run"]["run_id"] for record in logged}) == 4
    named = ("seed=2,3", "experiment.name=mine")
    assert type_here("train", "-m", *NETWORK, *TRACKED, "epochs=1", *named).status == 0
    assert [record["run"]["run_group"] for record in opened(folder)].count("mine") == 2
    assert type_here("train", "-m", *NETWORK, *TRACKED, "epochs=1", "seed=4,5").status == 0
    assert [record["run"]["run_group"] for record in opened(folder)].count("sweep of seed") == 2


def test_a_training_is_a_run_of_its_group_with_config_history_and_summary(trained: Path) -> None:
    logged, _ = opened(trained)
    (manifest,) = [json.loads(path.read_bytes()) for path in trained.glob("runs/*/manifest.json")]
    assert logged["run"]["run_group"] == "trial"
    assert logged["run"]["job_type"] == "train"
    assert logged["run"]["tags"] == ["here", "now", "trial"]
    assert logged["run"]["run_id"] == logged["config"]["fingerprint"] == manifest["fingerprint"]
    assert logged["run"]["display_name"].startswith("mlp, ")
    assert logged["run"]["display_name"].endswith(", seed 0")
    assert logged["config"]["choices"]["model"] == "mlp"
    assert logged["config"]["data"]["batch_size"] == 16
    assert logged["config"]["model"]["input_shape"] == [1, 8, 8]  # resolved
    assert {"train_error", "validation_error", "weight_norm", "lr"} <= logged["history"][1].keys()
    assert logged["summary"]["final/test_error"] == pytest.approx(manifest["metrics"]["test_error"])


def test_rows_are_those_of_history_csv_on_axes_of_their_own(trained: Path) -> None:
    """By epoch, optimizer step and images seen; the last one has the final evaluation too, under other names."""
    logged, _ = opened(trained)
    (path,) = trained.glob("runs/*/history.csv")
    table = pd.read_csv(path)
    rows = logged["history"]
    assert [row["epoch"] for row in rows] == table["epoch"].tolist()
    assert [row["optimizer step"] for row in rows] == [row["_step"] for row in rows] == table["step"].tolist()
    assert [row["images seen"] for row in rows] == (table["epoch"] * 64).tolist()
    assert [row.get("train_loss") for row in rows][1:] == table["train_loss"].tolist()[1:]
    assert "final/train_loss" in rows[-1]


def test_landscapes_join_the_run_that_they_lie_around(trained: Path) -> None:
    """Which is opened again, with all that it has: so that it is whole where it is not synchronised."""
    training, logged = opened(trained)
    assert logged["run"]["run_id"] == training["run"]["run_id"]
    assert logged["run"]["job_type"] == training["run"]["job_type"] == "train"
    assert logged["run"]["display_name"] == training["run"]["display_name"]
    for before, row in zip(training["history"], logged["history"], strict=False):
        assert {name: row.get(name) for name in ("epoch", "_step", "train_loss")} == {
            name: before.get(name) for name in ("epoch", "_step", "train_loss")
        }
    assert logged["summary"]["final/test_error"] == training["summary"]["final/test_error"]
    (after,) = logged["history"][len(training["history"]) :]
    assert after["_step"] > training["history"][-1]["_step"]
    assert {"landscape/line._type", "landscape/surface._type"} <= after.keys()


def test_a_landscape_that_is_asked_for_later_comes_after_the_others(trained: Path) -> None:
    (fingerprint,) = [path.name for path in trained.glob("runs/*")]
    assert type_here("landscape", f"run={fingerprint}", "landscape=weights").status == 0
    *_, before, logged = opened(trained)
    assert logged["run"]["run_id"] == before["run"]["run_id"]
    assert logged["history"][-1]["_step"] > before["history"][-1]["_step"]


def test_a_resumed_training_sends_what_it_sent_before_so_that_its_last_record_is_whole(
    tmp_path: Path,
) -> None:
    config = small(tmp_path, "logger=wandb")
    assert Process(config, Signal(signal.SIGTERM, EPOCH + 1)).outcome().weights_sha256 is None
    ensure(config)
    first, last = (logged["history"] for logged in opened(tmp_path))
    assert [row["epoch"] for row in first] == [0, 1]
    assert [row["epoch"] for row in last] == [0, 1, 2]
    assert [row["_step"] for row in last] == [0, EPOCH, 2 * EPOCH]
    for row, again in zip(first[1:], last[1:], strict=False):
        assert row["train_loss"] == again["train_loss"]


def test_landscapes_are_pictures_a_surface_to_turn_and_numbers(trained: Path) -> None:
    _, logged = opened(trained)
    assert logged["run"]["run_group"] == "trial"
    logs = {key: value for row in logged["history"] for key, value in row.items()}
    assert logs["landscape/surface._type"] == "image-file"
    assert logs["landscape/sharpness._type"] == "image-file"
    assert logs["landscape/surface in 3-D._type"] == "html-file"
    assert {"sharpness/sharpness/0", "sharpness/loss"} <= logged["summary"].keys()
    assert logged["summary"]["line/width below loss 1, train"] == pytest.approx(
        width_of_line(trained), abs=1e-4
    )
    (page,) = trained.glob("**/media/html/landscape/surface*.html")
    assert "plotly" in page.read_text(encoding="utf-8").lower()


def test_each_landscape_is_an_artifact_with_its_file_in_the_store(trained: Path) -> None:
    _, logged = opened(trained)
    (fingerprint,) = [path.name for path in trained.glob("runs/*")]
    artifacts = {
        artifact["name"]: artifact for artifact in logged["artifacts"] if artifact["type"] == "landscape"
    }
    assert set(artifacts) == {f"{name}-{fingerprint}" for name in ("line", "surface", "sharpness")}
    surface = artifacts[f"surface-{fingerprint}"]
    (content,) = surface["manifest"]["contents"]
    (kept,) = trained.glob("runs/*/landscapes/surface-*.nc")
    assert content["path"] == "surface.nc"
    assert Path(content["local_path"]).samefile(kept)  # what `wandb sync` sends
    assert content["digest"] == base64.b64encode(hashlib.md5(kept.read_bytes()).digest()).decode()
    assert json.loads(surface["metadata"])["normalize"] == "filter"


def test_a_survey_without_a_picture_is_an_artifact_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(PICTURES, "weights")
    assert type_here("train", *NETWORK, *TRACKED, "landscape=weights").status == 0
    _, logged = opened(folder)
    assert not any(key.startswith("landscape/") for row in logged["history"] for key in row)
    assert "weights/norm" in logged["summary"]
    assert "landscape" in {artifact["type"] for artifact in logged["artifacts"]}


def test_a_landscape_that_has_no_file_is_staged_for_its_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    dataset = xr.Dataset({"loss": ("alpha", [1.0, 2.0])}, attrs={"survey": "line", "extent": np.float64(0.5)})
    artifact = pictures._artifact("line", dataset, "abc")
    (entry,) = artifact.manifest.entries.values()
    assert Path(entry.local_path).is_relative_to(tmp_path)
    xr.testing.assert_identical(xr.load_dataset(entry.local_path), dataset)


def test_a_reproduction_logs_its_figures_and_the_verdict_as_a_table(folder: Path) -> None:
    tracked = (override for override in HALF_SHARPNESS if override != "logger=none")
    assert type_here("reproduce", "sharpness", *tracked).status == 0
    (logged,) = opened(folder / "results")
    assert logged["run"]["run_group"] == "sharpness"
    assert logged["run"]["job_type"] == "figure"
    assert logged["run"]["tags"] == ["digits", "li2018", "keskar2017"]
    logs = {key: value for row in logged["history"] for key, value in row.items()}
    assert logs["figure._type"] == "image-file"
    assert logs["surface._type"] == "html-file"
    assert logs["verdict._type"] == "table-file"
    (table,) = (folder / "results").glob("**/media/table/verdict*.table.json")
    content = json.loads(table.read_bytes())
    assert content["columns"][:3] == ["id", "claim", "outcome"]
    assert {row[2] for row in content["data"]} == {"cannot tell"}  # one seed decides nothing
    assert logged["summary"]["verdict/L-F2b"] == "cannot tell"


@pytest.mark.parametrize(
    ("logger", "written"), [("csv", "csv/metrics.csv"), ("tensorboard", "tensorboard/events.out.tfevents.*")]
)
def test_other_trackers_write_into_the_runs_folder(folder: Path, logger: str, written: str) -> None:
    assert type_here("train", *NETWORK, *TRACKED, f"logger={logger}").status == 0
    files = list(folder.glob(f"runs/*/{written}"))
    assert files
    assert all(file.stat().st_size for file in files)
    assert not list(folder.glob("**/wandb"))


def test_several_trackers_get_the_same(folder: Path) -> None:
    survey = ("landscape=line", "landscape.line.directions=1", "landscape.line.points=3")
    assert type_here("train", *NETWORK, *TRACKED, *survey, "logger=[wandb,csv]").status == 0
    logged, landscape = opened(folder)
    (table,) = folder.glob("runs/*/csv/metrics.csv")
    told = pd.read_csv(table)["train_loss"].dropna().tolist()
    assert told == pytest.approx([row["train_loss"] for row in logged["history"] if "train_loss" in row])
    assert "line/width below loss 1, train" in landscape["summary"]


def test_keys_of_the_logger_that_is_chosen_need_not_name_it(folder: Path) -> None:
    assert type_here("train", *NETWORK, *TRACKED, "logger.tags=[mine]", "+logger.notes=tried").status == 0
    (logged,) = opened(folder)
    assert logged["run"]["tags"] == ["mine"]
    answer = type_here("train", *NETWORK, *TRACKED, "logger=[wandb,csv]", "logger.offline=false")
    assert (
        answer.complaint == "logger.offline: which logger's? type logger.wandb.offline or logger.csv.offline"
    )


def test_a_logger_of_somebodys_own_may_stand_alone_or_beside_others(folder: Path) -> None:
    (folder / "own" / "logger").mkdir(parents=True)
    node = "_target_: pytorch_lightning.loggers.CSVLogger\nname: theirs\nversion: ''\nsave_dir: null\n"
    (folder / "own" / "logger" / "alone.yaml").write_text(node)
    (folder / "own" / "logger" / "named.yaml").write_text(f"# @package logger.named\n{node}")
    own = ("--config-dir", "own")
    assert type_here("train", *own, *NETWORK, *TRACKED, "logger=alone", "logger.name=renamed").status == 0
    assert type_here("train", *own, *NETWORK, *TRACKED, "logger=[csv,named]", "seed=1").status == 0
    written = sorted(path.parent.name for path in folder.glob("runs/*/*/metrics.csv"))
    assert written == ["csv", "renamed", "theirs"]


def test_without_a_tracker_nothing_is_tracked(folder: Path) -> None:
    assert type_here("train", *NETWORK, *TRACKED, "logger=none").status == 0
    (run,) = (path.parent for path in folder.glob("runs/*/manifest.json"))
    assert not any((run / name).exists() for name in ("wandb", "csv", "tensorboard"))
