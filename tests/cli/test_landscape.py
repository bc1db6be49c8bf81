"""`lossatlas landscape`: surveys of runs that are there and of anybody's own network, by one process or several."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from safetensors.torch import save_file
from typed import DATA, TINY, Answer, Typed, attempts, progress, type_here, wait_until

from lossatlas.landscape import Problem, surface
from lossatlas.runs.build import build_data
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.store.store import Run, Store

Start = Callable[..., Typed]

QUIET = ("logger=none", "runtime.threads=1")
SURFACE = ("landscape=surface", "landscape.surface.points=3")
OWN = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self, width, input_shape, classes):
        channels, height, breadth = input_shape
        layers = nn.Linear(channels * height * breadth, width), nn.Tanh(), nn.Linear(width, classes)
        super().__init__(nn.Flatten(), *layers)
"""


@pytest.fixture
def run(folder: Path) -> Run:
    """A finished run that keeps snapshots."""
    assert type_here("train", *TINY, "epochs=3", "study.snapshot_epochs=[0,1,2]").status == 0
    (run,) = Store("runs").runs()
    return run


@pytest.fixture
def own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    """A stranger's network, whose module can be imported from where the command is typed."""
    (folder / "strangers.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "strangers", raising=False)
    import strangers

    torch.manual_seed(0)
    return strangers.Net(5, (1, 8, 8), 4)


def kept(answer: Answer) -> list[Path]:
    """Datasets that a command says that it has kept."""
    assert (answer.status, answer.err) == (0, "")
    paths = [Path(line.strip()) for line in answer.out.splitlines() if line.endswith(".nc")]
    assert all(path.exists() for path in paths)
    return paths


# Runs


def test_a_run_that_is_there_is_surveyed_as_if_it_had_been_trained_with_the_landscape(run: Run) -> None:
    (path,) = kept(type_here("landscape", f"run={run.fingerprint[:6]}", *SURFACE, *QUIET))
    before = path.stat().st_mtime_ns
    assert path.with_suffix(".png").exists()
    assert not list(run.landscapes.glob("*journal*"))
    trained = ("train", *TINY, "epochs=3", "study.snapshot_epochs=[0,1,2]")
    assert type_here(*trained, *SURFACE, "paths.runs=elsewhere").status == 0
    (other,) = Path("elsewhere").glob(f"{run.fingerprint}/landscapes/*.nc")
    xr.testing.assert_identical(xr.load_dataset(path), xr.load_dataset(other))
    assert other.name == path.name
    again = type_here(*trained, *SURFACE)
    assert again.status == 0
    assert path.stat().st_mtime_ns == before
    assert attempts(Path()) == 1


def test_what_is_printed_is_where_it_lies_and_the_range_of_the_losses(run: Run) -> None:
    answer = type_here("landscape", f"run={run.folder}", *SURFACE, *QUIET)
    (path,) = kept(answer)
    losses = xr.load_dataset(path).loss
    ranges = [
        f"{split} loss {losses.sel(split=split).min():.4g} to {losses.sel(split=split).max():.4g}"
        for split in ("train", "test")
    ]
    assert answer.out.splitlines()[0] == f"surface: {', '.join(ranges)}"
    assert kept(type_here("landscape", f"run={run.fingerprint}", *SURFACE, *QUIET)) == [path]


def test_a_snapshot_is_surveyed_under_a_name_of_its_own(run: Run) -> None:
    (final,) = kept(type_here("landscape", f"run={run.fingerprint}", *SURFACE, *QUIET))
    (early,) = kept(type_here("landscape", f"run={run.snapshot_path(1)}", *SURFACE, *QUIET))
    assert early.parent == final.parent
    assert early.name != final.name
    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4)
    )
    kept_weights = sorted(run.snapshot(1).items())
    network.load_state_dict(
        {name: tensor for name, (_, tensor) in zip(sorted(network.state_dict()), kept_weights, strict=True)}
    )
    inputs, targets = build_data(run.config()).normalized("train")
    expected = torch.nn.functional.cross_entropy(network(inputs), targets).item()
    found = xr.load_dataset(early)
    assert found.loss.sel(split="train", x=0, y=0).item() == pytest.approx(expected, rel=1e-6)
    assert found.attrs["weights"] == "epoch-0001.safetensors"


