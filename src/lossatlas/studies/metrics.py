"""Classification metrics that torchmetrics lacks, or has in another form. All take logits (B, C)."""

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError
from torchmetrics.utilities import dim_zero_cat

from lossatlas.landscape.ensembles.scores import expected_calibration_error


class ErrorRate(MulticlassAccuracy):
    """Share of samples whose largest logit is not the target's, in [0, 1].

    Called with logits (B, C) and targets (B,).

    Parameters
    ----------
    num_classes : int
        C.

    Examples
    --------
    >>> metric = ErrorRate(num_classes=2)
    >>> metric(torch.tensor([[2.0, 1.0], [2.0, 1.0]]), torch.tensor([0, 1]))
    tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = False

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, average="micro", validate_args=False)

    def compute(self) -> Tensor:
        """Return the share of wrong samples in float64: 1 - accuracy would keep the rounding of that."""
        assert isinstance(self.tp, Tensor)
        assert isinstance(self.fp, Tensor)
        return self.fp.double() / (self.tp + self.fp)


class NegativeLogLikelihood(Metric):
    """Mean of ``-log softmax(logits)[target]`` in nats, over all samples seen, summed in float64.

    Called with logits (B, C) and targets (B,).

    Examples
    --------
    >>> metric = NegativeLogLikelihood()
    >>> metric(torch.zeros(3, 4), torch.tensor([0, 1, 2]))  # uniform over four classes: log 4
    tensor(1.3863, dtype=torch.float64)
    """

    higher_is_better = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch of logits (B, C) with its targets (B,)."""
        self.total = self.total + nn.functional.cross_entropy(logits.double(), targets, reduction="sum")
        self.count = self.count + len(targets)

    def compute(self) -> Tensor:
        """Return the mean over the samples seen."""
        return self.total / self.count


class CalibrationError(MulticlassCalibrationError):
    """Expected calibration error with equal-width bins, in [0, 1]: Guo et al. 2017 (arXiv:1706.04599, eq. 5).

    Called with logits (B, C) and targets (B,).

    Parameters
    ----------
    num_classes : int
        C.
    bins : int, default 15
        How many of confidence, in [0, 1].

    Examples
    --------
    >>> metric = CalibrationError(num_classes=2)
    >>> logits = torch.tensor([[0.0, 1e3], [0.0, 1e3]])  # certain of class 1, right half the time
    >>> metric(logits, torch.tensor([0, 1]))
    tensor(0.5000, dtype=torch.float64)
    """

    def __init__(self, num_classes: int, bins: int = 15) -> None:
        super().__init__(num_classes=num_classes, n_bins=bins, norm="l1", validate_args=False)

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch of logits (B, C) with its targets (B,)."""
        super().update(logits.softmax(-1), targets)

    def compute(self) -> Tensor:
        """Return that of the samples seen, in float64; a confidence of 1 lies in the last bin, not beyond it."""
        confidences, right = dim_zero_cat(self.confidences), dim_zero_cat(self.accuracies)
        return expected_calibration_error(confidences, right, self.n_bins)
