"""Dropping in training: inputs, units, whole maps, the branches of residual blocks. Rates are those of what is dropped.

Where a rate is 0 there is no layer that draws, so that a network's other draws are what they are without it.
"""

from collections.abc import Iterable

from torch import nn
from torchvision.ops import StochasticDepth  # type: ignore[import-untyped]

_WEIGHTED = (nn.Linear, nn.Conv2d)


def dropped(rate: float, *, maps: bool = False) -> nn.Module:
    """Dropout of single values (Srivastava et al. 2014), or of whole ``maps`` (Tompson et al. 2015, arXiv:1411.4280).

    >>> dropped(0.5), dropped(0.2, maps=True), dropped(0.0)
    (Dropout(p=0.5, inplace=False), Dropout2d(p=0.2, inplace=False), Identity())
    """
    if not rate:
        return nn.Identity()
    return nn.Dropout2d(rate) if maps else nn.Dropout(rate)


def with_dropout(
    layers: Iterable[nn.Module], rate: float, *, first: float = 0.0, maps: bool = False
) -> nn.Sequential:
    """``layers`` one after another, with `dropped` before each that has weights; the first has a rate of its own.

    The layers have the names that they have without, so that their weights do.

    >>> list(with_dropout([nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)], 0.5).state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """
    whole, at = nn.Sequential(), first
    for number, layer in enumerate(layers):
        if isinstance(layer, _WEIGHTED):
            if at:
                whole.add_module(f"{number}_dropout", dropped(at, maps=maps))
            at = rate
        whole.add_module(str(number), layer)
    return whole


def branch_depths(rate: float, blocks: int, *, skip: bool) -> list[nn.Module]:
    """Stochastic depth (Huang et al. 2016, arXiv:1603.09382) for each of so many residual blocks.

    The branch of the l-th of L blocks is dropped at the rate l / L times ``rate``, for a whole batch at once; what is
    not dropped is divided by the probability of that, where the paper multiplies in evaluation instead. ValueError if
    there are no shortcuts to be left with.

    >>> [getattr(layer, "p", 0.0) for layer in branch_depths(0.4, 2, skip=True)]
    [0.2, 0.4]
    """
    if rate and not skip:
        raise ValueError(
            f"stochastic_depth={rate} drops residual branches, and with skip=False nothing is left then: expected 0"
        )
    rates = [rate * number / blocks for number in range(1, blocks + 1)]
    return [StochasticDepth(each, mode="batch") if each else nn.Identity() for each in rates]
