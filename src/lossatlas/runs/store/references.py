"""What a landscape's settings name that lies elsewhere: other runs, the run's snapshots, files of weights.

``{run: [overrides]}`` is the run that the overrides turn this one into, ``{run: fingerprint}`` one of the store,
``{snapshots: all}`` or ``{snapshots: [0, 10]}`` are the weights kept after these epochs and the final ones,
``{members: all}`` or ``{members: [0, 2]}`` the members that the run keeps, ``{members_of: ...}`` those of another run,
``{curve: ...}`` the curve that another has trained (``{curve: []}``: this one), ``{weights: path}`` is a file, and
``{augment: seed}`` are the training images, each augmented once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Replacements = Mapping[str, Callable[[Any], Any]]
"""From the key of a node, such as "run", to what turns its value into what takes the node's place."""


def replaced(node: Any, replacements: Replacements) -> Any:
    """Copy of ``node`` with each mapping in it of one key that ``replacements`` has replaced by what that gives.

    >>> replaced({"others": [{"run": "a"}, {"run": "b"}], "points": 3}, {"run": str.upper})
    {'others': ['A', 'B'], 'points': 3}
    """
    if isinstance(node, Mapping):
        if len(node) == 1 and (key := next(iter(node))) in replacements:
            return replacements[key](node[key])
        return {key: replaced(value, replacements) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [replaced(value, replacements) for value in node]
    return node


def arguments(node: Mapping[str, Any], replacements: Replacements) -> tuple[dict[str, Any], dict[str, Any]]:
    """``node`` after `replaced`, in two parts: what is to be made of a configuration, and values as they are.

    Tensors go past Hydra, which would make configurations of them, save inside a node that it is to make.
    """
    configured: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for key, value in node.items():
        new = replaced(value, replacements)
        (configured if value == new or _has_target(new) else given)[key] = new
    return configured, given


def check_snapshots(wanted: Any, kept: Sequence[int]) -> list[int]:
    """Epochs that ``{snapshots: wanted}`` means where those in ``kept`` have snapshots.

    ValueError, which says what to type, if there are none, or one is missing.

    >>> check_snapshots("all", [0, 10, 30])
    [0, 10, 30]
    """
    if not kept:
        raise ValueError("the run keeps no snapshots: train it with study.snapshot_epochs=[0,1,2], say")
    if wanted == "all":
        return sorted(kept)
    if not isinstance(wanted, list | tuple) or not wanted or not all(type(e) is int for e in wanted):
        raise ValueError(f"snapshots: expected all, or a list of epochs, got {wanted!r}")
    for epoch in wanted:
        if epoch not in kept:
            epochs = ", ".join(map(str, sorted(kept)))
            raise ValueError(f"there is no snapshot of epoch {epoch}; study.snapshot_epochs has {epochs}")
    return sorted(wanted)


def check_members(wanted: Any, kept: Sequence[int]) -> list[int]:
    """Numbers that ``{members: wanted}`` means where the members in ``kept`` are kept.

    ValueError, which says what to type, if there are none, or one is missing.

    >>> check_members([2, 0], [0, 1, 2])
    [2, 0]
    """
    if not kept:
        raise ValueError("the run keeps no members: study=snapshot keeps one at the end of each cycle, say")
    if wanted == "all":
        return sorted(kept)
    if not isinstance(wanted, list | tuple) or not wanted or not all(type(n) is int for n in wanted):
        raise ValueError(f"members: expected all, or a list of numbers, got {wanted!r}")
    for number in wanted:
        if number not in kept:
            raise ValueError(f"there is no member {number}; the run has {len(kept)}, numbered from 0")
    return list(wanted)


def _has_target(node: Any) -> bool:
    if isinstance(node, Mapping):
        return "_target_" in node or any(map(_has_target, node.values()))
    return isinstance(node, list | tuple) and any(map(_has_target, node))