def test_a_checkpoint_of_the_training_has_the_weights_of_its_step(run: Run) -> None:
    (path,) = kept(type_here("landscape", f"run={run.checkpoint_path}", *SURFACE, *QUIET))
    (final,) = kept(type_here("landscape", f"run={run.folder}", *SURFACE, *QUIET))
    np.testing.assert_array_equal(xr.load_dataset(path).loss, xr.load_dataset(final).loss)


def test_several_runs_are_surveyed_one_after_the_other(run: Run) -> None:
    assert type_here("train", *TINY, "seed=1").status == 0
    names = [found.fingerprint for found in Store("runs").runs()]
    paths = kept(type_here("landscape", f"run={','.join(names)}", *SURFACE, *QUIET))
    assert [path.parents[1].name for path in paths] == names


def test_other_networks_are_named_by_overrides_by_fingerprint_and_by_file(run: Run) -> None:
    to = ("landscape=interpolation", "landscape.interpolation.points=3", "landscape.interpolation.low=0")
    by = ("landscape", f"run={run.fingerprint}", *to, "landscape.interpolation.high=1", *QUIET)
    (trained,) = kept(type_here(*by, 'landscape.interpolation.other.run=["seed=1"]'))
    (other,) = [found for found in Store("runs").runs() if found.fingerprint != run.fingerprint]
    assert other.manifest().seed == 1
    assert kept(type_here(*by, f"landscape.interpolation.other.run='{other.fingerprint}'")) == [trained]
    (from_file,) = kept(type_here(*by, f"+landscape.interpolation.other.weights={other.weights_path}"))
    assert from_file != trained
    np.testing.assert_array_equal(xr.load_dataset(from_file).loss, xr.load_dataset(trained).loss)


def test_a_trajectory_goes_through_the_kept_snapshots_to_the_final_weights(run: Run) -> None:
    options = ("landscape=trajectory", "landscape.trajectory.points=3", "landscape.trajectory.draws=1")
    (path,) = kept(type_here("landscape", f"run={run.fingerprint}", *options, *QUIET))
    found = xr.load_dataset(path)
    assert found.sizes["snapshot"] == 4
    final = run.state()
    distance = [
        sum((run.snapshot(e)[name] - final[name]).double().square().sum().item() for name in final) ** 0.5
        for e in (0, 1, 2)
    ]
    np.testing.assert_allclose(found.path_distance, [*distance, 0], rtol=1e-6)


