import pytest
import torch

from lossatlas.toy import Point


def ball(jitter: float = 0.0, low: float = -1.0) -> Point:
    return Point([low, 0.0], [1.0, 2.0], input_shape=(1, 1, 2), classes=2, jitter=jitter)


def test_it_starts_evenly_within_its_box() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        starts = torch.stack([ball().position.detach() for _ in range(2000)])
    low, high = torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 2.0])
    assert ((low <= starts) & (starts <= high)).all()
    torch.testing.assert_close(starts.mean(0), (low + high) / 2, atol=0.05, rtol=0)
    torch.testing.assert_close(starts.var(0), (high - low) ** 2 / 12, atol=0.02, rtol=0)


def test_examples_displace_it_in_training_alone() -> None:
    point, examples = ball(jitter=0.5), torch.tensor([[2.0, 0.0], [0.0, -4.0]]).reshape(2, 1, 1, 2)
    displaced = point.position + torch.tensor([[1.0, 0.0], [0.0, -2.0]])
    torch.testing.assert_close(point(examples), displaced)
    torch.testing.assert_close(point.eval()(examples), point.position.repeat(2, 1))


def test_its_gradient_is_the_mean_over_what_the_examples_see() -> None:
    point, examples = ball(jitter=0.1), torch.randn(8, 1, 1, 2, generator=torch.Generator().manual_seed(0))
    point(examples).square().sum(1).mean().backward()
    seen = point.position.detach() + 0.1 * examples.flatten(1)
    torch.testing.assert_close(point.position.grad, 2 * seen.mean(0))


@pytest.mark.parametrize(
    ("low", "shape", "classes", "message"),
    [
        (
            [2.0, 0.0],
            (1, 1, 2),
            2,
            r"low and high must be as long, low <= high, got \[2.0, 0.0\] and \[1.0, 2.0\]",
        ),
        ([0.0], (1, 1, 2), 2, r"low and high must be as long"),
        (
            [0.0, 0.0],
            (1, 8, 8),
            10,
            "a ball in 2 dimensions needs data of 2 numbers and classes, got 64 and 10",
        ),
    ],
)
def test_a_box_or_data_that_do_not_fit_are_refused(
    low: list[float], shape: tuple[int, ...], classes: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Point(low, [1.0, 2.0], input_shape=shape, classes=classes)
