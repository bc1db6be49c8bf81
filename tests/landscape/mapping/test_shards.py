"""Surveys that several processes share, which here are real ones."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from lossatlas.landscape.mapping.journal import Journal, finished_points, finished_points_of_all, shards

Launch = Callable[..., list[Any]]
HEADER = {"survey": "plain", "nothing": float("nan")}
ROWS = [[index / 7, 2.0**-index] for index in range(11)]
KILLED = -9


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    """Run a job on so many ranks, and return what each gives; see `rank_server`."""
    script = str(Path(__file__).with_name("rank_server.py"))
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def request(job: str, world_size: int, **options: Any) -> list[Any]:
            server.stdin.write(json.dumps({"job": job, "world_size": world_size, **options}) + "\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())

        yield request
        server.stdin.close()


@pytest.fixture
def shared(tmp_path: Path) -> dict[str, Any]:
    """Arguments of a map that is kept in a journal."""
    return {
        "total": 11,
        "journal": str(tmp_path / "j[1]"),
        "header": HEADER,
        "measured": str(tmp_path / "measured"),
    }


def _measured(shared: dict[str, Any]) -> list[list[int]]:
    """Points that each process has measured since the last call."""
    path = Path(shared["measured"])
    by_process: dict[str, list[int]] = {}
    for entry in path.read_text().splitlines() if path.exists() else []:
        index, process = entry.split()
        by_process.setdefault(process, []).append(int(index))
    path.unlink(missing_ok=True)
    return sorted(by_process.values())


@pytest.mark.parametrize("with_journal", [True, False])
def test_each_rank_gets_the_whole_and_each_point_is_measured_once(
    launch: Launch, shared: dict[str, Any], with_journal: bool
) -> None:
    options = shared if with_journal else {**shared, "journal": None}
    assert launch("plain", 2, **options) == [ROWS, ROWS]
    assert _measured(shared) == [[0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9]]


@pytest.mark.parametrize(
    "kind",
    [
        "line",
        "surface",
        "adaptive surface",
        "sharpness",
        "trace",
        "spectrum",
        "jacobian",
        "adversarial",
        "dropout_ensemble",
        "signal_propagation",
        "gradient_noise",
        "feature_rank",
        "eigenvalues",
        "convexity",
        "sam_sharpness",
        "lipschitz",
        "level_sets",
    ],
)
def test_a_survey_is_the_same_to_the_last_bit_with_one_rank_and_with_two(
    launch: Launch, tmp_path: Path, kind: str
) -> None:
    (alone,) = launch("survey", 1, kind=kind)
    assert launch("survey", 2, kind=kind) == [alone, alone]
    assert launch("survey", 2, kind=kind, journal=str(tmp_path / "j")) == [alone, alone]


def test_what_is_finished_is_in_one_journal(launch: Launch, shared: dict[str, Any]) -> None:
    launch("plain", 3, **shared)
    journal = Path(shared["journal"])
    assert finished_points(journal, HEADER) == dict(enumerate(ROWS))
    assert shards(journal) == []


def test_more_ranks_than_points(launch: Launch, shared: dict[str, Any]) -> None:
    shared["total"] = 2
    assert launch("plain", 4, **shared) == [ROWS[:2]] * 4
    assert _measured(shared) == [[0], [1]]
    assert shards(Path(shared["journal"])) == []


@pytest.mark.parametrize("then", [1, 2, 4])
def test_a_rank_that_is_killed_loses_nothing_and_is_noticed_at_once(
    launch: Launch, shared: dict[str, Any], then: int
) -> None:
    """The other finds out when it has finished its own share, not after a time limit."""
    start = time.monotonic()
    killed = {"die": 3}
    error, code = launch("plain", 2, **shared, options=[{"pause": 0.05}, killed])
    assert code == KILLED
    assert error.startswith("RankFailedError: a process of the 2 has died")
    assert time.monotonic() - start < 20
    journal = Path(shared["journal"])
    assert set(finished_points_of_all(journal, HEADER)) == {0, 2, 4, 6, 8, 10} | {1, 3, 5}
    _measured(shared)
    assert launch("plain", then, **shared) == [ROWS] * then
    assert sorted(chain(*_measured(shared))) == [7, 9]


def test_all_who_are_left_hear_of_a_rank_that_was_killed(launch: Launch, shared: dict[str, Any]) -> None:
    """Also those that were waiting for others than the one that died."""
    results = launch("plain", 6, **shared, options=[{}, {}, {}, {"die": 1}, {}])
    assert results.pop(3) == KILLED
    assert all(result.startswith("RankFailedError: a process of the 6 has died") for result in results)


def test_a_rank_killed_before_the_others_come_to_wait_is_noticed(
    launch: Launch, shared: dict[str, Any]
) -> None:
    error, code = launch("plain", 2, **shared, options=[{"pause": 0.02}, {"die": 0}])
    assert code == KILLED
    assert error.startswith("RankFailedError")


def test_the_others_finish_their_share_when_one_fails(launch: Launch, shared: dict[str, Any]) -> None:
    first, second, third = launch("plain", 3, **shared, options=[{}, {"fail": 2}, {}])
    assert second == "RuntimeError: stopped after 2"
    assert first == third == "RankFailedError: rank 1 failed: RuntimeError: stopped after 2"
    _measured(shared)
    assert launch("plain", 2, **shared) == [ROWS, ROWS]
    assert sorted(chain(*_measured(shared))) == [7, 10]


def test_the_next_survey_goes_on_after_one_that_failed(launch: Launch, tmp_path: Path) -> None:
    first, second = launch("twice", 2, total=11, journal=str(tmp_path / "j"), options=[{}, {"fail": 0}])
    assert first == ["RankFailedError: rank 1 failed: RuntimeError: stopped after 0", ROWS]
    assert second == ["RuntimeError: stopped after 0", ROWS]


def test_without_a_rank_that_has_died_no_further_survey_waits(launch: Launch, tmp_path: Path) -> None:
    survivor, code = launch("twice", 2, total=11, journal=str(tmp_path / "j"), options=[{}, {"die": 0}])
    assert code == KILLED
    assert all(result.startswith("RankFailedError: a process of the 2 has died") for result in survivor)


def test_a_rank_that_dies_before_the_first_survey_is_noticed(launch: Launch, shared: dict[str, Any]) -> None:
    error, code = launch("dead_on_arrival", 2, **shared)
    assert code == KILLED
    assert error.startswith("RankFailedError: a process of the 2 has died")
    assert _measured(shared) == []


def test_ranks_that_are_initialised_again_go_on(launch: Launch, tmp_path: Path) -> None:
    assert launch("twice", 2, total=11, journal=str(tmp_path / "j"), anew=True) == [[ROWS, ROWS]] * 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_ranks_of_nccl_gather_without_the_gpu(launch: Launch, shared: dict[str, Any]) -> None:
    assert launch("plain", 2, **shared, backend="nccl") == [ROWS, ROWS]


def test_a_full_disk_of_one_rank_is_reported_by_all_and_loses_nothing(
    launch: Launch, shared: dict[str, Any]
) -> None:
    full = {"file_size": 180}  # in the middle of a line
    first, second = launch("plain", 2, **shared, options=[{}, full])
    shard = f"{shared['journal']}.rank1"
    assert second == f"OSError: [Errno 27] File too large: '{shard}'"
    assert first == f"RankFailedError: rank 1 failed: {second}"
    kept = finished_points_of_all(Path(shared["journal"]), HEADER)
    assert kept.items() <= dict(enumerate(ROWS)).items()
    assert 6 < len(kept) < 11
    _measured(shared)
    assert launch("plain", 2, **shared) == [ROWS, ROWS]
    assert len([*chain(*_measured(shared))]) == 11 - len(kept)


def test_a_journal_that_one_rank_cannot_open_stops_all(launch: Launch, shared: dict[str, Any]) -> None:
    with Journal(f"{shared['journal']}.rank1", HEADER):
        first, second = launch("plain", 2, **shared)
    assert second.startswith("BlockingIOError: [Errno 11] this journal is being written by another")
    assert first == f"RankFailedError: rank 1 failed: {second}"


def test_journals_of_an_older_survey_are_not_mixed_in(launch: Launch, shared: dict[str, Any]) -> None:
    older = {**HEADER, "seed": 1}
    journal = Path(shared["journal"])
    for name in ("", ".rank1", ".rank7"):
        with Journal(journal.with_name(journal.name + name), older) as stale:
            for index in range(11):
                stale.append(index, [0.0, 0.0])
    assert launch("plain", 2, **shared) == [ROWS, ROWS]
    assert finished_points(journal.with_name(journal.name + ".rank1.stale"), older)
    assert finished_points(journal.with_name(journal.name + ".rank7"), older)


@pytest.mark.parametrize("difference", [{"seed": 1}, {"data_seed": 1}])
def test_ranks_that_survey_different_problems_are_refused(launch: Launch, difference: dict[str, int]) -> None:
    """As after a different initialisation on each, or with a DataLoader that gives each its own part of the data."""
    key = {"seed": "weights", "data_seed": "data"}[next(iter(difference))]
    for kind in ("surface", "sharpness"):
        results = launch("survey", 2, kind=kind, options=[{}, difference])
        expected = f"ValueError: ranks 0 and 1 do not survey the same: they differ in '{key}'"
        assert results == [expected, expected]


def test_chains_are_not_split(launch: Launch, shared: dict[str, Any]) -> None:
    assert launch("plain", 2, **shared, chain=4) == [ROWS, ROWS]
    assert _measured(shared) == [[0, 1, 2, 3, 8, 9, 10], [4, 5, 6, 7]]


def test_some_of_the_points_then_all(launch: Launch, shared: dict[str, Any]) -> None:
    some = [9, 1, 4, 9]
    assert launch("plain", 2, **shared, indices=some) == [[ROWS[index] for index in some]] * 2
    assert sorted(chain(*_measured(shared))) == [1, 4, 9]
    assert launch("plain", 2, **shared) == [ROWS, ROWS]
    assert sorted(chain(*_measured(shared))) == [0, 2, 3, 5, 6, 7, 8, 10]


TORCHRUN = """
import sys
import torch
import torch.distributed as dist
from lossatlas.landscape import Problem, surface