def test_who_surveys_a_run_says_how_the_picture_looks(run: Run) -> None:
    """Not who has trained it; and one that is there is drawn over."""
    (path,) = kept(type_here("landscape", f"run={run.fingerprint}", *SURFACE, *QUIET))
    usual = path.with_suffix(".png").read_bytes()
    kept(type_here("landscape", f"run={run.fingerprint}", *SURFACE, *QUIET, "style=dark"))
    dark = path.with_suffix(".png").read_bytes()
    assert dark != usual
    kept(
        type_here("landscape", f"run={run.fingerprint}", *SURFACE, *QUIET, "style=dark", "figures.columns=1")
    )
    assert path.with_suffix(".png").read_bytes() not in (usual, dark)
    kept(type_here("landscape", f"run={run.fingerprint}", *SURFACE, *QUIET))
    assert path.with_suffix(".png").read_bytes() == usual
    drawn = path.with_suffix(".png").stat().st_mtime_ns
    kept(type_here("landscape", f"run={run.fingerprint}", *SURFACE, *QUIET))
    assert path.with_suffix(".png").stat().st_mtime_ns == drawn


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["landscape=line"], "nothing to survey: type run=RUN, as lossatlas runs lists them"),
        (
            ["run={run}"],
            "landscape is missing: type landscape=CHOICE, one of activation_patterns, adversarial, aligned,",
        ),
        (["run={run}", "landscape=none"], "landscape is missing: type landscape=CHOICE, such as"),
        (["run=zz", "landscape=line"], "zz: no such run in runs/; expected one of {run}"),
        (["run={wrong}", "landscape=line"], "{wrong}: no such run in runs/; did you mean {run}?"),
        (["run={run}", "landscape=lin"], "landscape=lin: no such choice; did you mean line?"),
        (["run={run}", "landscape=line", "landscape.line.point=3"], "did you mean landscape.line.points?"),
        (["run={run}", "landscape=line", "landscape.line.points=1"], "landscape.line: points must be >= 2, got 1"),
        (["run={run}", "landscape=line", "seed=1"], "seed: what run {run} was trained with stays; landscape,"),
        (["run={run}", "landscape=line", "trainer=bf16", "model.hidden=[3]"], "model.hidden: what run {run} was"),
        (["run={run}", "landscape=line", "trainer.precision=64-true"], "trainer.precision: what run {run} was"),
        (["run={run}", "landscape=line", "trainer.devices=0"], "trainer.devices=0: expected a whole number >= 1"),
        (["run={run}", "landscape=line", "+trainer.num_nodes=2"], "trainer.num_nodes=2: torchrun or Slurm must"),
        (
            ["run={run}", "landscape=trajectory", "landscape.trajectory.snapshots.snapshots=[0,7]"],
            "landscape.trajectory: there is no snapshot of epoch 7; study.snapshot_epochs has 0, 1, 2",
        ),
        (
            ["run={run}", "landscape=interpolation", "+landscape.interpolation.other.weights=no.pt"],
            "landscape.interpolation: no.pt: no such file",
        ),
        (
            ["run={run}", "landscape=interpolation", "landscape.interpolation.other.run='ff'"],
            "landscape.interpolation: ff: no such run in runs/",
        ),
        (
            ["run={run}", "landscape=interpolation", "landscape.interpolation.other.run=7"],
            "landscape.interpolation.other.run: expected overrides, as [\"seed=1\"], or a fingerprint in quotes, got 7",
        ),
        (["run={run}", "landscape=line", "ckpt_key=net"], "ckpt_key=net: says which network of a file"),
        (["run=net.pt", "landscape=line"], "net.pt: lies in no run's folder; a network of your own is given as"),
        (["run={run}", "ckpt=net.pt", "landscape=line"], "run={run} and ckpt=net.pt: give one or the other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_input_is_told_in_one_line_and_nothing_is_kept(
    folder: Path, run: Run, arguments: list[str], complaint: str
) -> None:
    (folder / "net.pt").touch()
    name = run.fingerprint
    names = {"run": name, "wrong": f"{name[:7]}xy{name[9:]}"}
    answer = type_here("landscape", *(text.format(**names) for text in arguments), *QUIET)
    assert answer.status == 1
    assert complaint.format(**names) in answer.complaint
    assert answer.out == ""
    assert not list(folder.rglob("*.nc"))


def test_a_run_that_is_not_finished_is_not_surveyed(run: Run) -> None:
    run.weights_path.unlink()
    answer = type_here("landscape", f"run={run.fingerprint}", *SURFACE, *QUIET)
    assert "is not finished; train it to its end first" in answer.complaint


def test_a_trajectory_of_a_run_without_snapshots_is_refused_before_it_is_trained(folder: Path) -> None:
    answer = type_here("train", *TINY, "landscape=trajectory")
    assert answer.complaint == (
        "landscape.trajectory: the run keeps no snapshots: train it with study.snapshot_epochs=[0,1,2], say"
    )
    assert attempts(folder) == 0


def test_a_plane_names_its_networks_in_a_list(folder: Path) -> None:
    others = "landscape.plane.others=[{run: ['seed=1']}, {run: ['seed=2']}]"
    answer = type_here("train", *TINY, "landscape=plane", others, "landscape.plane.points=3")
    assert (answer.status, answer.err) == (0, "")
    assert len(Store("runs").runs()) == 3
    (path,) = folder.glob("runs/*/landscapes/plane-*.nc")
    assert xr.load_dataset(path).sizes["point"] == 3


# Networks of the user's own


