"""`lossatlas runs`: the store as a table, filtered by what is in it."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typed import DATA, QUICK, TINY, type_here

from lossatlas.cli.progress import print_outcomes
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import Job
from lossatlas.runs.differing import differences
from lossatlas.runs.store.index import flatten
from lossatlas.runs.store.store import Store

SWEEP = ("-m", *DATA, "model=mlp", "model.hidden=[8]", *QUICK, "hydra/launcher=basic")


def rows(*filters: str, problems: int = 0) -> list[list[str]]:
    """Cells of the table's rows, of which two blanks or more are the borders; a line tells of each of the problems."""
    answer = type_here("runs", *filters)
    assert (answer.status, len(answer.err.splitlines())) == (0, problems)
    header, *lines = answer.out.splitlines()
    assert re.split(r"\s{2,}", header.strip()) == HEADER
    starts = [header.index(name) for name in HEADER]
    ends = [*starts[1:], None]
    return [[line[a:b].strip() for a, b in zip(starts, ends, strict=True)] for line in lines]


HEADER = ["run", "experiment", "what differs", "status", "epochs", "test error", "age"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Store of two sweeps: one of an experiment over decay and seed, one over optimizers that has none."""
    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        type_here("train", *SWEEP, "experiment.name=decay", "optimizer.weight_decay=0.0,0.5", "seed=0,1")
        type_here("train", *SWEEP, "optimizer=sgd,adam", "epochs=1")
    return folder


@pytest.fixture
def store(swept: Path, folder: Path) -> Store:
    """The test's own copy of that store."""
    shutil.copytree(swept, folder, dirs_exist_ok=True)
    return Store("runs")


def test_each_run_has_a_row_and_the_numbers_of_its_manifest(store: Store) -> None:
    manifests = {run.fingerprint: run.manifest() for run in store.runs()}
    listed = rows()
    assert [row[0] for row in listed] == list(manifests)
    for name, experiment, _, status, epochs, error, age in listed:
        manifest = manifests[name]
        assert (experiment or None, status, epochs) == (manifest.experiment, "finished", str(manifest.epochs))
        assert float(error.rstrip("%")) == pytest.approx(100 * manifest.metrics["test_error"], abs=0.0051)
        assert re.fullmatch(r"\d+ (s|min)", age)


def test_the_runs_of_an_experiment_are_told_apart_by_what_it_swept_alone(store: Store) -> None:
    told = {row[2] for row in rows("experiment=decay")}
    assert told == {f"weight_decay={decay} seed={seed}" for decay in ("0.0", "0.5") for seed in (0, 1)}
    assert {row[2] for row in rows("experiment=")} == {"optimizer=sgd", "optimizer=adam"}


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ((), 6),
        (("seed=1",), 2),
        (("experiment=decay", "seed=1"), 2),
        (("weight_decay=0.5",), 2),
        (("optimizer.weight_decay=5e-1",), 2),  # the same number
        (("optimizer=adam",), 1),
        (("optimizer=sgd",), 5),  # by name, and by default
        (("optimizer=sgd,adam",), 6),
        (("seed=0,2",), 4),
        (("optimizer=torch.optim.Adam",), 1),
        (("model=mlp",), 6),
        (("model=mlp", "optimizer=sgd", "seed=1"), 2),
        (("model=vgg9",), 0),
        (("data=synthetic_images", "study=classifier", "scheduler=cosine"), 6),
        (("scale=digits",), 6),
        (("scale=paper",), 0),
        (("model.hidden=[8]",), 6),
        (("model.hidden=[ 8]",), 6),
        (("hidden=[8]",), 6),
        (("hidden=[8,8]",), 0),
        (("nesterov=true",), 5),
        (("optimizer.nesterov=True",), 5),
        (("epochs=1",), 2),
        (("epochs=1", "seed=7"), 0),
        (("status=finished",), 6),
        (("status=finished,failed",), 6),
        (("status=failed",), 0),
        (("seed!=1",), 4),
        (("optimizer!=adam", "epochs=2"), 4),
        (("test_error<=1",), 6),
        (("test_error<0",), 0),
        (("test_error>=0%", "test_error<=100 %"), 6),
        (("weight_decay>0.1",), 2),
        (("epochs<2",), 2),
        (("seed>0", "experiment=decay"), 2),
        (("age<1d",), 6),
        (("age>1h",), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_filters_take_what_is_listed_or_configured(
    store: Store, filters: tuple[str, ...], count: int
) -> None:
    if count:
        assert len(rows(*filters)) == count
    else:
        assert type_here("runs", *filters).out == "no runs in runs/ that match\n"


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ("nonsense=1", "nonsense: no run that is there has such a key"),
        ("optimiser.lr=0.1", "optimiser.lr: no run that is there has such a key; did you mean optimizer.lr?"),
        ("optimiser=sgd", "optimiser: no run that is there has such a key; did you mean optimizer?"),
        ("weight_decai=0.5", "weight_decai: no run that is there has such a key; did you mean weight_decay?"),
        ("optimizer=sdg", "optimizer=sdg: no such choice; did you mean sgd?"),
        ("optimizer=sgd,adm", "optimizer=adm: no such choice; did you mean adam?"),
        ("status=finishd", "status=finishd: no such status; did you mean finished?"),
        ("logger=csv", "logger: runs are not told apart by it (where metrics are shown)"),
        (
            "trainer.devices=2",
            "trainer.devices: runs are not told apart by it (always one; the hardware, which the",
        ),
        (
            "trainer=cpu",
            "trainer=cpu: runs are not told apart by it (the hardware, which the manifest records)",
        ),
        ("seed", "seed: a filter is written KEY=VALUE"),
        ("test_eror<0.02", "test_eror: no run that is there has such a key; did you mean test_error?"),
        ("test_error<low", "test_error<low: expected a number, such as test_error<0.02, got 'low'"),
        ("optimizer<2", "optimizer: its values are no numbers to compare"),
        ("nonsense!=1", "nonsense: no run that is there has such a key"),
    ],
)
def test_a_filter_that_no_run_could_pass_is_told_in_one_line(
    store: Store, wanted: str, complaint: str
) -> None:
    answer = type_here("runs", wanted)
    assert (answer.status, answer.out) == (1, "")
    assert answer.complaint.startswith(complaint)


