"""References: what the settings of a study or a landscape name that lies elsewhere.

=============================  ====================================================================================
``{run: [overrides]}``         the run that the overrides turn this one into
``{run: fingerprint}``         a run of the store
``{snapshots: all}``           the weights kept after all epochs that are kept, or ``[0, 10]``, and the final ones
``{members: all}``             the members that the run keeps, or ``[0, 2]``
``{members_of: [overrides]}``  those of another run, also by its fingerprint; ``[]``: this one's
``{curve: [overrides]}``       the curve that another run has trained, likewise
``{weights: path}``            a file of weights; with ``ckpt_key: place`` beside it where it holds several networks
``{augment: seed}``            the training images, each augmented once
=============================  ====================================================================================
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossatlas.files import sha256

_A_RUN = 'overrides, as ["seed=1"], or a fingerprint in quotes'


def _is_run(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list | tuple) and all(isinstance(override, str) for override in value)
    )


def _is_all_or_whole_numbers(value: Any) -> bool:
    return value == "all" or (
        isinstance(value, list | tuple) and len(value) > 0 and all(type(number) is int for number in value)
    )


@dataclass(frozen=True)
class _Kind:
    """What is expected of a kind's value, and how that is said to who gave another."""

    fits: Callable[[Any], bool]
    expected: str
    none_kept: str = ""  # of kinds that choose among what a run keeps: what to type where it keeps nothing
    not_kept: str = ""  # with {number} and {kept}


_KINDS = {
    "run": _Kind(_is_run, _A_RUN),
    "snapshots": _Kind(
        _is_all_or_whole_numbers,
        "all, or a list of epochs",
        none_kept="the run keeps no snapshots: train it with study.snapshot_epochs=[0,1,2], say",
        not_kept="there is no snapshot of epoch {number}; study.snapshot_epochs has {kept}",
    ),
    "members": _Kind(
        _is_all_or_whole_numbers,
        "all, or a list of numbers",
        none_kept="the run keeps no members: study=snapshot keeps one at the end of each cycle, say",
        not_kept="there is no member {number}; the run has {count}, numbered from 0",
    ),
    "members_of": _Kind(_is_run, f"{_A_RUN}, or [] for this run"),
    "curve": _Kind(_is_run, f"{_A_RUN}, or [] for this run"),
    "weights": _Kind(lambda value: isinstance(value, str), "the path of a file"),
    "augment": _Kind(lambda value: type(value) is int, "a whole number, the seed of the draws"),
}

KINDS = tuple(_KINDS)

TO_RUNS = ("run", "members_of", "curve")
"""Kinds whose value names a run."""


@dataclass(frozen=True)
class Reference:
    """One of them: a mapping of one key, its ``kind``, and the ``value`` as it was written."""

    kind: str
    value: Any
    ckpt_key: Any = None  # of weights: where in the file the network lies, as "state_dict.ema"

    def check(self) -> None:
        """Raise ValueError, which says what is expected, unless the value is one that the kind takes.

        >>> Reference("members", []).check()
        Traceback (most recent call last):
        ValueError: members: expected all, or a list of numbers, got []
        """
        kind = _KINDS[self.kind]
        if not kind.fits(self.value):
            raise ValueError(f"{self.kind}: expected {kind.expected}, got {self.value!r}")
        if not isinstance(self.ckpt_key, str | None):
            raise ValueError(
                f"ckpt_key: expected a place in the file, as state_dict.ema, got {self.ckpt_key!r}"
            )

    @property
    def is_own(self) -> bool:
        """Whether it names the run that it stands in: ``{members_of: []}``, ``{curve: []}``."""
        return self.kind in ("members_of", "curve") and not self.value

    def among(self, kept: Sequence[int]) -> list[int]:
        """Epochs or numbers that ``{snapshots: ...}`` or ``{members: ...}`` means among those that are ``kept``.

        Epochs are in order; numbers are in that in which they are written. ValueError, which says what to type, if
        none is kept, or one is missing.

        >>> Reference("snapshots", "all").among([10, 0]), Reference("members", [2, 0]).among(range(3))
        ([0, 10], [2, 0])
        """
        kind = _KINDS[self.kind]
        if not kept:
            raise ValueError(kind.none_kept)
        self.check()
        if self.value == "all":
            return sorted(kept)
        for number in self.value:
            if number not in kept:
                listed = ", ".join(map(str, sorted(kept)))
                raise ValueError(kind.not_kept.format(number=number, kept=listed, count=len(kept)))
        return sorted(self.value) if self.kind == "snapshots" else list(self.value)

    def hashed(self, fingerprint_of: Callable[["Reference"], str]) -> Any:
        """What stands for it in the key of a landscape; ``fingerprint_of`` gives that of the run that it names.

        A run is its bare fingerprint and a file the SHA-256 of its bytes, with the place in it if one is written; the
        others keep their key.

        >>> named = Reference("curve", ["seed=1"]), Reference("run", ["seed=1"]), Reference("members", "all")
        >>> [reference.hashed(lambda named: "3f0c") for reference in named]
        [{'curve': '3f0c'}, '3f0c', {'members': 'all'}]
        """
        if self.kind == "weights":
            self.check()
            file = sha256(Path(self.value))
            return file if self.ckpt_key is None else {"weights": file, "ckpt_key": self.ckpt_key}
        if self.kind not in TO_RUNS:
            return {self.kind: self.value}
        self.check()
        fingerprint = fingerprint_of(self)
        return fingerprint if self.kind == "run" else {self.kind: fingerprint}


def substituted(node: Any, replace: Callable[[Reference], Any], kinds: Collection[str] = KINDS) -> Any:
    """Copy of ``node`` with what ``replace`` gives in place of each reference in it, at any depth, of these ``kinds``.

    >>> node = {"others": [{"run": "a"}, {"run": "b"}], "points": 3}
    >>> substituted(node, lambda reference: reference.value.upper())
    {'others': ['A', 'B'], 'points': 3}
    """
    if isinstance(node, Mapping):
        if (reference := _reference(node, kinds)) is not None:
            return replace(reference)
        return {key: substituted(value, replace, kinds) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [substituted(value, replace, kinds) for value in node]
    return node


def _reference(node: Mapping[str, Any], kinds: Collection[str]) -> Reference | None:
    """``node`` as a reference of one of these ``kinds``; None if it is none."""
    if "weights" in kinds and node.keys() == {"weights", "ckpt_key"}:
        return Reference("weights", node["weights"], node["ckpt_key"])
    if len(node) != 1:
        return None
    ((kind, value),) = node.items()
    return Reference(kind, value) if kind in kinds else None


def references(node: Any, kinds: Collection[str] = KINDS) -> Iterator[Reference]:
    """All references in ``node`` of these ``kinds``, in their order.

    >>> [reference.value for reference in references({"others": [{"run": "a"}, {"run": "b"}]})]
    ['a', 'b']
    """
    found: list[Reference] = []
    substituted(node, found.append, kinds)
    return iter(found)


def arguments(
    node: Mapping[str, Any], replace: Callable[[Reference], Any], kinds: Collection[str] = KINDS
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``node`` after `substituted`, in two parts: what is to be made of a configuration, and values as they are.

    Tensors go past Hydra, which would make configurations of them, save inside a node that it is to make.
    """
    configured: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for key, value in node.items():
        new = substituted(value, replace, kinds)
        (configured if value == new or _has_target(new) else given)[key] = new
    return configured, given


def _has_target(node: Any) -> bool:
    if isinstance(node, Mapping):
        return "_target_" in node or any(map(_has_target, node.values()))
    return isinstance(node, list | tuple) and any(map(_has_target, node))
