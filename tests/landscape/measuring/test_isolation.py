import copy
from functools import partial
from operator import attrgetter

import pytest
import torch
from torch import nn

from lossatlas.landscape import (
    HessianDirections,
    Problem,
    convexity,
    eigenvalues,
    ensemble,
    interpolation,
    level_sets,
    line,
    lipschitz,
    path,
    sam_sharpness,
    sharpness,
    spectrum,
    surface,
    trace,
)
from lossatlas.landscape.measuring.isolation import evaluation_mode, full_precision, weights_of_its_own
from lossatlas.landscape.survey import Survey

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


def limited(seed: int) -> nn.Module:
    """A network of ids whose embedding shortens its vectors, in place, whenever they are used."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Embedding(20, 6, max_norm=0.5), nn.Flatten(), nn.Linear(30, 3))


_SURVEYS = {
    "line": partial(line, points=3),
    "along eigenvectors": partial(line, along=HessianDirections(), points=3),
    "level_sets": partial(level_sets, directions=1, angles=2, points=2),
    "interpolation": partial(interpolation, other=limited(1).state_dict(), points=5),
    "path": partial(path, through=[limited(1).state_dict()], points=3),
    "ensemble": partial(ensemble, members=[limited(1).state_dict()]),
    "eigenvalues": eigenvalues,
    "trace": partial(trace, probes=2, sketch=1),
    "spectrum": partial(spectrum, probes=1, steps=3),
    "convexity": partial(convexity, points=2),
    "sharpness": sharpness,
    "sam_sharpness": sam_sharpness,
    "lipschitz": lipschitz,
}


@pytest.mark.parametrize("survey", _SURVEYS.values(), ids=_SURVEYS)
def test_a_layer_that_changes_its_weights_when_it_is_used_is_left_as_it_was(survey: Survey) -> None:
    model = limited(0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ids = torch.randint(20, (50, 5), generator=torch.Generator().manual_seed(1))
    survey(Problem(model, nn.functional.cross_entropy, {"train": (ids, ids.sum(1) % 3)}))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_loss_is_that_of_the_vectors_as_they_are_used() -> None:
    ids = torch.randint(20, (50, 5), generator=torch.Generator().manual_seed(1))
    problem = Problem(limited(0), nn.functional.cross_entropy, {"train": (ids, ids.sum(1) % 3)})
    expected = problem.loss(copy.deepcopy(problem.model)(ids), problem.data["train"][1]).item()
    dataset = line(problem, points=3, directions=1)
    assert dataset.loss.values.ravel()[1] == pytest.approx(expected, rel=1e-6)