def test_rows_are_sorted_by_columns_either_way(store: Store) -> None:
    errors = [float(row[5].rstrip("%")) for row in rows("--sort", "test_error")]
    assert errors == sorted(errors)
    backwards = [float(row[5].rstrip("%")) for row in rows("--sort", "test_error", "--reverse")]
    assert backwards == errors[::-1]
    table = type_here(
        "runs", "experiment=decay", "--columns", "seed,weight_decay", "--sort", "weight_decay,seed"
    ).out
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["0", "0.0"],
        ["1", "0.0"],
        ["0", "0.5"],
        ["1", "0.5"],
    ]


def test_columns_are_choices_metrics_and_keys(store: Store) -> None:
    answer = type_here("runs", "--columns", "optimizer,model,scheduler,optimizer.lr,test_loss,scale", "--csv")
    header, *lines = answer.out.splitlines()
    assert header == "optimizer,model,scheduler,optimizer.lr,test_loss,scale"
    cells = [line.split(",") for line in lines]
    assert {(optimizer, model, scheduler) for optimizer, model, scheduler, *_ in cells} == {
        ("sgd", "mlp", "cosine"),
        ("adam", "mlp", "cosine"),
    }
    losses = {run.manifest().metrics["test_loss"] for run in store.runs()}
    assert {float(row[4]) for row in cells} == losses


def test_everything_that_is_listed_is_there_as_json(store: Store) -> None:
    listed = json.loads(type_here("runs", "--json", "--disk").out)
    assert [one["run"] for one in listed] == [run.fingerprint for run in store.runs()]
    for one, run in zip(listed, store.runs(), strict=True):
        manifest = run.manifest()
        assert (one["status"], one["epochs"], one["metrics"]) == (
            "finished",
            manifest.epochs,
            manifest.metrics,
        )
        assert one["settings"]["seed"] == str(manifest.seed)
        assert one["size"] == sum(path.stat().st_size for path in run.folder.rglob("*") if path.is_file())
    assert json.loads(type_here("runs", "seed=7", "epochs=1", "--json").out) == []
    (one,) = json.loads(type_here("runs", "optimizer=adam", "--json", "--columns", "run,seed").out)
    assert one.keys() == {"run", "seed"}


def test_the_room_on_the_disk_is_told_for_each_and_for_all(store: Store) -> None:
    *listed, total = type_here("runs", "--disk").out.splitlines()
    assert all(re.search(r"\d (kB|B)$", line) for line in listed[1:])
    assert re.fullmatch(r"6 runs, [\d.]+ (kB|MB)", total)


def test_a_column_that_there_is_not_is_told_with_the_nearest(store: Store) -> None:
    for asked in ("--columns", "--sort"):
        answer = type_here("runs", asked, "test_eror")
        assert answer.complaint == "test_eror: no such column; did you mean test_error?"


def test_who_reads_only_the_first_lines_is_told_nothing_of_it(store: Store) -> None:
    command = f"{sys.executable} -m lossatlas.cli.main runs --json | head -1"
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (answer.stdout, answer.stderr) == ("[\n", "")


def test_listing_needs_neither_torch_nor_xarray(store: Store) -> None:
    """They take seconds to import."""
    code = (
        "import sys; from lossatlas.cli.main import main; status = main(['runs', 'model=mlp']); "
        "sys.exit(status or 2 * bool({'torch', 'xarray', 'pandas', 'matplotlib'} & sys.modules.keys()))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
    )


