import pytest
import torch
from torch import nn

from lossatlas.models import MLP

IMAGES = torch.randn(5, 2, 3, 3, generator=torch.Generator().manual_seed(0))


def test_it_computes_linear_layers_with_relu_between() -> None:
    network = MLP([7, 6], input_shape=[2, 3, 3], classes=4)
    w1, b1, w2, b2, w3, b3 = network.parameters()
    h = (IMAGES.reshape(5, 18) @ w1.T + b1).clamp_min(0)
    h = (h @ w2.T + b2).clamp_min(0)
    torch.testing.assert_close(network(IMAGES), h @ w3.T + b3)


def test_without_hidden_layers_it_is_affine() -> None:
    network = MLP([], input_shape=[2, 3, 3], classes=4)
    torch.testing.assert_close(
        network(IMAGES) + network(-IMAGES), 2 * network(torch.zeros_like(IMAGES)), atol=1e-6, rtol=1e-5
    )


def test_batch_norm_centres_what_goes_into_the_relu() -> None:
    network = MLP([7], input_shape=[2, 3, 3], classes=4, batch_norm=True)
    before_relu = network.layers[:3](IMAGES)
    torch.testing.assert_close(before_relu.mean(0), torch.zeros(7), atol=1e-6, rtol=0)
    assert network.layers[1].bias is None


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="hidden must be a positive integer, got 0"):
        MLP([8, 0], input_shape=[1, 8, 8], classes=10)
    with pytest.raises(ValueError, match=r"input_shape must be \(channels, height, width\), got \(64,\)"):
        MLP([8], input_shape=[64], classes=10)


def test_batch_norm_after_the_activation_centres_what_goes_into_the_next_layer() -> None:
    network = MLP(hidden=[12], input_shape=(1, 4, 4), classes=3, batch_norm=True, norm_position="after")
    _, linear, activation, _, last = network.layers
    assert isinstance(activation, nn.ReLU)
    assert linear.bias is not None  # the activation comes between: batch norm does not take it out
    seen = {}
    last.register_forward_pre_hook(lambda module, inputs: seen.update(inputs=inputs[0]))
    network(torch.randn(64, 1, 4, 4) + 1)
    torch.testing.assert_close(seen["inputs"].mean(0), torch.zeros(12), atol=1e-5, rtol=0)


def test_a_position_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^norm_position must be one of before, after, got 'behind'$"):
        MLP(hidden=[12], input_shape=(1, 4, 4), classes=3, batch_norm=True, norm_position="behind")
