"""What a survey says of itself, beside its function: how its cost is told, and the version of its numbers."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import xarray as xr

Survey = Callable[..., xr.Dataset]
"""From a problem, the survey's settings, a journal and a progress callback to what was measured.

With its settings filled in it is for example ``partial(surface, points=21)``.
"""

Products = float | Callable[..., float]
"""Products of a matrix and a vector at a point; where they depend on them, a function of the survey's settings."""

Version = int | Callable[..., int]
"""Version of a survey's numbers; where only some of its settings gave others, a function of these."""

_Survey = TypeVar("_Survey", bound=Survey)


@dataclass(frozen=True)
class Declaration:
    """What `survey` was told."""

    products: Products | None
    version: Version


def survey(*, products: Products | None, version: Version = 1) -> Callable[[_Survey], _Survey]:
    """Declare the decorated function, which stays as it is, to be a survey.

    Parameters
    ----------
    products : float, callable or None
        How many products of a matrix of second derivatives and a vector a point takes, where it takes any; an
        estimate of cost cannot count them, since a network that is not trained does not tell how many a trained one
        takes. A number, or a function of those of the survey's settings that it names, with ``**_`` for the others.
        None: the operations at a point are those that the first point of any network takes, which the estimate
        counts; should it meet products there, it refuses to guess.
    version : int or callable, default 1
        Raised when the numbers of this survey change, so that datasets of the older code are no longer found. Where
        they change for some settings alone, a function of these, as ``products`` may be one.

    Returns
    -------
    callable
        Decorator that leaves the function as it is.

    Examples
    --------
    >>> @survey(products=lambda steps, **_: 2 * steps)
    ... def mine(problem, *, steps=5, journal=None, progress=None):
    ...     return xr.Dataset()
    >>> version_of(mine, {}), products_at_a_point(mine, {}), products_at_a_point(mine, {"steps": 7})
    (1, 10.0, 14.0)
    """

    def declare(function: _Survey) -> _Survey:
        setattr(function, _ATTRIBUTE, Declaration(products, version))
        return function

    return declare


_ATTRIBUTE = "__survey__"


def declaration(function: Any) -> Declaration | None:
    """What a survey says of itself; None of anything else.

    >>> declaration(print) is None
    True
    """
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Declaration) else None


def products_at_a_point(function: Any, settings: Mapping[str, Any]) -> float | None:
    """Products of a matrix and a vector at a point of the survey with these ``settings``, else its defaults.

    None if it states none, or is no survey.
    """
    declared = declaration(function)
    if declared is None or declared.products is None:
        return None
    return float(_of_settings(declared.products, function, settings))


def version_of(function: Any, settings: Mapping[str, Any]) -> int:
    """Version of the numbers of the survey with these ``settings``, else its defaults; 1 of anything else.

    >>> @survey(products=None, version=lambda fast, **_: 2 if fast else 1)
    ... def mine(problem, *, fast=False, journal=None, progress=None):
    ...     return xr.Dataset()
    >>> version_of(mine, {}), version_of(mine, {"fast": True}), version_of(print, {})
    (1, 2, 1)
    """
    declared = declaration(function)
    return 1 if declared is None else _of_settings(declared.version, function, settings)


def _of_settings(declared: Any, function: Any, settings: Mapping[str, Any]) -> Any:
    """What is declared; where it is a function, its value at the settings, else the survey's defaults."""
    if not callable(declared):
        return declared
    options = inspect.signature(function).parameters.values()
    defaults = {option.name: option.default for option in options if option.default is not option.empty}
    return declared(**{**defaults, **settings})
