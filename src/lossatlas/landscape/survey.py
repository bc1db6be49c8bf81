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
"""Version of a survey's numbers; where only some settings changed, a function of the survey's settings."""

_Survey = TypeVar("_Survey", bound=Survey)


@dataclass(frozen=True)
class Declaration:
    """What `survey` was told."""

    products: Products | None
    version: Version
    added: Mapping[str, Any]
    any_network: bool


def survey(
    *,
    products: Products | None,
    version: Version = 1,
    added: Mapping[str, Any] | None = None,
    any_network: bool = False,
) -> Callable[[_Survey], _Survey]:
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
        they change for some settings alone, a function of those settings, as ``products``.
    added : mapping, optional
        Options that the survey did not always have, each with the value at which its numbers are those from before.
        At that value they are no part of a dataset's name, so that older datasets are still found.
    any_network : bool, default False
        Whether what it gets in place of other runs may be networks of another architecture, as modules; else these
        are refused, and it gets state dicts.

    Returns
    -------
    callable
        Decorator that leaves the function as it is.

    Examples
    --------
    >>> @survey(products=lambda steps, **_: 2 * steps)
    ... def mine(problem, *, steps=5, journal=None, progress=None):
    ...     return xr.Dataset()
    >>> version_at(mine, {}), products_at_a_point(mine, {}), products_at_a_point(mine, {"steps": 7})
    (1, 10.0, 14.0)
    """

    def declare(function: _Survey) -> _Survey:
        setattr(function, _ATTRIBUTE, Declaration(products, version, dict(added or {}), any_network))
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


def takes_any_network(function: Any) -> bool:
    """Whether a survey takes networks of another architecture than that which it surveys.

    >>> from lossatlas.landscape import ensemble, interpolation
    >>> takes_any_network(ensemble), takes_any_network(interpolation)
    (True, False)
    """
    declared = declaration(function)
    return declared is not None and declared.any_network


def products_at_a_point(function: Any, settings: Mapping[str, Any]) -> float | None:
    """Products of a matrix and a vector at a point of the survey with these ``settings``, else its defaults.

    None if it states none, or is no survey.
    """
    declared = declaration(function)
    if declared is None or declared.products is None:
        return None
    if not callable(declared.products):
        return declared.products
    return float(declared.products(**_with_defaults(function, settings)))


def version_at(function: Any, settings: Mapping[str, Any]) -> int:
    """Version of the survey's numbers with these ``settings``, else its defaults; 1 of anything else."""
    declared = declaration(function)
    if declared is None:
        return 1
    if not callable(declared.version):
        return declared.version
    return declared.version(**_with_defaults(function, settings))


def naming(function: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the ``settings`` that name a dataset: without options that were added later, at their older values.

    >>> @survey(products=None, added={"convention": "lossatlas"})
    ... def mine(problem, *, steps=5, convention="lossatlas", journal=None, progress=None):
    ...     return xr.Dataset()
    >>> naming(mine, {"steps": 5, "convention": "lossatlas"}), naming(mine, {"convention": "li2018"})
    ({'steps': 5}, {'convention': 'li2018'})
    """
    declared = declaration(function)
    added = declared.added if declared else {}
    return {key: value for key, value in settings.items() if key not in added or value != added[key]}


def _with_defaults(function: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    options = inspect.signature(function).parameters.values()
    defaults = {option.name: option.default for option in options if option.default is not option.empty}
    return {**defaults, **settings}
