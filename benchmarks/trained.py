"""Networks after a short training on the digits of scikit-learn, for the benchmarks of curvature."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from lossatlas.landscape import Problem
from lossatlas.models import VGG, ResNet

VGG9: list[int | str] = [1, 1, "M", 2, 2, "M", 4, 4, 4, "M"]
SHAPE = (1, 8, 8)


def networks() -> dict[str, Callable[[], nn.Module]]:
    return {
        "ResNet-20, width 8": lambda: ResNet(20, width=8, input_shape=SHAPE, classes=10),
        "VGG-9, width 8": lambda: VGG(VGG9, [4], width=8, input_shape=SHAPE, classes=10),
    }


def trained_problem(make: Callable[[], nn.Module], *, images: int, epochs: int) -> Problem:
    """The network after ``epochs`` of SGD on 1000 digits, to be surveyed on the first ``images`` of them."""
    torch.manual_seed(0)
    digits = load_digits()
    inputs = torch.tensor(digits.images[:1000], dtype=torch.float32).unsqueeze(1)
    inputs = (inputs - inputs.mean()) / inputs.std()
    targets = torch.tensor(digits.target[:1000])
    model = make().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for _ in range(epochs):
        for batch in torch.randperm(1000).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs[batch]), targets[batch]).backward()
            optimizer.step()
    data: dict[str, tuple[Tensor, Tensor]] = {"train": (inputs[:images], targets[:images])}
    return Problem(model.eval(), nn.functional.cross_entropy, data)


@contextmanager
def products_of_pyhessian() -> Iterator[list[int]]:
    """A list that grows by one with each product of pyhessian's in the block."""
    module = import_module("pyhessian.hessian")  # the package has a class of this name in the module's place
    counted: list[int] = []
    original = module.hessian_vector_product

    def counting(*arguments: object) -> object:
        counted.append(1)
        return original(*arguments)

    module.hessian_vector_product = counting
    try:
        yield counted
    finally:
        module.hessian_vector_product = original