torch.set_num_threads(1)
if sys.argv[1] == "many":
    dist.init_process_group("gloo")
torch.manual_seed(0)
model = torch.nn.Linear(4, 3)
problem = Problem(model, torch.nn.functional.cross_entropy, {"train": (torch.eye(4), torch.arange(4) % 3)})
dataset = surface(problem, points=5, journal=sys.argv[2] + "/journal." + sys.argv[1])
name = f"rank{dist.get_rank()}" if sys.argv[1] == "many" else "alone"
dataset.to_netcdf(f"{sys.argv[2]}/{name}.nc", engine="h5netcdf")
"""


@pytest.mark.slow
def test_torchrun_starts_the_ranks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(TORCHRUN)
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for how, command in (("many", run), ("alone", [])):
        subprocess.run([sys.executable, *command, str(script), how, str(tmp_path)], check=True, timeout=120)
    alone, *shared = (xr.load_dataset(tmp_path / f"{name}.nc") for name in ("alone", "rank0", "rank1"))
    assert all(dataset.identical(alone) for dataset in shared)


_DIFFERENTIATING = (
    "eigenvalues",
    "trace",
    "spectrum",
    "convexity",
    "jacobian",
    "signal_propagation",
    "gradient_noise",
    "feature_rank",
    "sharpness",
    "sam_sharpness",
    "lipschitz",
)


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        *((kind, "ddp") for kind in ("line", "recomputed line", "level_sets", *_DIFFERENTIATING)),
        *((kind, "fabric") for kind in ("line", "eigenvalues", "sharpness")),
    ],
)
def test_what_trains_a_network_on_several_ranks_does_not_keep_them_from_a_survey(
    launch: Launch, kind: str, how: str
) -> None:
    """Ranks used to wait for each other's batch-norm buffers at points that the others were not at."""
    (alone,) = launch("wrapped", 1, kind=kind)
    for found in launch("wrapped", 2, kind=kind, how=how):
        assert isinstance(found, dict), found
        assert found.keys() == alone.keys()
        for name, values in alone.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
