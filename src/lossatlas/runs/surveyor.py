"""The landscapes of a run: each computed once, kept beside the run, resumed from its last finished points."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from lossatlas import interruption
from lossatlas.files import set_aside, sha256
from lossatlas.hardware import threads_limited
from lossatlas.landscape import Problem
from lossatlas.landscape.mapping.ranks import ranks
from lossatlas.landscape.survey import takes_any_network
from lossatlas.netcdf import write_netcdf
from lossatlas.runs.build import build_data, build_network, make
from lossatlas.runs.logged_landscapes import log_landscapes_of
from lossatlas.runs.resolve import Surveyed, final_weights, place_in_file, resolved, with_places
from lossatlas.runs.store.fingerprint import OtherRun, landscape_path, survey_named
from lossatlas.runs.store.landscape_files import about, open_landscape
from lossatlas.runs.store.progress import Progress, write_progress
from lossatlas.runs.store.references import arguments
from lossatlas.runs.store.store import Run, StoreError
from lossatlas.runs.store.weight_files import load_weights
from lossatlas.runs.trainer_settings import device_number

log = logging.getLogger(__name__)


class Surveyor:
    """Computes the landscapes of one finished run; data and network are built once, and only if needed.

    Where torch.distributed has several ranks they all do this together: rank 0 holds the lock, reads and writes, and
    the points are shared. ``weights`` is a file of the run's network at another time, or of somebody's own network, and
    ``ckpt_key`` the place of the network in it.
    """

    def __init__(
        self,
        run: Run,
        config: Mapping[str, Any],
        ensure_run: OtherRun,
        say: Callable[[str], None] = log.info,
        *,
        weights: Path | None = None,
        ckpt_key: str | None = None,
        on_stop: Callable[[], None] = lambda: None,
    ):
        self.run = run
        self.config = config
        self._ensure_run = ensure_run
        self._say = say
        self._weights = weights
        self._ckpt_key = ckpt_key
        self._on_stop = on_stop  # called when this process has been asked to stop
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
        path = self.path(name, node)
        if path is None:
            return None
        among = ranks()
        with ExitStack() as held:
            found = among.attempt(lambda: self._find(path, held) if among.rank == 0 else None)[0]
            if found is not None:
                log.info("landscape %s: there, %s", name, path.name)
                return found
            started = time.monotonic()
            dataset = self._measure(path, name, node, partial(self._report, name, stage, stages))
            kept = among.attempt(lambda: self._keep(path, node, dataset) if among.rank == 0 else None)
        self.computed.append(name)
        log.info("landscape %s: computed in %.1f s, %s", name, time.monotonic() - started, path.name)
        return kept[0]

    def log_computed(self, found: Mapping[str, xr.Dataset], weights: str = "") -> None:
        """Send those of the landscapes ``found`` that were not there before to the job's loggers, under the run's name.

        Those around other weights than its final ones have a record of their own, which ``weights`` names.
        """
        if not self.computed:
            return
        log_landscapes_of(self.run, self.config, {name: found[name] for name in self.computed}, weights)

    def path(self, name: str, node: Mapping[str, Any]) -> Path | None:
        """Where the landscape is kept, or will be; see `landscape_path`."""
        return landscape_path(
            self.run, name, with_places(node, self.config), self._ensure_run, self._weights_digest
        )

    @cached_property
    def _weights_digest(self) -> str | None:
        """What the weights that are surveyed add to the key of a landscape, where they are not the run's final ones."""
        if self._weights is None:
            return None
        return sha256(self._weights) + ("" if self._place is None else f" {self._place}")

    @cached_property
    def _place(self) -> str | None:
        """Place of the network in the file of weights, where it has to be said."""
        return None if self._weights is None else place_in_file(self._weights, self._ckpt_key, self.config)

    def _find(self, path: Path, held: ExitStack) -> xr.Dataset | None:
        """The landscape if it is there; else the lock of the run is ``held``."""
        if (dataset := self._load(path)) is not None:
            return dataset
        held.enter_context(self.run.lock(self._say))
        self.run.check_contained()
        self.run.remove_leftovers()
        return self._load(path)

    def _load(self, path: Path) -> xr.Dataset | None:
        try:
            return open_landscape(path, self.run.fingerprint)
        except FileNotFoundError:
            return None
        except StoreError as error:
            self._say(f"{error}; set aside as {set_aside(path).name}, computing it again")
            return None

    def _measure(
        self, path: Path, name: str, node: Mapping[str, Any], report: Callable[[int, int], None]
    ) -> xr.Dataset:
        path.parent.mkdir(parents=True, exist_ok=True)
        mixed = takes_any_network(survey_named(node))
        configured, given = arguments(
            node, lambda reference: resolved(reference, self.surveyed, any_network=mixed)
        )
        return make(configured, **given, problem=self.problem, journal=_journal(path), progress=report)

    def _keep(self, path: Path, node: Mapping[str, Any], dataset: xr.Dataset) -> xr.Dataset:
        told = {**about(path, self.run.fingerprint), "survey": node["_target_"].rpartition(".")[2]}
        if self._weights is not None:
            told["weights"] = self._weights.name
        if self._place is not None:
            told["ckpt_key"] = self._place
        write_netcdf(dataset.assign_attrs(told), path)
        for journal in path.parent.glob(f"{_journal(path).name}*"):
            journal.unlink(missing_ok=True)
        return open_landscape(path, self.run.fingerprint)  # as everybody else finds it

    def _report(self, name: str, stage: int, stages: int, done: int, total: int) -> None:
        if ranks().rank == 0 and (now := time.monotonic()) >= self._next_report:
            self._next_report = now + 1.0
            write_progress(self.run, Progress(name, done, total, stage=stage, stages=stages))
        if interruption.requested():
            self._on_stop()
        interruption.raise_if_requested(f"stopped after {done} of {total} points of {name}; they are kept")

    @cached_property
    def problem(self) -> Problem:
        """The network at the weights that are surveyed, its loss, and its data, on the run's device."""
        data = build_data(self.config).to(self._device)
        network = build_network(self.config).to(self._device)
        if self._weights is None:
            network.load_state_dict(final_weights(self.run, network))
        else:
            network.load_state_dict(load_weights(self._weights, network.state_dict(), self._ckpt_key))
        splits = {split: data.normalized(split) for split in data.splits}
        return Problem(network, make(self.config["study"]["loss"]), splits)

    @property
    def _device(self) -> torch.device:
        on_gpu = self.config["trainer"]["accelerator"] != "cpu" and torch.cuda.is_available()
        number = device_number(self.config["trainer"]["devices"])
        return (
            torch.device("cpu")
            if not on_gpu
            else torch.device("cuda" if number is None else f"cuda:{number}")
        )

    @property
    def surveyed(self) -> Surveyed:
        """The run as `resolved` takes it, with the network that is surveyed."""
        return Surveyed(self.run, self.config, self.problem.model, self._ensure_run, self._device)


def _journal(path: Path) -> Path:
    return path.with_suffix(".journal")
