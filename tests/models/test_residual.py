import pytest
import torch
from torch import nn
from torchvision.models import resnet18, resnet50  # type: ignore[import-untyped]

from lossatlas.models import MLP, MobileNetV2, PreActResNet, ResNet, keep_defaults, zero_residual

IMAGES = {"input_shape": (3, 8, 8), "classes": 10}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blocks_and_inputs(network: nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What goes into each residual block that keeps the shape, and what comes out, in training mode."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    for block in network.modules():
        if type(block).__name__ in ("BasicBlock", "Bottleneck", "PreActivationBlock", "InvertedResidual"):
            block.register_forward_hook(
                lambda module, given, out, seen=seen: seen.append((given[0].clone(), out.clone()))
            )
            block.register_forward_pre_hook(lambda module, given: (given[0].clone(),))
    network.train()(torch.randn(4, 3, 8, 8, generator=rng()))
    return [(given, out) for given, out in seen if given.shape == out.shape]


@pytest.mark.parametrize(
    "network",
    [
        ResNet(14, width=4, **IMAGES),
        PreActResNet(14, width=4, **IMAGES),
        PreActResNet(20, width=4, bottleneck=True, **IMAGES),
        MobileNetV2(width=0.25, round_to=4, **IMAGES),
    ],
    ids=["resnet", "preactivation", "bottleneck", "mobilenet"],
)
def test_a_block_begins_as_its_shortcut_and_still_learns(network: nn.Module) -> None:
    zero_residual(network, generator=rng())
    pairs = blocks_and_inputs(network)
    assert len(pairs) >= 3
    for given, out in pairs:
        torch.testing.assert_close(out, given)
    network(torch.randn(4, 3, 8, 8, generator=rng())).logsumexp(1).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("make", [resnet18, resnet50])
def test_torchvisions_networks_become_as_their_own_option_makes_them(make: object) -> None:
    torch.manual_seed(0)
    expected = make(zero_init_residual=True).state_dict()  # type: ignore[operator]
    torch.manual_seed(0)
    network = make()  # type: ignore[operator]
    zero_residual(network, generator=rng(), weights=keep_defaults)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("network", [MLP([4], **IMAGES), ResNet(8, width=4, skip=False, **IMAGES)])
def test_a_network_without_such_blocks_is_refused(network: nn.Module) -> None:
    with pytest.raises(
        ValueError, match="has no residual block with a shortcut and a normalisation whose scale"
    ):
        zero_residual(network, generator=rng())