def files_of(network: torch.nn.Module) -> dict[str, Path]:
    """The weights of a network as different programs save them."""
    state = network.state_dict()
    lightning = {"state_dict": {f"model.{name}": value for name, value in state.items()}, "epoch": 3}
    lightning["state_dict"]["loss.weight"] = torch.ones(4)
    parallel = {f"module.{name}": value for name, value in state.items()}
    torch.save(state, "plain.pt")
    torch.save(lightning, "lightning.ckpt")
    torch.save(parallel, "parallel.pth")
    save_file(state, "weights.safetensors")
    return {
        path.suffix: path
        for path in map(Path, ("plain.pt", "lightning.ckpt", "parallel.pth", "weights.safetensors"))
    }


def test_a_stranger_s_network_is_surveyed_whoever_has_saved_it(own: torch.nn.Module, folder: Path) -> None:
    data = build_data(compose_job(DATA).config)
    splits = {split: data.normalized(split) for split in ("train", "test")}
    expected = surface(Problem(own, torch.nn.CrossEntropyLoss(), splits), points=3)
    named = ("model._target_=strangers.Net", "model.width=5", *DATA, *SURFACE, *QUIET)
    for path in files_of(own).values():
        (found,) = kept(type_here("landscape", *named, f"ckpt={path}"))
        assert found.parent.parent.parent == Path("results/landscapes")
        assert found.parent.parent.name.startswith("Net-")
        np.testing.assert_array_equal(xr.load_dataset(found).loss, expected.loss)
        before = found.stat().st_mtime_ns
        kept(type_here("landscape", *named, f"ckpt={path}"))
        assert found.stat().st_mtime_ns == before
    assert not (folder / "runs").exists()


def test_other_weights_or_another_loss_are_another_landscape(own: torch.nn.Module) -> None:
    paths = files_of(own)
    named = ("model._target_=strangers.Net", "model.width=5", *DATA, *SURFACE, *QUIET)
    first = kept(type_here("landscape", *named, f"ckpt={paths['.pt']}"))
    smooth = kept(type_here("landscape", *named, f"ckpt={paths['.pt']}", "study.loss.label_smoothing=0.1"))
    torch.nn.init.zeros_(own[1].bias)
    torch.save(own.state_dict(), "plain.pt")
    moved = kept(type_here("landscape", *named, f"ckpt={paths['.pt']}"))
    assert len({*first, *smooth, *moved}) == 3


def test_two_networks_of_a_stranger_are_joined_by_a_line(own: torch.nn.Module) -> None:
    paths = files_of(own)
    torch.nn.init.zeros_(own[1].weight)
    save_file(own.state_dict(), "other.safetensors")
    to = ("landscape=interpolation", "landscape.interpolation.points=3", "landscape.interpolation.low=0")
    named = (
        "model._target_=strangers.Net",
        "+model.width=5",
        *DATA,
        *to,
        "landscape.interpolation.high=1",
        *QUIET,
    )
    other = "+landscape.interpolation.other.weights=other.safetensors"
    (found,) = kept(type_here("landscape", *named, other, f"ckpt={paths['.ckpt']}"))
    inputs, targets = build_data(compose_job(DATA).config).normalized("test")
    end = xr.load_dataset(found).loss.sel(split="test", alpha=1).item()
    assert end == pytest.approx(torch.nn.functional.cross_entropy(own(inputs), targets).item(), rel=1e-6)


def average_beside(network: torch.nn.Module, path: str) -> None:
    """A checkpoint of Lightning with a network and its moving average, here with zeros for the last biases."""
    state = network.state_dict()
    average = {**state, "3.bias": torch.zeros(4)}
    both = {f"net.{name}": value for name, value in state.items()}
    torch.save({"state_dict": both | {f"ema.module.{name}": value for name, value in average.items()}}, path)


