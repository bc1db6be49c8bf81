"""Overrides: KEY=VALUE as a user, a sweep or a study types it, read by one rule wherever it is read."""

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.types import Override

from lossatlas.runs.composition.custom_model import expand_own_model
from lossatlas.runs.composition.parsing import parsed, typed_value
from lossatlas.runs.composition.shorthand import expand_logger

DEFAULT_SCALE = "digits"
"""Scale of an experiment where none is typed."""

_FORMER_VALUES = re.compile(r"^([+~]*)experiment\.levels(?=\.)")


def tell_former_names(overrides: Sequence[str]) -> None:
    """Say once that ``experiment.levels``, as it was called at first, is read as ``experiment.values``."""
    if any(map(_FORMER_VALUES.match, overrides)):
        print(
            "experiment.levels is called experiment.values now; it is read as that for a release",
            file=sys.stderr,
        )


def key_of(override: str) -> str:
    """Key of ``KEY=VALUE``: "/" reads as ".", and the signs before it, which add or delete, are dropped.

    >>> key_of("study/push=away"), key_of("+study.push.scale=2"), key_of("~landscape.line")
    ('study.push', 'study.push.scale', 'landscape.line')
    """
    return override.partition("=")[0].lstrip("+~").replace("/", ".")


class Overrides(tuple[str, ...]):
    """Overrides as they were typed, in their order; what is asked of them goes by `key_of`.

    >>> typed = Overrides(["study=curve", "+study.seed=1", "epochs=3"])
    >>> typed.section("study"), typed.value("epochs")
    (('study=curve', '+study.seed=1'), 3)
    """

    __slots__ = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Key of each."""
        return tuple(key_of(override) for override in self)

    @property
    def parsed(self) -> tuple[Override, ...]:
        """Each as Hydra reads it. `OverrideParseException`, one of Hydra's, for one that it cannot read."""
        return tuple(parsed(override) for override in self)

    def items(self) -> Iterator[tuple[str, str]]:
        """Key of each, and what is typed for it; nothing is typed for what is deleted."""
        for override in self:
            yield key_of(override), override.partition("=")[2]

    def value(self, key: str, default: Any = None) -> Any:
        """What Hydra takes the last value of ``key`` for; ``default`` if there is none. A sweep is not one value.

        >>> Overrides(["seed=1", "seed=2"]).value("seed"), Overrides(["~seed"]).value("seed", 7)
        (2, 7)
        """
        given = [o for o in self if key_of(o) == key_of(key)]
        return (
            typed_value(given[-1].partition("=")[2]) if given and not given[-1].startswith("~") else default
        )

    def section(self, name: str) -> "Overrides":
        """Those of ``name``, a group or a key, and of what lies within it."""
        return Overrides(o for o in self if _is_within(o, name))

    def without(self, *names: str) -> "Overrides":
        """Those of no such `section`."""
        return Overrides(o for o in self if not any(_is_within(o, name) for name in names))

    def places(self) -> "Overrides":
        """Those of Hydra's own that say where choices lie."""
        return self.section("hydra.searchpath")

    def fixed(self) -> "Overrides":
        """Those that do not sweep, which the jobs of a sweep share."""
        pairs = zip(self, self.parsed, strict=True)
        return Overrides(text for text, override in pairs if not override.is_sweep_override())

    def expanded(self) -> "Overrides":
        """Write out what is short; what is written out already stays as it is.

        ``experiment=NAME`` becomes the file that the scale selects, ``experiment=NAME/SCALE``: Hydra allows no other
        choices to be overridden from a file that is itself chosen by interpolation. For a model of one's own see
        `expand_own_model`, for keys of the one logger that is chosen `expand_logger`. ``experiment.levels``, as it was
        called at first, is read as ``experiment.values``.

        >>> Overrides(["experiment=sharpness", "scale=paper", "logger.offline=true"]).expanded()
        ('experiment=sharpness/paper', 'logger.wandb.offline=true')
        >>> Overrides(["experiment=depth/digits", "experiment.levels.contour=2"]).expanded()
        ('experiment=depth/digits', 'experiment.values.contour=2')
        """
        renamed = Overrides(_FORMER_VALUES.sub(r"\1experiment.values", override) for override in self)
        written = renamed._with_the_experiments_file()
        if "model._target_" in written.keys:
            written = Overrides(expand_own_model(written.parsed))
        return Overrides(expand_logger(written))

    def _with_the_experiments_file(self) -> "Overrides":
        short = [o for o in self.section("experiment") if _names_an_experiment(o)]
        if not short:
            return self
        scale = dict(self.items()).get("scale", DEFAULT_SCALE)
        kept = [o for o in self if key_of(o) != "scale"]
        return Overrides(f"{o}/{scale}" if o in short else o for o in kept)

    def merged(self, later: Sequence[str]) -> "Overrides":
        """These, with those that ``later`` names again replaced by its own.

        Where ``later`` makes another choice of a group, what is set here within that group goes with the old choice;
        with another experiment go the landscapes, which it may not have.

        >>> Overrides(["seed=0", "data.batch_size=16"]).merged(["data.batch_size=128", "+x=1"])
        ('seed=0', 'data.batch_size=128', '+x=1')
        >>> Overrides(["scheduler=cyclic_cosine", "scheduler.cycles=5"]).merged(["scheduler=step"])
        ('scheduler=step',)
        >>> Overrides(["experiment=fge/digits", "landscape=ensemble"]).merged(["experiment=depth/digits"])
        ('experiment=depth/digits',)
        """
        anew = [key_of(o) for o in later if o not in self]
        gone = (*(f"{group}." for group in anew), *(["landscape"] if "experiment" in anew else []))
        kept = [o for o in self if not key_of(o).startswith(gone)]
        by_key = {key_of(o): o for o in kept} | {key_of(o): o for o in later}
        return Overrides(by_key.values())

    def of_named_run(self, named: Sequence[str]) -> "Overrides":
        """What is composed for a run that a study of these names by the overrides ``named``.

        The study itself is left out; the run is that of a classifier unless ``named`` chooses otherwise.

        >>> Overrides(["study=curve", "study.seed=1", "epochs=3"]).of_named_run(["seed=1"])
        ('study=classifier', 'epochs=3', 'seed=1')
        """
        chosen = {"study", "experiment"} & set(Overrides(named).keys)
        classifier = () if chosen else ("study=classifier",)
        return Overrides((*classifier, *self.without("study"))).merged(named)


def _is_within(override: str, name: str) -> bool:
    key, of_section = key_of(override), key_of(name)
    return key == of_section or key.startswith(f"{of_section}.")


def _names_an_experiment(override: str) -> bool:
    """Whether it is ``experiment=NAME``, without a file of its folder."""
    key, _, name = override.partition("=")
    return key == "experiment" and "/" not in name and name != "null"
