"""Choice of parameters: those by which second derivatives are taken."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from torch import Tensor

from lossatlas.choices import chosen, nearest
from lossatlas.landscape.directions.conventions import convention_named
from lossatlas.weight_space import Weights

Parameters = str | Sequence[str] | None
""""all", "matrices" (tensors of two or more dimensions), names or patterns of names, or None: the convention's."""


def parameters_chosen(weights: Mapping[str, Tensor], parameters: Parameters, convention: str) -> Weights:
    """Those of ``weights`` by which second derivatives are taken, in their order.

    Parameters
    ----------
    weights : mapping
        A network's parameters by name.
    parameters : {"all", "matrices"}, sequence of str or None
        "matrices": those of two or more dimensions, which leaves out biases and the parameters of normalisation; or
        names, which may hold the wildcards of `fnmatch`, such as "features.*"; None: what ``convention`` says.
    convention : {"lossatlas", "li2018"}
        This library's is "all", that of Li et al.'s code "matrices".

    Returns
    -------
    dict
        Tensors by name.

    Raises
    ------
    ValueError
        For an unknown word or convention, a name that fits no parameter, and where nothing is left.

    Examples
    --------
    >>> from torch import nn
    >>> weights = dict(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).named_parameters())
    >>> [list(parameters_chosen(weights, None, convention)) for convention in ("lossatlas", "li2018")]
    [['0.weight', '0.bias', '1.weight', '1.bias'], ['0.weight']]
    >>> list(parameters_chosen(weights, ["1.*", "0.bias"], "lossatlas"))
    ['0.bias', '1.weight', '1.bias']
    """
    own = convention_named(convention).curvature  # named wrongly, it is told whatever else is given
    if parameters is None or isinstance(parameters, str):
        least = chosen("parameters", own if parameters is None else parameters, _DIMENSIONS)
        kept = {name: tensor for name, tensor in weights.items() if tensor.ndim >= least}
        if not kept:
            raise ValueError(
                "parameters: the network has none of two or more dimensions, expected all or names"
            )
        return kept
    names = set().union(*(_fitting(str(pattern), weights) for pattern in parameters))
    if not names:
        raise ValueError("parameters: expected all, matrices or names of parameters, got an empty list")
    return {name: tensor for name, tensor in weights.items() if name in names}


def parameters_described(parameters: Parameters, convention: str) -> str:
    """The choice in one word, or its names, for a dataset's attributes.

    >>> parameters_described(None, "li2018"), parameters_described(["0.*", "1.weight"], "lossatlas")
    ('matrices', '0.*, 1.weight')
    """
    if parameters is None:
        return convention_named(convention).curvature
    return parameters if isinstance(parameters, str) else ", ".join(map(str, parameters))


_DIMENSIONS = {"all": 0, "matrices": 2}  # the least that a tensor has


def _fitting(pattern: str, names: Iterable[str]) -> list[str]:
    fitting = [name for name in names if fnmatchcase(name, pattern)]
    if not fitting:
        raise ValueError(
            f"parameters: {pattern!r} fits no parameter of the network, {nearest(pattern, names)}"
        )
    return fitting
