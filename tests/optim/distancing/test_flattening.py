import pytest
import torch
from torch import nn

from lossatlas.optim.distancing import Distance
from lossatlas.optim.distancing.distance import Slices, flatten, unflatten


def test_parts_of_the_vector_are_the_tensors_in_their_shapes_types_and_any_layout_in_memory() -> None:
    tensors = [
        torch.randn(3, 4, 2, 2).to(memory_format=torch.channels_last),
        torch.randn(2, 3).T,
        torch.randn(5, dtype=torch.bfloat16),
        torch.tensor(1.5),
    ]
    vector = flatten(tensors)
    assert (vector.dtype, vector.shape) == (torch.float32, (60,))
    assert all(torch.equal(a, b) for a, b in zip(unflatten(vector, tensors), tensors, strict=True))
    assert [part.dtype for part in unflatten(vector, tensors)] == [tensor.dtype for tensor in tensors]


def test_a_vector_is_as_precise_as_its_most_precise_tensor_and_never_less_than_float32() -> None:
    half, single, double = (
        torch.ones(2, dtype=dtype) for dtype in (torch.half, torch.float32, torch.float64)
    )
    assert flatten([half, half]).dtype == torch.float32
    assert flatten([half, double]).dtype == flatten([single, double]).dtype == torch.float64


def test_squares_are_summed_by_group_of_a_layout() -> None:
    network = nn.Sequential(nn.Linear(300, 200), nn.Linear(200, 3, bias=False))  # the first in two pieces
    tensors = list(network.parameters())
    slices = Slices.of(Distance(per_layer=True).layout(network), tensors)
    squares = slices.squared_norms(flatten(tensors))
    theirs = [sum(float(p.detach().double().square().sum()) for p in layer.parameters()) for layer in network]
    torch.testing.assert_close(squares, torch.tensor(theirs), rtol=1e-6, atol=0)
    spread = slices.expand(torch.tensor([1.0, 2.0]))
    assert spread.equal(torch.cat([torch.ones(60200), torch.full((600,), 2.0)]))


@pytest.mark.parametrize("size", [1000, 2_236_682])
def test_the_sum_of_many_squares_in_float32_is_right_to_a_millionth(size: int) -> None:
    """torch.linalg.vector_norm alone is off by 7e-5 at the larger size, which is MobileNetV2's."""
    vector = torch.randn(size, generator=torch.Generator().manual_seed(0))
    exact = vector.double().square().sum()
    ours = Slices((size,)).squared_norms(vector).double()
    torch.testing.assert_close(ours, exact[None], rtol=1e-6, atol=0)
