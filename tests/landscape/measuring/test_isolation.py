from operator import attrgetter

import pytest
import torch
from torch import nn

from lossatlas.landscape import Problem, sharpness, surface
from lossatlas.landscape.measuring.isolation import evaluation_mode, full_precision, weights_of_its_own

LEAVES = ("cuda.matmul", "cudnn.conv", "cudnn.rnn", "mkldnn.matmul", "mkldnn.conv", "mkldnn.rnn")


def _settings() -> list[object]:
    precisions = [attrgetter(f"{leaf}.fp32_precision")(torch.backends) for leaf in LEAVES]
    return [*precisions, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic]


def test_each_module_returns_to_the_mode_it_was_in(network: nn.Module) -> None:
    network.train()
    network[1].eval()  # a layer frozen by its user
    before = [module.training for module in network.modules()]

    def interrupted() -> None:
        with evaluation_mode(network):
            assert not any(module.training for module in network.modules())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [module.training for module in network.modules()] == before


def test_original_memory_is_never_written(network: nn.Module) -> None:
    tensors = [*network.parameters(), *network.buffers()]
    addresses = [tensor.data_ptr() for tensor in tensors]
    values = [tensor.clone() for tensor in tensors]

    def interrupted() -> None:
        with weights_of_its_own(network, torch.channels_last) as weights:
            for tensor in weights.values():
                tensor.fill_(3)
            assert network[1].running_var.tolist() == [3.0] * 4
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [tensor.data_ptr() for tensor in tensors] == addresses
    assert all(torch.equal(tensor, value) for tensor, value in zip(tensors, values, strict=True))


def test_parameters_remain_those_of_an_optimizer(network: nn.Module) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    with weights_of_its_own(network, torch.channels_last):
        pass
    network(torch.randn(2, 2, 8, 8)).sum().backward()
    before = network[0].weight.detach().clone()
    optimizer.step()
    assert not torch.equal(network[0].weight, before)


@pytest.mark.parametrize("precision", ["medium", "high", "highest"])
def test_settings_of_precision_come_back(precision: str) -> None:
    torch.set_float32_matmul_precision(precision)
    try:
        before = _settings()
        with full_precision():
            assert _settings() == ["ieee"] * 6 + [False, True]
        assert _settings() == before
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision("highest")


def test_the_callers_autocast_and_inference_mode_do_not_change_a_survey(problem: Problem) -> None:
    plain = surface(problem, points=3), sharpness(problem, iterations=1)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
        inside = surface(problem, points=3), sharpness(problem, iterations=1)
    assert inside[0].identical(plain[0])
    assert inside[1].identical(plain[1])