def test_a_run_whose_process_has_died_is_interrupted_and_says_how_far_it_came(store: Store) -> None:
    run = store.runs()[0]
    manifest = run.manifest()
    manifest.status = "running"
    run.write_manifest(manifest)
    said = {
        "phase": "train",
        "done": 5,
        "total": 8,
        "epoch": 2,
        "epochs": 2,
        "loss": 1.0,
        "stage": 0,
        "stages": 1,
    }
    run.progress_path.write_text(json.dumps(said))
    (row,) = rows("status=interrupted")
    assert (row[0], row[3], row[4]) == (run.fingerprint, "interrupted", "2/2")
    with run.lock(print):  # as its process would hold it
        code = "from lossatlas.cli.main import main; main(['runs', 'status=running'])"
        listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.fingerprint in listed.stdout
    assert f"{os.getpid()} {socket.gethostname()}" == run.holder_path.read_text()


@pytest.mark.parametrize("name", ["manifest.json", "config.yaml"])
def test_a_record_that_cannot_be_read_is_listed_as_damaged_and_the_others_as_ever(
    store: Store, name: str
) -> None:
    run = store.runs()[2]
    others = [row for row in rows() if row[0] != run.fingerprint]
    path = run.folder / name
    path.write_bytes(path.read_bytes()[:-20] + b"\x00{")
    listed = rows(problems=1)
    assert [row[0] for row in listed if row[3] == "damaged"] == [run.fingerprint]
    assert sorted(row[0] for row in listed if row[3] != "damaged") == sorted(row[0] for row in others)
    assert len(rows("status=damaged", problems=1)) == 1


def test_a_narrow_terminal_breaks_what_differs_and_nothing_else(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich: this is a terminal
    monkeypatch.setenv("COLUMNS", "80")
    out = re.sub(r"\x1b\[[0-9;]*m", "", type_here("runs", "experiment=decay").out)
    assert max(map(len, out.splitlines())) <= 80
    for row in rows_of(store):
        assert row in out
    assert out.count("weight_decay=0.5") == out.count("weight_decay=0.0") == 2
    assert "…" not in out


def test_what_is_too_long_for_a_terminal_is_broken_and_not_cut_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    name = "an-experiment-of-which-the-name-alone-would-fill-half-of-the-terminal"
    sweep = (*SWEEP, f"experiment.name={name}", "landscape=[weights],[weights,sharpness]")
    for answer in (type_here("train", *sweep), type_here("runs")):
        out = re.sub(r"\x1b\[[0-9;]*m", "", answer.out)
        assert max(map(len, out.splitlines())) <= 80
        assert "…" not in out
    start = out.splitlines()[1].index("experiment")
    end = out.splitlines()[1].index("what differs")
    assert "".join(line[start:end].strip() for line in out.splitlines()[2:]) == name


def test_outcomes_show_brackets_and_long_values_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    hidden = "model.hidden=[{}]".format(",".join(["16"] * 30))
    print_outcomes([Job((hidden,), compose_job([*TINY, hidden]).config), Job((), compose_job(TINY).config)])
    cells = [line[18:60].strip() for line in capsys.readouterr().out.splitlines()]
    assert hidden.removeprefix("model.") in "".join(cells)


def rows_of(store: Store) -> list[str]:
    return [run.fingerprint for run in store.runs() if run.manifest().experiment == "decay"]


def test_an_empty_store_is_said_to_be_empty(folder: Path) -> None:
    assert type_here("runs").out == "no runs in runs/\n"
    assert type_here("runs", "--store", "elsewhere").out == "no runs in elsewhere/\n"


def test_an_override_in_brackets_is_printed_as_it_is(folder: Path) -> None:
    type_here("train", *SWEEP, "model.hidden=[4],[16]")
    assert {row[2] for row in rows()} == {"hidden=[4]", "hidden=[16]"}
    swept = type_here("train", *SWEEP, "landscape=[weights],[weights,sharpness]")
    assert [line.split()[1] for line in swept.out.splitlines()[1:]] == [
        "landscape=[weights]",
        "landscape=[weights,sharpness]",
    ]


def test_what_only_some_runs_were_launched_with_is_compared_with_the_others_configuration() -> None:
    launched = [[], ["epochs=5"], ["optimizer=adam"], ["optimizer.lr=0.5", "logger=csv"]]
    configs = [flatten(compose_job([*TINY, *overrides]).config) for overrides in launched]
    told = differences(launched, configs)
    assert [settings["epochs"] for settings in told] == ["2", "5", "2", "2"]
    assert [settings["lr"] for settings in told] == ["0.1", "0.1", "0.001", "0.5"]
    assert told[2]["optimizer"] == "adam"
    assert not any("logger" in key for settings in told for key in settings)


def test_keys_are_shortened_only_where_their_last_part_says_enough() -> None:
    launched = [["data.root=a", "model.width=2"], ["data.root=b", "model.width=2"]]
    assert differences(launched, [{}, {}]) == [{}, {}]  # where the data lie changes no result
    launched = [["model.width=2", "init.width=1"], ["model.width=4", "init.width=3"]]
    assert differences(launched, [{}, {}])[0] == {"model.width": "2", "init.width": "1"}
