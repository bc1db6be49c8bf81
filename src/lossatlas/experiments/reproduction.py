"""Reproduction of one experiment at one scale: figures, verdicts and datasets in a folder."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import xarray as xr
from rich.console import Console

from lossatlas.claims import Verdict, caption, judge, latex, markdown, to_json
from lossatlas.claims.verdict import TESTS_VERSION, with_remarks
from lossatlas.experiments.collect import Cell, Coordinates, collect
from lossatlas.experiments.cost.measured import Record, more_complete
from lossatlas.experiments.definition import definition, reference_of
from lossatlas.experiments.logged import log_figures, log_verdicts
from lossatlas.experiments.publishing import write_pages
from lossatlas.experiments.python_files import told_with_line
from lossatlas.figures import Style, save, use
from lossatlas.files import read_json, write_text
from lossatlas.hardware import numerics
from lossatlas.netcdf import write_netcdf
from lossatlas.runs.build import make
from lossatlas.runs.composition.overrides import Overrides, key_of
from lossatlas.runs.store.fingerprint import digest, no_result_changes
from lossatlas.runs.tracker import logging_to

_SAYS_NOTHING = ("question", "source", "shows", "tags")
"""Of ``experiment``: what is for those who look for it, and changes no result."""


class Reproduction:
    """Results of the experiment ``name`` drawn from ``cells``.

    ``overrides`` are those that the user typed, ``planned`` the values of each axis that the experiment is about.
    """

    def __init__(
        self,
        name: str,
        overrides: Sequence[str],
        config: Mapping[str, Any],
        cells: Sequence[Cell],
        planned: Mapping[str, Sequence[Any]],
    ) -> None:
        self.name = name
        self.config = config
        self.cells = cells
        self.planned = planned
        self.definition = definition(name, config["experiment"])
        self.reference = reference_of(name, config["experiment"], planned)
        self.style: Style = make(config["figures"])
        self.scale = config["experiment"]["scale"]
        # Where things lie is nothing to reproduce, and another machine's paths say nothing.
        self.typed = typed = Overrides(overrides).without("paths")
        self.command = " ".join(["lossatlas reproduce", name, *typed])
        self.folder = Path(config["paths"]["results"]) / name / self.scale
        self.verdict_path = self.folder / "verdict.json"

    @property
    def key(self) -> str:
        """What the results depend on: the runs, the landscapes, and how they are drawn and judged."""
        runs = [cell.run.fingerprint for cell in self.cells if "run" not in cell.missing]
        files = [
            sorted(path.name for name, path in cell.landscapes.items() if name not in cell.missing)
            for cell in self.cells
        ]
        parts = {"runs": runs, "landscapes": files, "planned": self.planned}
        told = {name: value for name, value in self.definition.settings.items() if name not in _SAYS_NOTHING}
        parts |= {"experiment": told, "written": self.definition.written}
        parts |= {"judged by": TESTS_VERSION}
        if self.style != Style():
            parts |= {"style": asdict(self.style)}
        printed = {name: dataset.to_dataframe().to_csv() for name, dataset in self.reference.items()}
        return digest(parts | printed)

    @property
    def is_as_published(self) -> bool:
        """Whether it is the experiment that its author's remarks are on: all of its plan, nothing set otherwise."""
        there = [cell.coordinates for cell in self.cells if not cell.missing or cell.has_diverged]
        return _is_as_planned(self.typed, self.config["experiment"]["axes"], self.planned, there)

    def is_current(self) -> bool:
        """Whether the folder already holds the results of just these runs and landscapes."""
        return read_json(self.verdict_path).get("key") == self.key

    def make(
        self, measured: Callable[[], Record | None] = lambda: None, *, with_gaps: bool = False
    ) -> list[str]:
        """Judge and draw, and write everything; the verdict last, for it says that the rest is there.

        ``measured`` tells, when all is done, what it took to compute what the cells hold. ``with_gaps``: claims and
        figures of landscapes that no run has yet are left out. Returns what was, a line each.
        """
        left_out: list[str] = []
        with Console(stderr=True).status("reading the landscapes") as status:
            datasets = collect(self.cells, self.planned) | self.reference
            surveyed = dict.fromkeys(name for cell in self.cells for name in cell.landscapes)
            absent = [name for name in ("history", *surveyed) if name not in datasets]
            for part in absent:
                if part == "history" or not with_gaps:
                    what = "run" if part == "history" else f"landscape {part}"
                    raise ValueError(
                        f"no {what} of {self.name} is finished: leave out --no-train to compute it"
                    )
            for name, dataset in datasets.items():
                self._write(name, dataset)
            status.update("judging the claims")
            with told_with_line(self.definition.folder):
                claims = [claim for claim in self.definition.claims if not claim.landscapes & set(absent)]
                judged = judge(claims, datasets)
            left_out += [
                f"claim {claim.id}: no run has {' and '.join(sorted(claim.landscapes & set(absent)))} yet"
                for claim in self.definition.claims
                if claim not in claims
            ]
            verdicts = with_remarks(judged, self.definition.remarks) if self.is_as_published else judged
            status.update("drawing")
            with told_with_line(self.definition.folder):
                paths, undrawn = self._draw(datasets, verdicts, with_gaps=bool(absent) and with_gaps)
            left_out += undrawn
            self._log(paths, verdicts)
        cost = more_complete(read_json(self.verdict_path).get("cost"), measured())
        extra = {"experiment": self.name, "scale": self.scale, "command": self.command, "key": self.key}
        extra |= {"judged_on": numerics(), "trained_on": self._trained_on(), "seeds": self._seeds()}
        for ending, written in (("md", markdown), ("tex", latex)):
            write_text(self.folder / f"verdict.{ending}", written(verdicts) + "\n")
        write_text(self.verdict_path, to_json(verdicts, **extra, cost=cost))
        return left_out

    def publish(self) -> None:
        """Copy pictures and verdict into the experiment's folder, ``results/<scale>/``, and write its page anew.

        The cost that was published stays if it is that of a more complete computation.
        """
        target = self.definition.folder / "results" / self.scale
        target.mkdir(parents=True, exist_ok=True)
        content, shown = read_json(self.verdict_path), read_json(target / "verdict.json")
        content["cost"] = more_complete(shown.get("cost"), content["cost"])
        for stem in self.definition.figures:
            for kind in ("png", "gif"):  # one to turn by hand is neither
                if (picture := self.folder / f"{stem}.{kind}").exists():
                    shutil.copyfile(picture, target / picture.name)
        write_text(target / "verdict.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        write_pages(self.name)

    def _trained_on(self) -> list[dict[str, Any]]:
        """Processors, instructions, threads and versions of torch that the networks were trained with, each once."""
        found = []
        for cell in self.cells:
            if (manifest := cell.run.manifest()) is None:
                continue
            hardware = {name: manifest.hardware.get(name) for name in ("cpu", "capability", "gpus")}
            threads = sorted({attempt.threads for attempt in manifest.attempts})
            machine = {**hardware, "threads": threads, "torch": manifest.versions.get("torch")}
            if machine not in found:
                found.append(machine)
        return found

    def _seeds(self) -> list[Any]:
        """Those of the networks that are there."""
        seeds = {
            cell.coordinates["seed"] for cell in self.cells if "seed" in cell.coordinates and not cell.missing
        }
        return sorted(seeds)

    def _write(self, name: str, dataset: xr.Dataset) -> None:
        # What the files of single networks were encoded as has no room for the NaN of networks that are missing.
        write_netcdf(dataset.drop_encoding(), self.folder / "data" / f"{name}.nc")

    def _draw(
        self, datasets: Mapping[str, xr.Dataset], verdicts: Sequence[Verdict], *, with_gaps: bool
    ) -> tuple[list[Path], list[str]]:
        """Files of the figures, and, ``with_gaps``, why others could not be drawn."""
        paths: list[Path] = []
        undrawn = []
        told = caption(verdicts) if self.style.caption else ""
        for stem, draw in self.definition.figures.items():
            try:
                with use(self.style):
                    paths += save(draw(datasets=datasets, caption=told), self.folder, stem)
            except (ValueError, KeyError) as error:
                if not with_gaps:
                    raise
                undrawn.append(f"figure {stem}: {' '.join(str(error).split())}")
        return paths, undrawn

    def _log(self, paths: Sequence[Path], verdicts: Sequence[Verdict]) -> None:
        subject = f"{self.name}-{self.scale}"
        with logging_to(self.config, subject=subject, folder=self.folder, job_type="figure") as loggers:
            for logger in loggers:
                log_figures(logger, paths)
                log_verdicts(logger, verdicts)


def _is_as_planned(
    typed: Overrides,
    axes: Mapping[str, str],
    planned: Mapping[str, Sequence[Any]],
    there: Sequence[Coordinates],
) -> bool:
    """Whether all values that are planned for axes are there, and nothing else was typed that may change a verdict.

    >>> axes, planned, there = {"seed": "seed"}, {"seed": [0, 1]}, [{"seed": 0}, {"seed": 1}, {"seed": 2}]
    >>> _is_as_planned(Overrides(["seed=0,1,2", "scale=digits", "logger=none"]), axes, planned, there)
    True
    >>> _is_as_planned(Overrides(["seed=0"]), axes, planned, there[:1])
    False
    >>> _is_as_planned(Overrides(["epochs=1"]), axes, planned, there)
    False
    """
    keys = set(typed.keys) - {"scale", "experiment", *map(key_of, axes.values())}
    if typed.value("trainer") in ("default", "cpu", "gpu"):  # where networks are trained
        keys.discard("trainer")
    return not any(map(_may_change_results, keys)) and all(
        set(values) <= {coordinates[axis] for coordinates in there} for axis, values in planned.items()
    )


def _may_change_results(key: str) -> bool:
    """Whether what is typed for a key may change verdicts.

    >>> [_may_change_results(key) for key in ("epochs", "landscape.line.points", "logger", "runtime.threads")]
    [True, True, False, False]
    """
    return key.partition(".")[0] in ("landscape", "engine", "experiment") or no_result_changes(key) is None
