"""Evaluation settings: precision, batches, and what else a forward pass may depend on."""

from dataclasses import asdict, dataclass, replace
from typing import Any

_PRECISIONS = ("float32", "tf32", "bfloat16")
_EVALUATIONS = ("eval", "recompute")


@dataclass(frozen=True)
class Engine:
    """Evaluation settings, how the points of a survey are measured; the default is exact to float32 rounding.

    Parameters
    ----------
    precision : {"float32", "tf32", "bfloat16"}, default "float32"
        "float32": products and convolutions in the weights' own dtype; "tf32" (on a GPU) and "bfloat16" are faster,
        and their measured error stands in the dataset.
    fuse : bool, default True
        Fold batch norm into the layer before it and fuse what follows, where the network allows it, which changes
        only rounding.
    batch_size : int, optional
        Examples of a forward pass; None: a size that suits the caches.
    evaluation : {"eval", "recompute"}, default "eval"
        Batch norm with the statistics that the point has (Li et al. 2018), or with those of a pass over the split
        "train" at each point (Garipov et al. 2018).
    per_class : bool, default False
        Whether to measure loss and error of each class too.
    subsample : int, optional
        Examples of each split to measure on, the same at all points, with a standard error for each point; None: all.
    subsample_seed : int, default 0
        Seed from which they are drawn, once.

    Raises
    ------
    ValueError
        For a value that is none of these.

    Examples
    --------
    >>> Engine(precision="float16")
    Traceback (most recent call last):
    ValueError: unknown precision 'float16', expected one of float32, tf32, bfloat16
    """

    precision: str = "float32"
    fuse: bool = True
    batch_size: int | None = None
    evaluation: str = "eval"
    per_class: bool = False
    subsample: int | None = None
    subsample_seed: int = 0

    def __post_init__(self) -> None:
        for option, choices in (("precision", _PRECISIONS), ("evaluation", _EVALUATIONS)):
            if (given := getattr(self, option)) not in choices:
                raise ValueError(f"unknown {option} {given!r}, expected one of {', '.join(choices)}")
        for option in ("batch_size", "subsample"):
            given = getattr(self, option)
            if given is not None and given < 1:
                raise ValueError(f"{option} must be >= 1, got {given}")

    def for_derivatives(self) -> "Engine":
        """The same for a survey that differentiates the network: in the weights' own dtype, for the loss alone.

        ValueError if batch statistics are to be recomputed: nothing differentiates through that pass.

        >>> Engine(precision="bfloat16").for_derivatives().precision
        'float32'
        """
        if self.evaluation != "eval":
            raise ValueError(
                f"a survey by derivatives needs the engine's evaluation 'eval', got {self.evaluation!r}"
            )
        return self.exact()

    def exact(self) -> "Engine":
        """The same in the weights' own dtype, for the loss alone: for surveys that state no error of precision.

        >>> Engine(precision="bfloat16", evaluation="recompute").exact().precision
        'float32'
        """
        return replace(self, precision="float32", per_class=False)

    def attributes(self) -> dict[str, Any]:
        """What a dataset says of it: each option, None as "none" and truth values as 0 and 1 (netCDF has neither)."""
        return {
            name: "none" if value is None else int(value) if isinstance(value, bool) else value
            for name, value in asdict(self).items()
        }


EXACT = Engine()
