"""Filters of runs: KEY=VALUE of what is listed of them, their configuration or a group's choice, and comparisons."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from lossatlas.choices import nearest
from lossatlas.runs.composition.choices import Group, groups
from lossatlas.runs.composition.overrides import DEFAULT_SCALE, Overrides
from lossatlas.runs.composition.parsing import parsed, texts
from lossatlas.runs.store.fingerprint import no_result_changes
from lossatlas.runs.store.index import Listed, Record, Settings, comparable
from lossatlas.runs.store.manifest import age_seconds

STATUSES = ("running", "interrupted", "failed", "finished", "damaged", "refused")

_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_PARTS = re.compile(r"([^<>=!]+)(<=|>=|!=|<|>|=)(.*)", re.DOTALL)
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "%": 0.01, "": 1.0}
_NUMBER = re.compile(r"(.+?)\s*(s|min|h|d|%|)")


def filter_of(text: str) -> "Filter | Comparison":
    """The filter that is typed as ``text``: KEY=VALUE, KEY!=VALUE, or KEY<NUMBER, or <=, >, >=; else ValueError."""
    found = _PARTS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text}: a filter is written KEY=VALUE, KEY!=VALUE, KEY<NUMBER or KEY>NUMBER")
    key, sign, value = found.groups()
    return (
        Comparison(text, key.strip(), sign, value)
        if sign in _SIGNS
        else Filter(key, value, wanted=sign == "=")
    )


class Comparison:
    """A comparison of a number: of a metric of the trained network, of a value of the configuration, or its age.

    ``test_error<2%``, ``optimizer.lr>=0.01``, ``age>7d``. A run that does not have the number does not pass. ValueError
    if what it is compared with is no number.
    """

    def __init__(self, text: str, key: str, sign: str, value: str) -> None:
        self.key = key.replace("/", ".")
        self._compare = _SIGNS[sign]
        self._than = _number(value.strip())
        if self._than is None:
            raise ValueError(f"{text}: expected a number, such as {key}{sign}0.02, got {value!r}")

    def passes(self, entry: Listed) -> bool:
        """Whether a run is one that is wanted."""
        assert self._than is not None
        return any(self._compare(value, self._than) for value in self._values(entry) if value is not None)

    def _values(self, entry: Listed) -> list[float | None]:
        record = entry.record
        if record is None:
            return []
        if self.key == "age":
            return [age_seconds(record.created)]
        if self.key in record.metrics:
            return [record.metrics[self.key]]
        return [_number(record.settings[key]) for key in meant(self.key, record.settings)]

    def check(self, entries: Sequence[Listed]) -> None:
        """Raise ValueError, with the nearest, for a key that no run has, and one whose values are no numbers."""
        records = [entry.record for entry in entries if entry.record]
        known = {key for record in records for key in (*record.metrics, *record.settings)}
        if not known or self.key == "age":
            return
        if self.key not in known and not meant(self.key, dict.fromkeys(known, "")):
            raise _no_such_key(self.key, [*known, "age"])
        if all(value is None for entry in entries for value in self._values(entry)):
            raise ValueError(f"{self.key}: its values are no numbers to compare")


def _number(text: str) -> float | None:
    """The number that a text is, with its unit if it has one; None if it is none.

    >>> _number("2%"), _number("3 h"), _number("1e-3"), _number("sgd"), _number("nan")
    (0.02, 10800.0, 0.001, None, None)
    """
    found = _NUMBER.fullmatch(text)
    try:
        number = float(found[1]) if found else math.nan
    except ValueError:
        return None
    return None if found is None or math.isnan(number) else number * _UNITS[found[2]]


class Filter:
    """An equality. A run passes if it has one of the values, as Hydra lists them: ``seed=0,1``.

    With ``!=`` it passes if it has none of them.
    """

    def __init__(self, key: str, value: str, *, wanted: bool = True) -> None:
        ((self.key, value),) = Overrides([f"{key}={value}"]).items()
        self.wanted = texts(parsed(f"key={value}")) if "," in value else [value]
        self._is_wanted = wanted

    @cached_property
    def group(self) -> Group | None:
        """The group of which choices are wanted; None for another key."""
        if self.key in ("experiment", "scale") or no_result_changes(self.key) is not None:
            return None
        return Group(self.key) if self.key in groups() else None

    def passes(self, entry: Listed) -> bool:
        """Whether a run is one that is wanted."""
        return self._is_wanted is any(self._has(entry, value) for value in self.wanted)

    def _has(self, entry: Listed, wanted: str) -> bool:
        record = entry.record
        if self.key == "status":
            return entry.status == wanted
        if record is None:
            return False
        if self.key in ("experiment", "scale"):
            return wanted == (record.experiment if self.key == "experiment" else scale_of(record))
        if self.group is not None and self.group.is_choice(wanted, record.settings, record.overrides):
            return True
        values = [record.settings[key] for key in meant(self.key, record.settings)]
        if self.key in record.metrics:
            values.append(str(record.metrics[self.key]))
        return any(comparable(value) == comparable(wanted) for value in values)

    def check(self, entries: Sequence[Listed]) -> None:
        """Raise ValueError, with the nearest, for a key that no run has, and a choice or a status that there is not."""
        records = [entry.record for entry in entries if entry.record]
        if self.key == "status":
            self._check_values(STATUSES, "status")
        elif self.key not in ("experiment", "scale"):
            self._check_key({key for record in records for key in (*record.metrics, *record.settings)})
            if self.group is not None:
                self._check_choices(self.group, records)

    def _check_key(self, keys: set[str]) -> None:
        if (why := no_result_changes(self.key)) is not None:
            raise ValueError(f"{self.key}: runs are not told apart by it ({why})")
        if keys and self.group is None and not meant(self.key, dict.fromkeys(keys, "")):
            raise _no_such_key(self.key, keys)

    def _check_choices(self, group: Group, records: Iterable[Record]) -> None:
        records = list(records)
        made = {record.settings.get(self.key, "") for record in records}
        typed = {dict(Overrides(record.overrides).items()).get(self.key, "") for record in records}
        self._check_values((*group.options, *typed, *made), "choice", hints=(*group.options, *typed))
        for wanted in set(self.wanted) & group.options.keys():
            if (why := group.why_not_told(wanted)) is not None:
                raise ValueError(f"{self.key}={wanted}: runs are not told apart by it ({why})")

    def _check_values(self, known: Sequence[str], what: str, hints: Sequence[str] | None = None) -> None:
        for wanted in self.wanted:
            if wanted not in known:
                close = nearest(wanted, filter(None, known if hints is None else hints))
                raise ValueError(f"{self.key}={wanted}: no such {what}; {close}")


def selected(entries: Sequence[Listed], filters: Sequence[str]) -> list[Listed]:
    """Those of ``entries`` that pass all ``filters``. ValueError for a filter that none could pass."""
    wanted = [filter_of(text) for text in filters]
    for one in wanted:
        one.check(entries)
    return [entry for entry in entries if all(one.passes(entry) for one in wanted)]


def meant(key: str, settings: Settings) -> list[str]:
    """Keys that are meant by one that is typed: itself, or, where it is the last part of others, those.

    >>> meant("lr", {"optimizer.lr": "0.1", "seed": "1"}), meant("seed", {"seed": "1"}), meant("a.lr", {"b.lr": "0"})
    (['optimizer.lr'], ['seed'], [])
    """
    if key in settings or "." in key:
        return [key] if key in settings else []
    return [known for known in settings if known.endswith(f".{key}")]


def _no_such_key(key: str, known: Iterable[str]) -> ValueError:
    names = set(known)
    names |= {*(name.rpartition(".")[2] for name in names), *groups(), "status", "experiment"}
    hint = nearest(key, names)  # of which there are too many to list
    close = f"; {hint}" if "did you mean" in hint else ""
    return ValueError(f"{key}: no run that is there has such a key{close}")


def scale_of(record: Record) -> str:
    """Scale that a run was asked for at; that which is taken where none is typed, if none is recorded."""
    typed = dict(Overrides(record.overrides).items()).get("scale", "")
    return typed or record.scale or DEFAULT_SCALE
