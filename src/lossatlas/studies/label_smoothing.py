"""Label smoothing that leaves the true class its share, where torch's gives it a part of what it takes."""

from torch import nn


class OtherClassSmoothing(nn.CrossEntropyLoss):
    """Cross-entropy with 1 - ε of the target for the true class and ε / (C - 1) for each of the others.

    `torch.nn.CrossEntropyLoss` spreads ε over all C classes (Szegedy et al. 2016, arXiv:1512.00567, section 7), so that
    the true one has 1 - ε + ε / C. Both are the same family: this is torch's with ε C / (C - 1) for its ε.

    Parameters
    ----------
    classes : int
        Number of classes C, at least 2.
    label_smoothing : float
        Share ε of the target that the other classes have together, from 0 to (C - 1) / C, where all have the same.

    Raises
    ------
    ValueError
        For values out of these ranges.

    References
    ----------
    Goodfellow et al. 2016, "Deep Learning", section 7.5.1.

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.tensor([[4.0, 2.0, -2.0, -2.0, -3.0]]), torch.tensor([1])
    >>> torch.round(OtherClassSmoothing(classes=5, label_smoothing=0.1)(logits, target), decimals=3)
    tensor(2.4070)
    >>> targets = torch.tensor([[0.025, 0.9, 0.025, 0.025, 0.025]])
    >>> torch.round(nn.CrossEntropyLoss()(logits, targets), decimals=3)  # the same by its definition
    tensor(2.4070)
    """

    def __init__(self, classes: int, label_smoothing: float) -> None:
        if classes < 2:
            raise ValueError(f"classes must be >= 2, got {classes}")
        most = (classes - 1) / classes
        if not 0 <= label_smoothing <= most:
            raise ValueError(f"label_smoothing must be from 0 to {most:g}, got {label_smoothing}")
        super().__init__(label_smoothing=min(label_smoothing / most, 1.0))
