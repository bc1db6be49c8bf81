"""Networks as the codes of papers have them, against transcriptions of what these compute, and of what they hold."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossatlas.landscape import Problem, line, rescaled
from lossatlas.landscape.engine import Engine
from lossatlas.models import VGG, DenseNet, PreActResNet, WideResNet

SMALL = {"input_shape": (3, 16, 16), "classes": 5}
CASES: list[Any] = []


def network(kind: type[nn.Module], **options: Any) -> nn.Module:
    """In evaluation mode, with parameters and statistics that are all of their own."""
    torch.manual_seed(0)
    made = kind(**SMALL, **options).double().eval()
    with torch.no_grad():
        for name, tensor in made.state_dict().items():
            if tensor.is_floating_point() and tensor.ndim == 1:
                tensor.copy_(torch.rand(tensor.shape, dtype=tensor.dtype) + (0.5 if "var" in name else 0.0))
    return made


def normed(norm: nn.Module, x: Tensor) -> Tensor:
    """relu(bn(x)) by its formula."""
    shape = (1, -1, *[1] * (x.ndim - 2))
    mean, var, weight, bias = (
        tensor.view(shape) for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return ((x - mean) / (var + norm.eps).sqrt() * weight + bias).clamp(min=0)


def case(kind: type[nn.Module], **options: Any) -> Callable[..., Any]:
    def register(function: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
        name = f"{kind.__name__}-{function.__name__}"
        CASES.append(pytest.param(kind, options, function, id=name))
        return function

    return register


def dense_layer(layer: Any, x: Tensor) -> Tensor:
    norm1, _, conv1, norm2, _, conv2, _ = layer
    new = conv2(normed(norm2, conv1(normed(norm1, x))))
    return torch.cat([new, x], 1)


@case(DenseNet, blocks=[2, 3], growth=4, stem=8, bottleneck=True, compression=0.5, convention="li2018")
def li2018(model: Any, x: Tensor) -> Tensor:
    """The new channels in front of the old ones."""
    x = model.conv(x)
    for layer in (*model.blocks[:2],):
        x = dense_layer(layer, x)
    norm, _, conv, _ = model.blocks[2]
    x = functional.avg_pool2d(conv(normed(norm, x)), 2)
    for layer in (*model.blocks[3:],):
        x = dense_layer(layer, x)
    return model.classifier(normed(model.norm, x).mean((2, 3)))


@case(VGG, layout=[1, "M", 2, "M"], hidden=[2, 2], width=4, convention="garipov2018", dropout=0.5)
def garipov2018(model: Any, x: Tensor) -> Tensor:
    """Biases and batch norm in the convolutions, neither dropout in evaluation mode nor norms behind them."""
    conv1, norm1, _, _, conv2, norm2, _, _ = model.features
    assert conv1.bias is not None
    x = functional.max_pool2d(normed(norm1, conv1(x)), 2)
    x = functional.max_pool2d(normed(norm2, conv2(x)), 2).flatten(1)
    linear = [layer for layer in model.classifier if isinstance(layer, nn.Linear)]
    for layer in linear[:-1]:
        x = (x @ layer.weight.T + layer.bias).clamp(min=0)
    return x @ linear[-1].weight.T + linear[-1].bias


@case(VGG, layout=[1, "M", 2, "M"], hidden=[2], width=4, convention="li2018")
def li2018_vgg(model: Any, x: Tensor) -> Tensor:
    conv1, norm1, _, _, conv2, norm2, _, _ = model.features
    x = functional.max_pool2d(normed(norm1, conv1(x)), 2)
    x = functional.max_pool2d(normed(norm2, conv2(x)), 2).flatten(1)
    hidden, norm, _, last = model.classifier
    x = normed(norm, x @ hidden.weight.T + hidden.bias)
    return x @ last.weight.T + last.bias


@case(PreActResNet, depth=11, width=4, bottleneck=True, convention="garipov2018")
def garipov2018_bottlenecks(model: Any, x: Tensor) -> Tensor:
    """The shortcut of a block that changes the shape projects its input itself."""
    x = model.conv(x)
    for block, stride in zip(model.blocks, (1, 2, 2), strict=True):
        h = x
        for norm, conv in zip(block.norms, block.convolutions, strict=True):
            h = conv(normed(norm, h))
        x = h + functional.conv2d(x, block.projection.weight, stride=stride)
    return model.classifier(normed(model.norm, x).mean((2, 3)))


@case(WideResNet, depth=10, widen=2, width=4, convention="garipov2018")
def garipov2018_wide(model: Any, x: Tensor) -> Tensor:
    """Biases everywhere, and the second convolution of a block has its stride."""
    x = model.conv(x)
    for block, stride in zip(model.blocks, (1, 2, 2), strict=True):
        one, two = block.convolutions
        h = functional.conv2d(normed(block.norms[0], x), one.weight, one.bias, padding=1)
        h = functional.conv2d(normed(block.norms[1], h), two.weight, two.bias, stride=stride, padding=1)
        x = h + functional.conv2d(x, block.projection.weight, block.projection.bias, stride=stride)
    return model.classifier(normed(model.norm, x).mean((2, 3)))


@pytest.mark.parametrize(("kind", "options", "theirs"), CASES)
@torch.no_grad()
def test_it_computes_what_the_code_of_the_paper_does(
    kind: type[nn.Module], options: dict[str, Any], theirs: Callable[[Any, Tensor], Tensor]
) -> None:
    model = network(kind, **options)
    images = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(model(images), theirs(model, images), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "options"), [case.values[:2] for case in CASES if case.values[0] is not VGG]
)
@torch.no_grad()
def test_the_same_weights_are_another_function_in_the_other_convention(
    kind: type[nn.Module], options: dict[str, Any]
) -> None:
    model = network(kind, **options)
    ours = kind(**SMALL, **{**options, "convention": "lossatlas"}).double().eval()
    missing, _ = ours.load_state_dict(model.state_dict(), strict=False)  # theirs may have biases beside
    assert not missing
    images = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    assert not torch.allclose(ours(images), model(images), rtol=1e-2)


@pytest.mark.parametrize(("kind", "options", "theirs"), CASES)
def test_twins_and_the_engine_take_biases_before_batch_norm(
    kind: type[nn.Module], options: dict[str, Any], theirs: Callable[[Any, Tensor], Tensor]
) -> None:
    """A bias in front of batch norm is rescaled with its layer, and folded into it."""
    model = network(kind, **options)
    images = torch.randn(20, 3, 16, 16, dtype=torch.float64)
    twin = kind(**SMALL, **options).double().eval()
    twin.load_state_dict(rescaled(model, 7.0, layers="all"), strict=False)
    torch.testing.assert_close(twin(images), model(images), rtol=1e-6, atol=1e-8)
    problem = Problem(model.float(), nn.CrossEntropyLoss(), {"train": (images.float(), torch.arange(20) % 5)})
    exact, folded = (
        line(problem, directions=1, points=3, extent=0.1, engine=engine)
        for engine in (Engine(fuse=False), Engine())
    )
    torch.testing.assert_close(
        torch.tensor(folded.loss.values), torch.tensor(exact.loss.values), rtol=1e-4, atol=1e-5
    )


def test_the_last_batch_norm_of_the_wide_one_takes_up_statistics_at_nine_tenths() -> None:
    model = network(WideResNet, depth=10, widen=1, convention="garipov2018")
    assert [m.momentum for m in model.modules() if isinstance(m, nn.BatchNorm2d)] == 6 * [0.1] + [0.9]


@pytest.mark.parametrize(("kind", "options"), [case.values[:2] for case in CASES])
def test_an_unknown_convention_is_refused(kind: type[nn.Module], options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"convention must be one of lossatlas, .*, got 'li2017'"):
        kind(**SMALL, **{**options, "convention": "li2017"})


def test_the_order_of_channels_is_told() -> None:
    orders = [DenseNet([2], 4, convention=c, **SMALL).channel_order for c in ("lossatlas", "li2018")]
    assert orders == ["oldest first", "newest first"]
