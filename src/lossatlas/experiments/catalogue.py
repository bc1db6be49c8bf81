"""Catalogue of experiments: what their YAML and their results' JSON tell, without composing or computing anything."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lossatlas.choices import nearest
from lossatlas.experiments.cost.in_words import duration, gpu_hours
from lossatlas.files import read_json
from lossatlas.runs.composition.search_path import config_folders

_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, where it is built: the same values, several times as fast."""

_OUTCOMES = {"holds": ("holds", "hold"), "fails": ("fails", "fail"), "cannot tell": ("open", "open")}
"""Outcome of a claim -> word for one claim that came out so, and for several."""


@dataclass(frozen=True)
class AtScale:
    """An experiment at one scale: its last verdict and its cost.

    Parameters
    ----------
    scale : str
        Its name: "digits", "paper".
    claims : tuple of mapping, optional
        As verdict.json has them; by default none, if never judged.
    published : bool, default False
        Whether that verdict is the one that comes with the package; by default it is not.
    measured, estimated : mapping, optional
        Cost as verdict.json and cost.json have it; None: not known.
    """

    scale: str
    claims: tuple[Mapping[str, Any], ...] = ()
    published: bool = False
    measured: Mapping[str, Any] | None = None
    estimated: Mapping[str, Any] | None = None

    def counts(self) -> str:
        """How many claims came to each outcome, corrected for their number; empty if none was judged.

        >>> outcomes = [("holds", "holds"), ("holds", "cannot tell"), ("cannot tell", "cannot tell")]
        >>> AtScale("digits", tuple({"outcome": one, "corrected": other} for one, other in outcomes)).counts()
        '1 holds, 2 open (uncorrected: 2 hold, 1 open)'
        """
        corrected, alone = (_counted(map(of, self.claims)) for of in (_corrected, _alone))
        return corrected if corrected == alone else f"{corrected} (uncorrected: {alone})"

    def seeds(self) -> int:
        """How many seeds its claims rest on; 0 if none was judged.

        >>> AtScale("digits", ({"outcome": "holds", "seeds": 10},)).seeds()
        10
        """
        return max((int(claim.get("seeds", 0)) for claim in self.claims), default=0)

    def ids(self, outcome: str) -> list[str]:
        """Ids of the claims that came to ``outcome``, corrected for their number."""
        return [claim["id"] for claim in self.claims if _corrected(claim) == outcome]


def _corrected(claim: Mapping[str, Any]) -> str:
    """Outcome of a claim as one of its experiment's; that of a claim that was judged alone is its own."""
    return str(claim.get("corrected") or claim["outcome"])


def _alone(claim: Mapping[str, Any]) -> str:
    return str(claim["outcome"])


def _counted(outcomes: Iterable[str]) -> str:
    counts = Counter(outcomes)
    return ", ".join(
        f"{counts[outcome]} {one if counts[outcome] == 1 else several}"
        for outcome, (one, several) in _OUTCOMES.items()
        if counts[outcome]
    )


@dataclass(frozen=True)
class Listed:
    """An experiment as it is listed.

    Parameters
    ----------
    name : str
        Of its folder.
    title, question, source : str
        As its YAML has them; "" where it has none.
    scales : tuple of AtScale, optional
        Those at which it is defined.
    shows : mapping of str to tuple of str, optional
        Of each paper, "li2018", what it shows, "figure 7"; nothing named: the paper as a whole.
    """

    name: str
    title: str
    question: str
    source: str
    scales: tuple[AtScale, ...] = ()
    shows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def catalogue(results: Path | None = None) -> list[Listed]:
    """All experiments; their verdicts are the published ones, or those in the user's own folder ``results``.

    Parameters
    ----------
    results : Path, optional
        That folder; None: published verdicts alone.

    Returns
    -------
    list of Listed
        By name.
    """
    return [listed(name, results) for name in experiments()]


def listed(name: str, results: Path | None = None) -> Listed:
    """One experiment. A result that cannot be read counts as not there.

    Parameters
    ----------
    name : str
        Of the experiment.
    results : Path, optional
        The user's own folder, whose verdicts come before the published ones; None: these alone.

    Returns
    -------
    Listed
        With its verdict and cost at each scale.

    Raises
    ------
    ValueError
        With the nearest name, if there is no such experiment.
    """
    folder = experiment_folder(name)
    about: dict[str, Any] = {}
    at_scales = scales_of(name)
    for file in ("common", *at_scales[::-1]):
        if (path := folder / f"{file}.yaml").exists():
            about |= (yaml.load(path.read_text(encoding="utf-8"), _YAML_LOADER) or {}).get("experiment", {})
    return Listed(
        name,
        title=str(about.get("title", "")),
        question=str(about.get("question", "")),
        source=str(about.get("source", "")),
        scales=tuple(_at_scale(folder, name, scale, results) for scale in at_scales),
        shows={str(paper): tuple(parts or ()) for paper, parts in (about.get("shows") or {}).items()},
    )


def _at_scale(folder: Path, name: str, scale: str, results: Path | None) -> AtScale:
    shown = folder / "results" / scale
    published = read_json(shown / "verdict.json")
    own = {} if results is None else read_json(results / name / scale / "verdict.json")
    verdict = own or published
    return AtScale(
        scale,
        tuple(verdict.get("claims", ())),
        published=bool(published and not own),
        measured=verdict.get("cost") or published.get("cost"),
        estimated=read_json(shown / "cost.json") or None,
    )


def experiments() -> list[str]:
    """Names of the experiments on Hydra's search path: those that come with the package, and the user's own.

    Returns
    -------
    list of str
        Sorted.
    """
    folders = [folder / "experiment" for folder in config_folders()]
    return sorted({path.parent.name for folder in folders for path in _scale_files(folder)})


def experiment_folder(name: str) -> Path:
    """Folder of the experiment ``name``: the first on Hydra's search path, as Hydra itself takes it.

    Parameters
    ----------
    name : str
        Of the experiment.

    Returns
    -------
    Path
        With its YAML, Python and README.

    Raises
    ------
    ValueError
        With the nearest name, if there is no such experiment.
    """
    for folder in config_folders():
        if any(path.parent.name == name for path in _scale_files(folder / "experiment")):
            return folder / "experiment" / name
    raise ValueError(f"{name}: no such experiment; {nearest(name, experiments())}")


def scales_of(name: str) -> list[str]:
    """The scales at which the experiment ``name`` is defined.

    Parameters
    ----------
    name : str
        Of the experiment.

    Returns
    -------
    list of str
        Sorted.

    Raises
    ------
    ValueError
        With the nearest name, if there is no such experiment.
    """
    folder = experiment_folder(name)
    return [scale for scale in _scales() if (folder / f"{scale}.yaml").exists()]


def _scale_files(folder: Path) -> Iterator[Path]:
    """The files of experiments in ``folder`` that are named as a scale: one makes a folder an experiment."""
    return (path for scale in _scales() for path in folder.glob(f"*/{scale}.yaml"))


def _scales() -> list[str]:
    return sorted({path.stem for folder in config_folders() for path in (folder / "scale").glob("*.yaml")})


def cost(at: AtScale) -> str:
    """What a scale costs in a few words: as measured, else as estimated; empty if neither is known.

    Parameters
    ----------
    at : AtScale
        The scale.

    Returns
    -------
    str
        A time, or GPU hours.
    """
    if at.measured is not None:
        part = "" if at.measured["trained"] == at.measured["cells"] else "in part: "  # the store had the rest
        return f"{part}{duration(at.measured['processor_seconds'])} of processor time"
    return f"about {gpu_hours(at.estimated)}" if at.estimated is not None else ""
