import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Problem, surface
from lossatlas.landscape.measuring.memory_layout import fitting_batch_size, fitting_memory_format
from lossatlas.landscape.measuring.prepared import prepared


class Viewing(nn.Module):
    """Flattens feature maps with ``view``, as many published networks do; fails on channels-last tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.features(x)
        return self.head(h.view(len(h), -1))


def test_a_network_that_calls_view_is_measured_in_its_own_layout(
    images: dict[str, tuple[Tensor, Tensor]],
) -> None:
    torch.manual_seed(0)
    problem = Problem(Viewing(), nn.functional.cross_entropy, images)
    with prepared(problem) as ready:
        assert ready.memory_format is torch.preserve_format
        loss, error = ready.measure()[:2]
    outputs = problem.model(images["train"][0])
    assert loss == pytest.approx(nn.functional.cross_entropy(outputs, images["train"][1]).item(), rel=1e-6)
    assert error == (outputs.argmax(1) != images["train"][1]).double().mean().item()


def test_channels_last_changes_rounding_alone(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = surface(problem, points=5)
    monkeypatch.setattr(
        "lossatlas.landscape.measuring.prepared.fitting_memory_format", lambda *_: torch.preserve_format
    )
    plain = surface(problem, points=5)
    assert (fast.memory_format, plain.memory_format) == ("channels_last", "preserve_format")
    torch.testing.assert_close(fast.loss.values, plain.loss.values, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((9, 1, 8, 8), 1024),
        ((9, 3, 32, 32), 64),
        ((9, 3, 224, 224), 16),
        ((9, 100), 1024),
        ((9, 1, 28, 28), 64),
    ],
)
def test_batch_size_follows_the_size_of_the_images(shape: tuple[int, ...], size: int) -> None:
    assert fitting_batch_size(torch.empty(shape)) == size


def test_a_network_without_convolutions_takes_large_batches_in_their_own_layout() -> None:
    images = torch.empty(9, 3, 32, 32)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    assert fitting_batch_size(images, model) == 1024
    assert fitting_batch_size(images, nn.Conv2d(3, 4, 3)) == 64
    assert fitting_memory_format(model, images) is torch.preserve_format
    assert fitting_memory_format(nn.Conv2d(3, 4, 3), images) is torch.channels_last
