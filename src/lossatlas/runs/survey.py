"""The landscapes of a run: each computed once, kept beside the run, resumed from its last finished points."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from lossatlas import interruption
from lossatlas.files import replacing, set_aside
from lossatlas.landscape import Problem
from lossatlas.runs.build import build_data, build_network, make
from lossatlas.runs.fingerprint import digest
from lossatlas.runs.progress import Progress, write_progress
from lossatlas.runs.store import Run, StoreError, check_state
from lossatlas.runs.threads import threads_limited

log = logging.getLogger(__name__)

LANDSCAPE_VERSION = 2
"""Raised when the numerics of landscapes change, so that datasets of the older code are no longer found."""

OtherRun = Callable[[Sequence[str]], Run]
"""From overrides of this run's configuration to the run that they name."""


def landscape_path(run: Run, name: str, node: Mapping[str, Any], other_run: OtherRun) -> Path | None:
    """Where the landscape ``name`` with the settings ``node`` is kept; None if it lies between a run and itself.

    A mapping ``{run: [overrides]}`` anywhere in ``node`` names another run; its fingerprint becomes part of the
    landscape's own.
    """
    others: list[str] = []

    def fingerprint_of(overrides: Sequence[str]) -> str:
        others.append(other_run(overrides).fingerprint)
        return others[-1]

    key = digest({"version": LANDSCAPE_VERSION, "node": replace_runs(node, fingerprint_of)})
    return None if run.fingerprint in others else run.landscapes / f"{name}-{key}.nc"


def open_landscape(path: Path) -> xr.Dataset:
    """Load a landscape into memory. `StoreError` if the file is damaged."""
    try:
        return xr.load_dataset(path, engine="h5netcdf")
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever HDF5 makes of foreign bytes
        raise StoreError(f"{path}: damaged ({error})") from error


class Surveyor:
    """Computes the landscapes of one finished run; data and network are built once, and only if needed."""

    def __init__(
        self, run: Run, config: Mapping[str, Any], ensure_run: OtherRun, say: Callable[[str], None] = log.info
    ):
        self.run = run
        self.config = config
        self._ensure_run = ensure_run
        self._say = say
        self._problem: Problem | None = None
        self._next_report = 0.0
        self.computed: list[str] = []  # names of the landscapes that were not there before

    def survey_all(self) -> dict[str, xr.Dataset]:
        """All landscapes that the configuration names, those that are there already loaded.

        The lock of the run is held while one is computed. `Interrupted` after a request to stop.
        """
        nodes = self.config["landscape"]
        threads = self.config["runtime"]["threads"] or torch.get_num_threads()
        found = {}
        with threads_limited(threads), interruption.deferred():
            for stage, (name, node) in enumerate(nodes.items(), start=1):
                dataset = self.survey(name, node, stage, len(nodes) + 1)
                if dataset is not None:
                    found[name] = dataset
        return found

    def survey(
        self, name: str, node: Mapping[str, Any], stage: int = 0, stages: int = 1
    ) -> xr.Dataset | None:
        """Load or compute one landscape; None if it lies between the run and itself."""
        path = landscape_path(self.run, name, node, self._ensure_run)
        if path is None:
            return None
        if (dataset := self._load(path)) is not None:
            return dataset
        with self.run.lock(self._say):
            if (dataset := self._load(path)) is None:
                dataset = self._compute(path, name, node, partial(self._report, name, stage, stages))
        return dataset

    def _load(self, path: Path) -> xr.Dataset | None:
        try:
            return open_landscape(path)
        except FileNotFoundError:
            return None
        except StoreError as error:
            self._say(f"{error}; set aside as {set_aside(path).name}, computing it again")
            return None

    def _compute(
        self, path: Path, name: str, node: Mapping[str, Any], report: Callable[[int, int], None]
    ) -> xr.Dataset:
        path.parent.mkdir(exist_ok=True)
        journal = path.with_suffix(".journal")
        arguments = replace_runs(node, lambda overrides: self._state(self._ensure_run(overrides)))
        dataset: xr.Dataset = make(arguments, problem=self.problem, journal=journal, progress=report)
        survey = node["_target_"].rpartition(".")[2]
        dataset = dataset.assign_attrs(run=self.run.fingerprint, landscape=name, survey=survey)
        checked = {variable: {"fletcher32": True} for variable in dataset.data_vars if dataset[variable].ndim}
        with replacing(path) as temporary:
            dataset.to_netcdf(temporary, engine="h5netcdf", encoding=checked)
        journal.unlink(missing_ok=True)
        self.computed.append(name)
        return dataset

    def _report(self, name: str, stage: int, stages: int, done: int, total: int) -> None:
        if (now := time.monotonic()) >= self._next_report:
            self._next_report = now + 1.0
            write_progress(self.run, Progress(name, done, total, stage=stage, stages=stages))
        interruption.raise_if_requested(f"stopped after {done} of {total} points of {name}; they are kept")

    @property
    def problem(self) -> Problem:
        """The run's network at its final weights, its loss, and its data, on the run's device."""
        if self._problem is None:
            device = torch.device("cuda" if self._on_gpu else "cpu")
            data = build_data(self.config).to(device)
            network = build_network(self.config).to(device)
            network.load_state_dict(self._checked(self.run, network.state_dict()))
            splits = {split: data.normalized(split) for split in data.splits}
            self._problem = Problem(network, make(self.config["study"]["loss"]), splits)
        return self._problem

    @property
    def _on_gpu(self) -> bool:
        return self.config["trainer"]["accelerator"] != "cpu" and torch.cuda.is_available()

    def _state(self, other: Run) -> dict[str, Tensor]:
        return self._checked(other, self.problem.model.state_dict())

    @staticmethod
    def _checked(run: Run, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
        state = run.state()
        check_state(expected, state, run.weights_path)
        return state


def replace_runs(node: Any, replacement: Callable[[Sequence[str]], Any]) -> Any:
    """Copy a landscape's node with each ``{run: overrides}`` in it replaced by ``replacement(overrides)``."""
    if isinstance(node, Mapping):
        if set(node) == {"run"}:
            return replacement(node["run"])
        return {key: replace_runs(value, replacement) for key, value in node.items()}
    return node
