"""Running variances of batch norm, which a line or a plane that moves them can carry below zero."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


def variance_names(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that are running variances.

    >>> variance_names(["1.weight", "1.running_mean", "1.running_var"])
    ['1.running_var']
    """
    return [name for name in names if name.rpartition(".")[2] == "running_var"]


def clamp_variances(weights: Mapping[str, Tensor], names: Iterable[str]) -> None:
    """Set to zero what is below zero in the running variances ``names`` of ``weights``; NaN stays."""
    if variances := [weights[name] for name in names]:
        torch._foreach_clamp_min_(variances, 0.0)
