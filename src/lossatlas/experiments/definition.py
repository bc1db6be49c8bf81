"""Definition of an experiment beside its sweeps: claims, figures, the remarks on them, and printed curves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from lossatlas.claims import Claim
from lossatlas.claims.verdict import check_remarks
from lossatlas.experiments.catalogue import experiment_folder
from lossatlas.experiments.printed_curves import read_reference
from lossatlas.experiments.python_files import check_values, content_of, function_of, told_with_line
from lossatlas.experiments.values import Figures, Values


@dataclass(frozen=True)
class Definition:
    """An experiment at one scale, as its folder defines it."""

    folder: Path
    settings: Mapping[str, Any]  # the experiment part of a job's configuration
    claims: Sequence[Claim]
    figures: Figures
    written: Mapping[str, str]  # what claims and figures were made from

    @property
    def remarks(self) -> Mapping[str, Mapping[str, str]]:
        """Id of a claim -> outcome -> a sentence on why it came out so."""
        return self.settings.get("remarks", {})


def definition(name: str, experiment: Mapping[str, Any]) -> Definition:
    """The ``experiment`` part of a job's configuration, with the claims and figures that its folder adds to it.

    ValueError, which names file and line, for Python that cannot be read, fails, or takes a value that is not there.
    """
    folder = experiment_folder(name)
    values = experiment.get("values", {})
    check_values(folder, values)
    with told_with_line(folder):
        claims = list(function_of(folder, "claims")(Values(values)))
        figures = dict(function_of(folder, "figures")(Values(values)))
    return Definition(folder, experiment, claims, figures, content_of(folder))


def check_landscapes(defined: Definition, surveyed: Collection[str]) -> None:
    """Raise ValueError if a claim rests on a landscape that is not ``surveyed``."""
    for claim in defined.claims:
        for name in sorted(claim.landscapes - {"history", "summary", *surveyed}):
            raise ValueError(f"landscape: the claim {claim.id} rests on {name}")


def check_definition(defined: Definition, surveyed: Collection[str]) -> None:
    """Raise ValueError if there is a remark on no claim, or a claim on what is not ``surveyed``."""
    check_landscapes(defined, surveyed)
    check_remarks(defined.remarks, [claim.id for claim in defined.claims])


def reference_of(
    name: str, experiment: Mapping[str, Any], planned: Mapping[str, Sequence[Any]]
) -> dict[str, xr.Dataset]:
    """The dataset "reference", if ``experiment.reference`` names a file of the experiment's folder; else nothing.

    ValueError, which begins with that key, for a file that does not fit the ``planned`` values of the axes.
    """
    if (file := experiment.get("reference")) is None:
        return {}
    try:
        return {"reference": read_reference(experiment_folder(name) / file, planned)}
    except ValueError as error:
        raise ValueError(f"experiment.reference: {error}") from None
