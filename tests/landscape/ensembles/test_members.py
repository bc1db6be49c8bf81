import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Engine, Problem
from lossatlas.landscape.ensembles.members import classes, distances, listed, outputs, predicted_classes
from lossatlas.landscape.measuring.prepared import prepared


def forward(model: nn.Module, state: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """What a network of its own gives with a member's whole state dict."""
    alone = copy.deepcopy(model)
    alone.load_state_dict(state)
    with torch.no_grad():
        return alone.eval()(inputs)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_each_member_has_its_own_weights_and_batch_norm_statistics(
    problem: Problem, other_network: nn.Module, batch_size: int | None
) -> None:
    """37 is no multiple of 7, and the member before must leave nothing behind."""
    states = [problem.model.state_dict(), other_network.state_dict()]
    with prepared(problem, engine=Engine(batch_size=batch_size)) as ready:
        for state in (states[1], states[0], states[1]):
            for split, (inputs, _) in problem.data.items():
                given = outputs(ready, state, split, predicted_classes(ready))
                expected = forward(problem.model, state, inputs)
                assert given.dtype == torch.float64
                torch.testing.assert_close(given.float(), expected, rtol=1e-4, atol=1e-5)


def test_recomputed_statistics_are_those_of_a_pass_at_the_member_s_weights(
    problem: Problem, other_network: nn.Module
) -> None:
    """The running statistics of one batch that is the whole split, which torch's update_bn gives too."""
    inputs, _ = problem.data["train"]
    alone = copy.deepcopy(other_network)
    torch.optim.swa_utils.update_bn([inputs], alone)
    spoilt = {
        name: torch.full_like(tensor, 3.0) if "running" in name else tensor
        for name, tensor in other_network.state_dict().items()
    }
    with prepared(problem, engine=Engine(evaluation="recompute")) as ready:
        given = outputs(ready, spoilt, "test", predicted_classes(ready))
    expected = forward(problem.model, alone.state_dict(), problem.data["test"][0])
    torch.testing.assert_close(given.float(), expected, rtol=1e-4, atol=1e-5)


def test_classes_of_every_pixel_count_as_examples(rng: torch.Generator) -> None:
    model = nn.Conv2d(2, 3, 1)
    inputs, targets = torch.randn(5, 2, 4, 4, generator=rng), torch.randint(3, (5, 4, 4), generator=rng)
    problem = Problem(model, nn.functional.cross_entropy, {"test": (inputs, targets)})
    with prepared(problem) as ready:
        given = outputs(ready, model.state_dict(), "test", predicted_classes(ready))
        wanted = classes(ready, "test")
    assert given.shape == (80, 3)
    ours = nn.functional.cross_entropy(given, wanted)
    theirs = nn.functional.cross_entropy(model(inputs), targets)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


def test_distances_are_those_of_the_parameters_alone(
    network: nn.Module, other_network: nn.Module, randomized: Callable[[nn.Module], nn.Module]
) -> None:
    nets = [network, other_network, randomized(copy.deepcopy(network))]
    names = [name for name, _ in network.named_parameters()]
    found = distances([net.state_dict() for net in nets], names)
    flat = torch.stack([nn.utils.parameters_to_vector(net.parameters()).double() for net in nets])
    torch.testing.assert_close(found, torch.cdist(flat, flat), rtol=1e-9, atol=1e-9)


def test_state_dicts_may_be_numbered_listed_or_both() -> None:
    a, b, c = ({"weight": torch.full((1,), value)} for value in (1.0, 2.0, 3.0))
    for members in ([a, b, c], {0: a, 4: b, 9: c}, [{0: a, 1: b}, c], [a, [{7: b}, [c]]]):
        assert [state["weight"].item() for state in listed(members)] == [1, 2, 3]
    assert list(listed(a)) == [a]
    assert list(listed([])) == []


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            torch.zeros(5, 3),
            r"targets of dtype float32 and shape \(5, 3\), and the network gives .* \(1, 3\)",
        ),
        (torch.full((5,), 3), r"split 'test' has the target 3, and the network 3 classes"),
    ],
)
def test_targets_must_be_classes_that_the_network_knows(targets: Tensor, message: str) -> None:
    problem = Problem(
        nn.Linear(2, 3), lambda outputs, _: outputs.mean(), {"test": (torch.ones(5, 2), targets)}
    )
    with prepared(problem) as ready, pytest.raises(ValueError, match=message):
        predicted_classes(ready)
