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
    """An experiment at one scale, as its folder defines it.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    settings : mapping
        The experiment part of a job's configuration.
    claims : sequence of Claim
        Those that its claims.py yields.
    figures : dict of str to Callable
        Name of a file -> function of ``datasets`` and ``caption`` to a figure, as its figures.py has them.
    written : mapping of str to str
        Name of each Python file -> what claims and figures were made from.
    """

    folder: Path
    settings: Mapping[str, Any]
    claims: Sequence[Claim]
    figures: Figures
    written: Mapping[str, str]

    @property
    def remarks(self) -> Mapping[str, Mapping[str, str]]:
        """Id of a claim -> outcome -> a sentence on why it came out so."""
        return self.settings.get("remarks", {})


def definition(name: str, experiment: Mapping[str, Any]) -> Definition:
    """The ``experiment`` part of a job's configuration, with the claims and figures that its folder adds to it.

    Parameters
    ----------
    name : str
        Of the experiment.
    experiment : mapping
        The experiment part of a job's configuration.

    Returns
    -------
    Definition
        With claims and figures made from ``experiment.values``.

    Raises
    ------
    ValueError
        With file and line, for Python that cannot be read, fails, or takes a value that is not there.
    """
    folder = experiment_folder(name)
    values = experiment.get("values", {})
    check_values(folder, values)
    with told_with_line(folder):
        claims = list(function_of(folder, "claims")(Values(values)))
        figures = dict(function_of(folder, "figures")(Values(values)))
    return Definition(folder, experiment, claims, figures, content_of(folder))


def check_landscapes(defined: Definition, surveyed: Collection[str]) -> None:
    """Raise ValueError if a claim rests on a landscape that is not ``surveyed``.

    Parameters
    ----------
    defined : Definition
        Whose claims are looked at.
    surveyed : collection of str
        Names of the landscapes that its sweeps have.

    Raises
    ------
    ValueError
        With the claim and the landscape.
    """
    for claim in defined.claims:
        for name in sorted(claim.landscapes - {"history", "summary", *surveyed}):
            raise ValueError(f"landscape: the claim {claim.id} rests on {name}")


def check_definition(defined: Definition, surveyed: Collection[str]) -> None:
    """Raise ValueError if there is a remark on no claim, or a claim on what is not ``surveyed``.

    Parameters
    ----------
    defined : Definition
        Whose claims and remarks are looked at.
    surveyed : collection of str
        Names of the landscapes that its sweeps have.

    Raises
    ------
    ValueError
        With the claim.
    """
    check_landscapes(defined, surveyed)
    check_remarks(defined.remarks, [claim.id for claim in defined.claims])


def reference_of(
    name: str, experiment: Mapping[str, Any], planned: Mapping[str, Sequence[Any]]
) -> dict[str, xr.Dataset]:
    """The dataset "reference", if ``experiment.reference`` names a file of the experiment's folder; else nothing.

    Parameters
    ----------
    name : str
        Of the experiment.
    experiment : mapping
        The experiment part of a job's configuration.
    planned : mapping of str to sequence
        Axis -> the values that it is swept over; none if these are not known.

    Returns
    -------
    dict of str to Dataset
        As `read_reference` has it.

    Raises
    ------
    ValueError
        Beginning with that key, for a file that does not fit the planned values.
    """
    if (file := experiment.get("reference")) is None:
        return {}
    try:
        return {"reference": read_reference(experiment_folder(name) / file, planned)}
    except ValueError as error:
        raise ValueError(f"experiment.reference: {error}") from None
