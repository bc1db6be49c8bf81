import pytest
import torch

from lossatlas.data import Split


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (
            torch.zeros(5, 8, 8),
            torch.zeros(5, dtype=torch.int64),
            r"inputs must be \(N, C, H, W\).*got \(5, 8, 8\)",
        ),
        (
            torch.zeros(5, 1, 8, 8).double(),
            torch.zeros(5, dtype=torch.int64),
            r"uint8 or float32, got .*float64",
        ),
        (
            torch.zeros(5, 1, 8, 8),
            torch.zeros(4, dtype=torch.int64),
            r"targets must be \(5,\) int64.*got \(4,\)",
        ),
        (torch.zeros(5, 1, 8, 8), torch.zeros(5), r"targets must be \(5,\) int64.*got \(5,\) torch.float32"),
    ],
)
def test_tensors_that_do_not_fit_together_are_refused(
    inputs: torch.Tensor, targets: torch.Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Split(inputs, targets)
