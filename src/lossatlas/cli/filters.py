"""Filters of `lossatlas runs`: KEY=VALUE of what is listed of a run, its configuration, or a group's choice."""

from collections.abc import Iterable, Sequence
from functools import cached_property

from lossatlas.choices import nearest
from lossatlas.runs.composition.choices import Group, groups
from lossatlas.runs.composition.overrides import DEFAULT_SCALE, Overrides
from lossatlas.runs.composition.parsing import parsed, texts
from lossatlas.runs.store.fingerprint import no_result_changes
from lossatlas.runs.store.index import Listed, Settings, comparable

STATUSES = ("running", "interrupted", "failed", "finished", "damaged", "refused")


class Filter:
    """One of them. A run passes if it has one of the values, as Hydra lists them: ``seed=0,1``.

    ValueError for a text that is none.
    """

    def __init__(self, text: str) -> None:
        if "=" not in text:
            raise ValueError(f"{text}: a filter is written KEY=VALUE")
        ((self.key, value),) = Overrides([text]).items()
        self.wanted = texts(parsed(f"key={value}")) if "," in value else [value]

    @cached_property
    def group(self) -> Group | None:
        """The group of which choices are wanted; None for another key."""
        if self.key in ("experiment", "scale") or no_result_changes(self.key) is not None:
            return None
        return Group(self.key) if self.key in groups() else None

    def passes(self, entry: Listed) -> bool:
        """Whether a run is one that is wanted."""
        return any(self._has(entry, wanted) for wanted in self.wanted)

    def _has(self, entry: Listed, wanted: str) -> bool:
        record = entry.record
        if self.key == "status":
            return entry.status == wanted
        if record is None:
            return False
        if self.key in ("experiment", "scale"):
            return wanted == (record.experiment if self.key == "experiment" else scale_of(entry))
        if self.group is not None and self.group.is_choice(wanted, record.settings, record.overrides):
            return True
        values = [record.settings[key] for key in self._keys(record.settings)]
        return any(comparable(value) == comparable(wanted) for value in values)

    def _keys(self, settings: Settings) -> list[str]:
        """Keys that are meant: this one, or, where it is the last part of others, those."""
        if self.key in settings or "." in self.key:
            return [self.key] if self.key in settings else []
        return [key for key in settings if key.endswith(f".{self.key}")]

    def check(self, entries: Sequence[Listed]) -> None:
        """Raise ValueError, with the nearest, for a key that no run has, and a choice or a status that there is not."""
        if self.key == "status":
            self._check_values(STATUSES, "status")
        elif self.key not in ("experiment", "scale"):
            self._check_key({key for entry in entries if entry.record for key in entry.record.settings})
            if self.group is not None:
                self._check_choices(self.group, [entry for entry in entries if entry.record])

    def _check_key(self, keys: set[str]) -> None:
        if (why := no_result_changes(self.key)) is not None:
            raise ValueError(f"{self.key}: runs are not told apart by it ({why})")
        if keys and self.group is None and not self._keys(dict.fromkeys(keys, "")):
            known = {*keys, *(key.rpartition(".")[2] for key in keys), *groups(), "status", "experiment"}
            raise ValueError(f"{self.key}: no run that is there has such a key{_close(self.key, known)}")

    def _check_choices(self, group: Group, entries: Iterable[Listed]) -> None:
        made = {entry.record.settings.get(self.key, "") for entry in entries if entry.record}
        typed = {
            dict(Overrides(entry.record.overrides).items()).get(self.key, "")
            for entry in entries
            if entry.record
        }
        self._check_values((*group.options, *typed, *made), "choice", hints=(*group.options, *typed))
        for wanted in set(self.wanted) & group.options.keys():
            if (why := group.why_not_told(wanted)) is not None:
                raise ValueError(f"{self.key}={wanted}: runs are not told apart by it ({why})")

    def _check_values(self, known: Sequence[str], what: str, hints: Sequence[str] | None = None) -> None:
        for wanted in self.wanted:
            if wanted not in known:
                close = nearest(wanted, filter(None, known if hints is None else hints))
                raise ValueError(f"{self.key}={wanted}: no such {what}; {close}")


def _close(key: str, known: Iterable[str]) -> str:
    """Clause with the key most like ``key``; nothing where none is, since there are too many to list."""
    hint = nearest(key, known)
    return f"; {hint}" if "did you mean" in hint else ""


def scale_of(entry: Listed) -> str:
    """Scale that a run was asked for at; that which is taken where none is typed, if none is recorded."""
    assert entry.record is not None
    typed = dict(Overrides(entry.record.overrides).items()).get("scale", "")
    return typed or entry.record.scale or DEFAULT_SCALE
