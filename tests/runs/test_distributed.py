"""How many processes a survey gets, by whom they are started, and that nothing of it is left behind."""

import os
import sys
from typing import Any

import pytest
import torch
import torch.distributed as dist

from lossatlas.landscape.mapping.ranks import RankFailedError, ranks
from lossatlas.runs import distributed
from lossatlas.runs.distributed import is_external, is_first, process_group

CPU = {"accelerator": "cpu", "devices": 1}
OUTSIDE = (
    "LOCAL_RANK",
    "RANK",
    "WORLD_SIZE",
    "TORCHELASTIC_RUN_ID",
    "SLURM_NTASKS",
    "SLURM_PROCID",
    "SLURM_JOB_ID",
)
OTHER = """
import sys, torch.distributed as dist
from lossatlas.landscape.mapping.ranks import ranks
from lossatlas.runs.distributed import is_external, is_first, process_group
assert is_external() and not is_first()
with process_group({"accelerator": "cpu", "devices": 2}, []):
    if sys.argv[1:] == ["dies"]:
        sys.exit(3)
    ranks().gather("other")
"""


@pytest.fixture(autouse=True)
def _nobody_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OUTSIDE:
        monkeypatch.delenv(name, raising=False)


def test_one_device_needs_no_other_process() -> None:
    with process_group(CPU, []):
        assert (ranks().world_size, dist.is_initialized()) == (1, False)


@pytest.mark.parametrize("devices", ["auto", -1])
def test_all_devices_of_a_processor_are_one(devices: Any) -> None:
    with process_group({"accelerator": "cpu", "devices": devices}, []):
        assert ranks().world_size == 1


@pytest.mark.parametrize("devices", [1, [0], [3]])
def test_one_device_by_its_number_needs_no_group(devices: Any) -> None:
    with process_group({"accelerator": "gpu", "devices": devices}, []):
        assert ranks().world_size == 1


@pytest.mark.parametrize("devices", [0, -2, 1.5, True, "two"])
def test_a_number_of_devices_that_cannot_be_is_refused(devices: Any) -> None:
    with (
        pytest.raises(
            ValueError, match=rf"^trainer\.devices={devices}: expected a whole number >= 1, or auto$"
        ),
        process_group({"accelerator": "cpu", "devices": devices}, []),
    ):
        pass


def test_several_machines_are_for_torchrun_or_slurm_to_start() -> None:
    with (
        pytest.raises(ValueError, match=r"^trainer\.num_nodes=2: torchrun or Slurm"),
        process_group(CPU | {"num_nodes": 2}, []),
    ):
        pass


def test_who_is_first_is_read_from_the_environment_of_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (is_external(), is_first()) == (False, True)
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert (is_external(), is_first()) == (True, True)
    monkeypatch.setenv("RANK", "4")
    assert not is_first()


@pytest.mark.slow
@pytest.mark.parametrize("fate", ["lives", "dies"])
def test_the_other_processes_are_started_joined_and_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, fate: str
) -> None:
    program = tmp_path / "other.py"
    program.write_text(OTHER)
    popen = distributed.subprocess.Popen

    def started(command: list[str], **options: Any) -> Any:
        assert command[1:] == ["-m", "lossatlas", fate]
        processes.append(popen([sys.executable, str(program), fate], **options))
        return processes[-1]

    processes: list[Any] = []
    monkeypatch.setattr(distributed.subprocess, "Popen", started)
    environment, threads = dict(os.environ), torch.get_num_threads()
    if fate == "lives":
        with process_group(CPU | {"devices": 2}, [fate]):
            assert ranks().gather("first") == ["first", "other"]
    else:
        with pytest.raises(RankFailedError, match="has died"), process_group(CPU | {"devices": 2}, [fate]):
            ranks().gather("first")
    assert [process.returncode for process in processes] == [0 if fate == "lives" else 3]
    assert (dict(os.environ), torch.get_num_threads(), dist.is_initialized()) == (environment, threads, False)
