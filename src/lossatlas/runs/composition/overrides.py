"""From what a user types to the plain configurations of the jobs that it means."""

import re
import sys
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

FORMER_VALUES = re.compile(r"^([+~]*)experiment\.levels(?=\.)")


def renamed(overrides: Sequence[str], *, say: bool = False) -> list[str]:
    """Overrides with ``experiment.values`` for ``experiment.levels``, as it was called before 0.2; ``say`` tells so.

    >>> renamed(["experiment.levels.strong=3", "seed=1"])
    ['experiment.values.strong=3', 'seed=1']
    """
    if say and any(FORMER_VALUES.match(override) for override in overrides):
        print(
            "experiment.levels is called experiment.values now; it is read as that for a release",
            file=sys.stderr,
        )
    return [FORMER_VALUES.sub(r"\1experiment.values", override) for override in overrides]


def expand_experiment(overrides: Sequence[str]) -> list[str]:
    """Write ``experiment=<name>`` out as the file that the scale selects, ``experiment=<name>/<scale>``.

    Hydra allows no other choices to be overridden from a file that is itself chosen by interpolation, so the
    short form is resolved before Hydra sees it.

    >>> expand_experiment(["experiment=sharpness", "scale=paper", "seed=1"])
    ['experiment=sharpness/paper', 'seed=1']
    """
    scale = next((o.removeprefix("scale=") for o in overrides if o.startswith("scale=")), "digits")
    overrides = renamed(overrides, say=True)
    short = [o for o in overrides if o.startswith("experiment=") and "/" not in o and o != "experiment=null"]
    if not short:
        return list(overrides)
    return [f"{o}/{scale}" if o in short else o for o in overrides if not o.startswith("scale=")]


def typed_value(text: str) -> Any:
    """What Hydra takes the right side of an override for.

    >>> typed_value("5e-4"), typed_value("true"), typed_value("sgd"), typed_value("'1'")
    (0.0005, True, 'sgd', '1')
    """
    value = OverridesParser.create().parse_override(f"key={text}").value()
    return value.text if isinstance(value, QuotedString) else value


def places_among(overrides: Sequence[str]) -> list[str]:
    """Those of Hydra's own overrides that say where choices lie."""
    return [override for override in overrides if override.startswith("hydra.searchpath=")]


def overrides_of(base: Sequence[str], named: Sequence[str]) -> list[str]:
    """What is composed for a run that a study names by the overrides ``named``, besides those of ``base``.

    The study of ``base`` is left out; the run is that of a classifier unless ``named`` chooses otherwise.

    >>> overrides_of(["study=curve", "study.seed=1", "epochs=3"], ["seed=1"])
    ['study=classifier', 'epochs=3', 'seed=1']
    """
    kept = [o for o in base if not _is_of_the_study(o)]
    chosen = any(o.partition("=")[0] in ("study", "experiment") for o in named)
    return merge_overrides([*([] if chosen else ["study=classifier"]), *kept], named)


def merge_overrides(base: Sequence[str], later: Sequence[str]) -> list[str]:
    """Overrides of ``base``, those that ``later`` names again replaced by its own.

    Where ``later`` makes another choice of a group, what ``base`` sets within that group goes with the old choice;
    with another experiment go the landscapes, which it may not have.

    >>> merge_overrides(["seed=0", "data.batch_size=16"], ["data.batch_size=128", "+x=1"])
    ['seed=0', 'data.batch_size=128', '+x=1']
    >>> merge_overrides(["scheduler=cyclic_cosine", "scheduler.cycles=5"], ["scheduler=step"])
    ['scheduler=step']
    >>> merge_overrides(["experiment=fge/digits", "landscape=ensemble", "seed=1"], ["experiment=depth/digits"])
    ['experiment=depth/digits', 'seed=1']
    """
    anew = [_key(o) for o in later if o not in base]
    gone = tuple(f"{group}." for group in anew) + (("landscape",) if "experiment" in anew else ())
    kept = [o for o in base if not _key(o).startswith(gone)]
    by_key = {_key(override): override for override in kept}
    by_key.update({_key(override): override for override in later})
    return list(by_key.values())


def _is_of_the_study(override: str) -> bool:
    return _key(override).partition(".")[0] == "study"


def _key(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~").replace("/", ".")
