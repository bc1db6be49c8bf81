"""Values of an experiment's scale, which its Python is written with, and the type of its figures."""

from collections.abc import Callable
from typing import Any

from lossatlas.choices import nearest

Figures = dict[str, Callable[..., Any]]
"""Name of a file -> function ``f(datasets=..., caption=...)`` to a figure of matplotlib or plotly; it may move."""

_TRUTH = {"on": True, "yes": True, "off": False, "no": False}  # as YAML 1.1 has these words


class Values:
    """``experiment.values`` as attributes: ``v.contour``. ValueError for one that is not there.

    Parameters
    ----------
    values : dict of str to Any
        Name -> value, as the YAML has them.

    Examples
    --------
    >>> v = Values({"contour": 0.1})
    >>> v.contour
    0.1
    >>> v.contuor
    Traceback (most recent call last):
    ValueError: experiment.values has no 'contuor'; did you mean contour?
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by copy, pickle and the like
            raise AttributeError(name)
        raise ValueError(missing(name, self.__dict__))


def missing(name: str, values: dict[str, Any]) -> str:
    """Sentence that there is no ``name`` among the ``values``, and what may have been meant.

    Parameters
    ----------
    name : str
        What was asked for.
    values : dict of str to Any
        Those that there are.

    Returns
    -------
    str
        For an error's message.

    Examples
    --------
    >>> missing("off", {False: 0.1})
    "experiment.values has no 'off': YAML reads the key off as false; quote it"
    """
    if name in _TRUTH and _TRUTH[name] in [key for key in values if isinstance(key, bool)]:
        return f"experiment.values has no {name!r}: YAML reads the key {name} as {str(_TRUTH[name]).lower()}; quote it"
    hint = nearest(name, values) if values else "there are none"
    return f"experiment.values has no {name!r}; {hint}"