def test_of_two_networks_in_a_file_the_user_says_which(own: torch.nn.Module) -> None:
    average_beside(own, "both.ckpt")
    named = ("model._target_=strangers.Net", "model.width=5", *DATA, *SURFACE, *QUIET)
    asked = type_here("landscape", *named, "ckpt=both.ckpt").complaint
    assert asked.endswith(
        "both.ckpt holds 2 networks that fit, state_dict.net and state_dict.ema.module: "
        "say which, as ckpt_key=state_dict.net"
    )
    net, ema = kept(
        type_here("landscape", *named, "ckpt=both.ckpt", "ckpt_key=state_dict.net,state_dict.ema.module")
    )
    assert net != ema
    assert kept(type_here("landscape", *named, "ckpt=both.ckpt", "ckpt_key=state_dict.ema")) == [ema]
    assert xr.load_dataset(ema).attrs["ckpt_key"] == "state_dict.ema.module"
    inputs, targets = build_data(compose_job(DATA).config).normalized("test")
    torch.nn.init.zeros_(own[3].bias)
    expected = torch.nn.functional.cross_entropy(own(inputs), targets).item()
    assert xr.load_dataset(ema).loss.sel(split="test", x=0, y=0).item() == pytest.approx(expected, rel=1e-6)


def test_a_key_that_changes_nothing_makes_no_other_landscape(own: torch.nn.Module) -> None:
    path = files_of(own)[".ckpt"]
    named = ("model._target_=strangers.Net", "model.width=5", *DATA, *SURFACE, *QUIET, f"ckpt={path}")
    assert kept(type_here("landscape", *named)) == kept(
        type_here("landscape", *named, "ckpt_key=state_dict.model")
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["model._target_=strangers.Net", "model.width=5"], "nothing to survey: type ckpt=FILE, the weights of your"),
        (["ckpt=plain.pt"], "model._target_ is missing: which network are the weights of?"),
        (["model._target_=strangers.Net", "ckpt=plain.pt"], "model: "),
        (["model._target_=strangers.Net", "model.widht=5", "ckpt=plain.pt"], "did you mean width?"),
        (["model._target_=stranger.Net", "ckpt=plain.pt"], "model._target_=stranger.Net: cannot be imported"),
        (["model._target_=strangers.Net", "model.width=5", "ckpt=no.pt"], "ckpt=no.pt: no such file"),
        (
            ["model._target_=strangers.Net", "model.width=6", "ckpt=plain.pt"],
            "plain.pt holds another network's weights: 1.weight has shape (5, 64) there, (6, 64) here",
        ),
        (
            ["model._target_=strangers.Net", "model.width=5", "ckpt=lacking.pt"],
            "lacking.pt holds another network's weights: it lacks 3.weight",
        ),
        (
            ["model._target_=strangers.Net", "model.width=5", "ckpt=code.pt"],
            "code.pt: holds a strangers.Net, not a state dict that can be read without running code of the file",
        ),
        (
            ["model._target_=strangers.Net", "model.width=5", "ckpt=broken.safetensors"],
            "broken.safetensors: not a readable safetensors file",
        ),
        (["model._target_=strangers.Net", "model.width=5", "ckpt=empty.pt"], "empty.pt: holds no state dict"),
        (["model._target_=strangers.Net", "model.width=5", "ckpt=notes.pt"], "notes.pt: not a file of weights;"),
        (
            ["model._target_=strangers.Net", "model.width=5", "ckpt=plain.pt", "ckpt_key=net"],
            "plain.pt: ckpt_key=net: no network's tensors lie there; expected one of .",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_what_is_wrong_with_a_stranger_s_network_is_told_in_one_line(
    own: torch.nn.Module, folder: Path, arguments: list[str], complaint: str
) -> None:
    state = own.state_dict()
    torch.save(state, "plain.pt")
    torch.save({name: state[name] for name in ("1.weight", "1.bias")}, "lacking.pt")
    torch.save(own, "code.pt")
    torch.save({"epoch": 3}, "empty.pt")
    (folder / "notes.pt").write_text("run the training first\n")
    (folder / "broken.safetensors").write_bytes(b"not weights")
    answer = type_here("landscape", *arguments, *DATA, *SURFACE, *QUIET)
    assert answer.status == 1
    assert complaint in answer.complaint
    assert answer.out == ""


# Several processes, and interruptions

MANY = ("data.train=20000", "data.batch_size=1000", "epochs=1")  # images, for milliseconds a point
POINTS = 101


@pytest.fixture
def large(folder: Path) -> tuple[str, ...]:
    """The command of a survey that takes seconds, of a run that is there."""
    assert type_here("train", *TINY, *MANY).status == 0
    (run,) = Store("runs").runs()
    return (
        "landscape",
        f"run={run.fingerprint}",
        "landscape=surface",
        f"landscape.surface.points={POINTS}",
        *QUIET,
    )


def surveying(folder: Path) -> Callable[[], bool]:
    """Whether some points have been measured."""
    return lambda: any(said["phase"] == "surface" and said["done"] > 0 for said in progress(folder))


def the_only_dataset(folder: Path) -> xr.Dataset:
    (path,) = folder.glob("runs/*/landscapes/*.nc")
    assert not list(path.parent.glob("*journal*"))
    return xr.load_dataset(path)


def assert_one_line(answer: Answer, status: int) -> str:
    assert answer.status == status
    (line,) = [line for line in answer.err.splitlines() if not line.startswith("runs ")]
    return line.removeprefix("lossatlas: ")


@pytest.mark.slow
def test_two_processes_give_the_bits_of_one_however_they_are_started(
    typed: Start, folder: Path, run: Run
) -> None:
    command = ("landscape", f"run={run.fingerprint}", *SURFACE, *QUIET)
    answer = typed(*command, "trainer.devices=2").answer()
    (path,) = kept(answer)
    assert len(answer.out.splitlines()) == 3
    two = xr.load_dataset(path)
    path.unlink()
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "-m",
        "lossatlas",
        *command,
    ]
    done = subprocess.run(torchrun, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == answer.out
    by_torchrun = xr.load_dataset(path)
    path.unlink()
    assert kept(type_here(*command)) == [path]
    xr.testing.assert_identical(two, xr.load_dataset(path))
    xr.testing.assert_identical(by_torchrun, two)
    assert not list(run.landscapes.glob("*journal*"))


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_ctrl_c_keeps_the_finished_points_and_the_same_command_goes_on(
    typed: Start, folder: Path, large: tuple[str, ...], devices: int
) -> None:
    command = typed(*large, f"trainer.devices={devices}")
    command.wait_until(surveying(folder), "the survey began")
    command.send_to_all(signal.SIGINT)
    line = assert_one_line(command.answer(), 130)
    assert line.startswith("stopped after ")
    assert line.endswith(" points of surface; they are kept; the same command goes on from there")
    wait_until(command.is_gone, "all processes had ended")
    assert list(folder.glob("runs/*/landscapes/*.journal"))
    assert type_here(*large).status == 0
    resumed = the_only_dataset(folder)
    (path,) = folder.glob("runs/*/landscapes/*.nc")
    path.unlink()
    assert type_here(*large).status == 0
    xr.testing.assert_identical(resumed, the_only_dataset(folder))


@pytest.mark.slow
def test_sigterm_to_the_command_alone_stops_all_its_processes(
    typed: Start, folder: Path, large: tuple[str, ...]
) -> None:
    command = typed(*large, "trainer.devices=2")
    command.wait_until(surveying(folder), "the survey began")
    command.send(signal.SIGTERM)
    assert assert_one_line(command.answer(), 130).startswith("stopped after ")
    wait_until(command.is_gone, "all processes had ended")


@pytest.mark.slow
def test_when_a_process_is_killed_the_rest_end_with_one_line_and_a_second_launch_goes_on(
    typed: Start, folder: Path, large: tuple[str, ...]
) -> None:
    command = typed(*large, "trainer.devices=2")
    command.wait_until(surveying(folder), "the survey began")
    children = subprocess.run(["pgrep", "-P", str(command.pid)], capture_output=True, text=True, check=True)
    (victim,) = children.stdout.split()
    subprocess.run(["kill", "-KILL", victim], check=True)
    line = assert_one_line(command.answer(), 1)
    assert line.startswith("a process of the 2 has died")
    assert line.endswith("finished points are kept, and the same command goes on from there")
    wait_until(command.is_gone, "all processes had ended")
    before = sum(
        len(journal.read_text().splitlines()) - 1 for journal in folder.glob("runs/*/landscapes/*.journal*")
    )
    assert before > 0
    assert typed(*large, "trainer.devices=2").answer().status == 0
    assert the_only_dataset(folder).loss.size == 2 * POINTS**2
