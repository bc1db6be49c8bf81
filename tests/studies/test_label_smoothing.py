import math

import pytest
import torch
from torch import nn

from lossatlas.studies import OtherClassSmoothing


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.75])
def test_it_is_the_cross_entropy_of_the_target_written_out(smoothing: float) -> None:
    rng = torch.Generator().manual_seed(0)
    logits, targets = 3 * torch.randn(9, 4, generator=rng), torch.randint(4, (9,), generator=rng)
    shares = torch.full((9, 4), smoothing / 3).scatter(1, targets[:, None], 1 - smoothing)
    expected = nn.functional.cross_entropy(logits, shares)
    torch.testing.assert_close(OtherClassSmoothing(4, smoothing)(logits, targets), expected)


def test_beside_torchs_it_lacks_the_share_of_the_true_class() -> None:
    """By ε / C times how much farther the other classes are than the true one, in nats of their mean."""
    logits, target = (
        torch.tensor([[5.0, -1.0, 0.0, -2.0, 1.0, -3.0, 0.5, -0.5, 2.0, -1.5]]),
        torch.tensor([0]),
    )
    negative = -torch.log_softmax(logits, 1)[0]
    gap = (negative[1:].mean() - negative[0]).item()
    ours, torchs = OtherClassSmoothing(10, 0.1), nn.CrossEntropyLoss(label_smoothing=0.1)
    assert ours(logits, target).item() - torchs(logits, target).item() == pytest.approx(
        0.1 / 10 * gap, rel=1e-4
    )


def test_its_minimum_gives_the_true_class_what_the_others_leave() -> None:
    logits = torch.zeros(1, 10, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-9)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = OtherClassSmoothing(10, 0.1)(logits, torch.tensor([3]))
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]
    found = torch.softmax(logits.detach(), 1)[0]
    assert found[3].item() == pytest.approx(0.9, abs=1e-6)
    margin = (logits[0, 3] - logits[0, 0]).item()
    assert margin == pytest.approx(math.log(9 * 0.9 / 0.1), abs=1e-5)


@pytest.mark.parametrize(
    ("classes", "smoothing", "message"),
    [
        (1, 0.1, "classes must be >= 2, got 1"),
        (4, -0.1, "label_smoothing must be from 0 to 0.75, got -0.1"),
        (4, 0.8, "label_smoothing must be from 0 to 0.75, got 0.8"),
        (4, math.nan, "label_smoothing must be from 0 to 0.75, got nan"),
    ],
)
def test_what_is_out_of_range_is_told(classes: int, smoothing: float, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        OtherClassSmoothing(classes, smoothing)
