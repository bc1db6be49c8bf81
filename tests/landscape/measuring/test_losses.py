import pytest
import torch
from torch import nn

from lossatlas.landscape.measuring.losses import along_memory


@pytest.mark.parametrize("classes", [2, 10, 32, 33])
@pytest.mark.parametrize(
    "loss",
    [
        nn.functional.cross_entropy,
        nn.CrossEntropyLoss(label_smoothing=0.1, ignore_index=1),
        nn.CrossEntropyLoss(weight=torch.arange(1.0, 3.0)),
    ],
    ids=["function", "smoothed", "weighted"],
)
def test_the_order_of_memory_changes_rounding_alone(classes: int, loss: nn.Module) -> None:
    if getattr(loss, "weight", None) is not None:
        loss = nn.CrossEntropyLoss(weight=torch.linspace(1.0, 3.0, classes))
    torch.manual_seed(0)
    outputs, targets = 9 * torch.randn(41, classes), torch.randint(classes, (41,))
    torch.testing.assert_close(
        along_memory(loss)(outputs, targets), loss(outputs, targets), rtol=1e-6, atol=0
    )


def test_other_losses_and_targets_are_left_alone() -> None:
    assert along_memory(nn.functional.mse_loss) is nn.functional.mse_loss
    images, classes = torch.randn(2, 3, 4, 4), torch.randint(3, (2, 4, 4))
    shares = torch.softmax(torch.randn(5, 3), 1)
    loss = along_memory(nn.functional.cross_entropy)
    assert loss(images, classes).equal(nn.functional.cross_entropy(images, classes))
    assert loss(torch.ones(5, 3), shares).equal(nn.functional.cross_entropy(torch.ones(5, 3), shares))
