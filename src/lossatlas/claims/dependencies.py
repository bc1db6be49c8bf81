"""Which landscapes a claim of an experiment's config rests on."""

import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any


def landscapes_of(claim: Any) -> set[str]:
    """Names of all landscapes that a claim's node reads, in whatever depth of measures made of measures.

    Those that it names, and those that a measure takes by default. ValueError for a ``_target_`` that is not there.

    >>> surface = {"_target_": "lossatlas.claims.measures.value_range"}  # its landscape is "surface" by default
    >>> ratio = {"_target_": "lossatlas.claims.measures.mean_over_plane", "landscape": "convexity"}
    >>> claim = {"measure": {"_target_": "lossatlas.claims.measures.log10", "of": surface}, "other": ratio}
    >>> sorted(landscapes_of(claim))
    ['convexity', 'surface']
    """
    if isinstance(claim, Mapping):
        named = claim.get("landscape", _default(claim.get("_target_")))
        found = {named} if isinstance(named, str) else set()
        return found.union(*(landscapes_of(part) for part in claim.values()))
    if isinstance(claim, Sequence) and not isinstance(claim, str):
        return set().union(*(landscapes_of(part) for part in claim))
    return set()


def _default(target: str | None) -> Any:
    """What the function or class named ``target`` takes for ``landscape`` if it is given nothing."""
    if target is None:
        return None
    try:
        parameters = inspect.signature(pkgutil.resolve_name(target)).parameters
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"_target_: {target}: expected a class or function that is there; {error}"
        ) from error
    return parameters["landscape"].default if "landscape" in parameters else None
