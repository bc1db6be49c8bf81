import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.special import softmax
from torch import Tensor, nn

from lossatlas.landscape import Bezier, Engine, Problem, ensemble, evaluate, parameters
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.shapes.lines import Line
from lossatlas.measures import ensemble_error, of_members

State = dict[str, Tensor]


@pytest.fixture
def three(problem: Problem, images: dict[str, tuple[Tensor, Tensor]]) -> Problem:
    """The problem with a validation split."""
    data = {**images, "validation": (images["train"][0][:13], images["train"][1][:13].flip(0))}
    return Problem(problem.model, problem.loss, data)


@pytest.fixture
def states(network: nn.Module) -> list[State]:
    """Five networks, each with statistics of its own."""
    found = []
    for seed in range(5):
        rng = torch.Generator().manual_seed(seed)
        state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        for tensor in state.values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand(tensor.shape, generator=rng), alpha=0.5)
        found.append(state)
    return found


def probabilities(problem: Problem, state: State, split: str) -> np.ndarray:
    alone = copy.deepcopy(problem.model)
    alone.load_state_dict(state)
    with torch.no_grad():
        return softmax(alone.eval()(problem.data[split][0]).double().numpy(), axis=-1)


def expected_error(predicted: np.ndarray, problem: Problem, split: str) -> float:
    return float((predicted.argmax(-1) != problem.data[split][1].numpy()).mean())


def expected_nll(predicted: np.ndarray, problem: Problem, split: str) -> float:
    targets = problem.data[split][1].numpy()
    return float(-np.log(predicted[np.arange(len(targets)), targets]).mean())


def test_the_first_and_the_last_m_are_the_means_of_their_probabilities(
    three: Problem, states: list[State]
) -> None:
    dataset = ensemble(three, members=states)
    assert dataset.error_last.dims == ("split", "size")
    assert dataset["size"].values.tolist() == [1, 2, 3, 4, 5]
    for split in three.data:
        each = np.stack([probabilities(three, state, split) for state in states])
        found = dataset.sel(split=split)
        for m in range(1, 6):
            for which, mean in (("first", each[:m].mean(0)), ("last", each[5 - m :].mean(0))):
                of_size = found.sel(size=m)
                assert of_size[f"error_{which}"] == pytest.approx(expected_error(mean, three, split))
                assert of_size[f"nll_{which}"] == pytest.approx(expected_nll(mean, three, split), rel=1e-5)
        assert found.nll == pytest.approx(expected_nll(each.mean(0), three, split), rel=1e-5)
        assert found.error == pytest.approx(expected_error(each.mean(0), three, split))


def test_a_member_alone_is_what_the_engine_measures_at_its_weights(
    problem: Problem, states: list[State]
) -> None:
    dataset = ensemble(problem, members=states)
    for number, state in enumerate(states):
        problem.model.load_state_dict(state)
        here = Line(
            parameters(problem.model), {k: torch.zeros_like(v) for k, v in parameters(problem.model).items()}
        )
        measured = evaluate(problem, here.grid(2)).isel(alpha=0)
        np.testing.assert_allclose(dataset.member_nll.sel(member=number), measured.loss, rtol=1e-6)
        np.testing.assert_allclose(dataset.member_error.sel(member=number), measured.error, rtol=1e-12)


def _last(layer: nn.Module, state: State) -> State:
    """The state dict of a network whose last layer is ``layer``, which has no parameters."""
    return {f"0.{name}": tensor for name, tensor in state.items()}


@pytest.mark.parametrize("combine", ["probabilities", "logits"])
@pytest.mark.parametrize(
    ("layer", "loss"),
    [
        (nn.Softmax(1), lambda o, t: nn.functional.nll_loss(o.log(), t)),
        (nn.LogSoftmax(1), nn.functional.nll_loss),
    ],
)
def test_networks_that_end_in_softmax_are_the_same_ensemble(
    problem: Problem, states: list[State], layer: nn.Module, loss: Any, combine: str
) -> None:
    """The softmax is taken once."""
    own = problem.model.state_dict()
    states = [  # of which none excludes a class beyond what float32 can say of a probability
        {
            name: tensor.lerp(of[name], 0.05) if tensor.is_floating_point() else tensor
            for name, tensor in own.items()
        }
        for of in states
    ]
    plain = ensemble(problem, members=states, combine=combine)
    ending = Problem(nn.Sequential(problem.model, layer), loss, problem.data)
    found = ensemble(ending, members=[_last(layer, state) for state in states], combine=combine)
    for name in plain.data_vars:
        np.testing.assert_allclose(found[name], plain[name], rtol=1e-4, atol=1e-6, err_msg=str(name))
    assert ("outputs" in found.attrs) == isinstance(layer, nn.Softmax)


@pytest.mark.parametrize(
    ("layer", "loss", "message"),
    [
        (
            nn.Softmax(1),
            nn.functional.cross_entropy,
            "probabilities, of which the loss takes the softmax again",
        ),
        (
            nn.Sigmoid(),
            lambda o, t: nn.functional.binary_cross_entropy(o, nn.functional.one_hot(t, o.shape[1]).float()),
            "do not add up to 1, as those of a sigmoid",
        ),
        (None, nn.MultiMarginLoss(), None),
    ],
)
def test_outputs_whose_probabilities_are_not_clear_are_refused(
    problem: Problem, states: list[State], layer: nn.Module | None, loss: Any, message: str | None
) -> None:
    model = nn.Sequential(problem.model, layer or nn.Identity())
    ending = Problem(model, loss, problem.data)
    members = [_last(model, state) for state in states]
    if message is None:
        assert ensemble(ending, members=members).nll.notnull().all()
        return
    with pytest.raises(ValueError, match=message):
        ensemble(ending, members=members)


@pytest.mark.parametrize("ignored", [2, -100])
def test_targets_that_do_not_count_are_refused(ignored: int) -> None:
    """In each row one, so that each row counts the same."""
    targets = torch.tensor([[0, ignored], [1, ignored]])

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs.movedim(-1, 1), targets, ignore_index=ignored)

    problem = Problem(nn.Linear(4, 3), loss, {"train": (torch.randn(2, 2, 4), targets)})
    with pytest.raises(ValueError, match=r"has the target -100|needs a loss that holds each output against"):
        ensemble(problem, own=True)


def test_the_network_itself_comes_first_if_it_is_a_member(problem: Problem, states: list[State]) -> None:
    with_own = ensemble(problem, members=states, own=True)
    listed = ensemble(problem, members=[problem.model.state_dict(), *states])
    xr.testing.assert_equal(with_own, listed)
    alone = ensemble(problem, own=True)
    assert dict(alone.sizes) == {"split": 2, "member": 1, "other": 1, "size": 1}
    np.testing.assert_allclose(alone.nll_last.isel(size=0), with_own.member_nll.isel(member=0), rtol=1e-12)


def test_the_best_are_chosen_on_the_validation_split_and_judged_on_the_others(
    three: Problem, states: list[State]
) -> None:
    dataset = ensemble(three, members=states, choose_on="validation", splits=["test"])
    assert dataset["split"].values.tolist() == ["test"]
    losses = [
        expected_nll(probabilities(three, state, "validation"), three, "validation") for state in states
    ]
    order = np.argsort(losses)
    assert order.tolist() not in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])  # else the test could not fail
    assert dataset.chosen.values.tolist() == order.tolist()
    for m in range(1, 6):
        mean = np.mean([probabilities(three, states[k], "test") for k in order[:m]], axis=0)
        found = dataset.sel(size=m, split="test")
        assert found.nll_best == pytest.approx(expected_nll(mean, three, "test"), rel=1e-5)
    assert "error_best" not in ensemble(three, members=states)


def test_members_count_by_their_weights_in_every_order(three: Problem, states: list[State]) -> None:
    weights = [0.5, 1.0, 4.0, 2.0, 1.0]
    dataset = ensemble(three, members=states, weights=weights, choose_on="validation", splits=["test"])
    each = np.stack([probabilities(three, state, "test") for state in states])
    order = dataset.chosen.values
    for which, members in (("first", [0, 1, 2]), ("last", [2, 3, 4]), ("best", order[:3])):
        mean = np.average(each[members], axis=0, weights=np.array(weights)[members])
        found = dataset[f"nll_{which}"].sel(size=3, split="test")
        assert found == pytest.approx(expected_nll(mean, three, "test"), rel=1e-5)


def test_logits_are_averaged_only_by_name(problem: Problem, states: list[State]) -> None:
    by_default = ensemble(problem, members=states)
    xr.testing.assert_equal(by_default, ensemble(problem, members=states, combine="probabilities"))
    geometric = ensemble(problem, members=states, combine="logits")
    each = np.stack([np.log(probabilities(problem, state, "test")) for state in states])
    mean = softmax(each.mean(0), axis=-1)
    assert geometric.nll_first.sel(split="test", size=5) == pytest.approx(
        expected_nll(mean, problem, "test"), rel=1e-5
    )
    assert abs(geometric.nll_first - by_default.nll_first).max() > 1e-3


@pytest.mark.parametrize("combine", ["probabilities", "logits"])
def test_members_are_tempered_on_a_split_and_judged_on_another(
    three: Problem, states: list[State], combine: str
) -> None:
    plain = ensemble(three, members=states, combine=combine)
    dataset = ensemble(
        three,
        members=states,
        combine=combine,
        temper_on="validation",
        choose_on="validation",
        splits=["validation", "test"],
    )
    assert dataset.sizes["split"] == 2
    assert (dataset.temperature != 1).all()
    np.testing.assert_array_equal(dataset.member_error, plain.member_error.sel(split=["validation", "test"]))
    assert (dataset.member_nll < plain.member_nll).sel(split="validation").all()
    temperatures = dataset.temperature.values
    each = np.stack([np.log(probabilities(three, state, "test")) for state in states])
    each /= temperatures[:, None, None]
    mean = softmax(each, axis=-1).mean(0) if combine == "probabilities" else softmax(each.mean(0), axis=-1)
    assert float(dataset.nll.sel(split="test")) == pytest.approx(expected_nll(mean, three, "test"), rel=1e-5)
    order = np.argsort(dataset.member_nll.sel(split="validation"))
    assert dataset.chosen.values.tolist() == order.values.tolist()
    assert "temperature" not in plain


def test_agreement_is_counted_on_each_split_and_distances_between_parameters(
    problem: Problem, states: list[State]
) -> None:
    dataset = ensemble(problem, members=states)
    for split in problem.data:
        classes = np.stack([probabilities(problem, state, split).argmax(-1) for state in states])
        found = dataset.sel(split=split)
        assert found.agreement == (classes == classes[0]).all(0).sum()
        assert found.examples == classes.shape[1]
        assert found.disagreement.sel(member=1, other=3) == np.mean(classes[1] != classes[3])
    names = [name for name, _ in problem.model.named_parameters()]
    apart = torch.cat([(states[1][name] - states[3][name]).flatten() for name in names]).norm()
    assert dataset.distance.sel(member=3, other=1) == pytest.approx(apart.item(), rel=1e-6)


def test_batch_norm_statistics_can_be_recomputed_for_each_member(
    problem: Problem, states: list[State]
) -> None:
    spoilt = [
        {name: tensor + 1 if "running" in name else tensor for name, tensor in state.items()}
        for state in states
    ]
    engine = Engine(evaluation="recompute")
    recomputed = [ensemble(problem, members=which, engine=engine) for which in (states, spoilt)]
    xr.testing.assert_allclose(*recomputed, rtol=1e-9)
    assert not ensemble(problem, members=states).equals(ensemble(problem, members=spoilt))


def test_an_interrupted_survey_goes_on_with_the_next_member(
    problem: Problem, states: list[State], tmp_path: Path
) -> None:
    journal, seen = tmp_path / "ensemble.journal", []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 7:  # five members on the first split, two on the second
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensemble(problem, members=states, journal=journal, progress=stop)
    assert seen[0] == (0, 10)
    assert seen[-1] == (7, 10)
    seen.clear()
    resumed = ensemble(problem, members=states, journal=journal, progress=lambda *now: seen.append(now))
    assert (7, 10) in seen  # not measured again
    assert (6, 10) not in seen
    assert seen[-1] == (10, 10)
    assert resumed.identical(ensemble(problem, members=states))


def test_a_journal_of_other_members_is_not_mixed_in(
    problem: Problem, states: list[State], tmp_path: Path
) -> None:
    journal = tmp_path / "ensemble.journal"
    ensemble(problem, members=states, journal=journal)
    others = ensemble(problem, members=states[::-1], journal=journal)
    assert others.identical(ensemble(problem, members=states[::-1]))


def test_the_network_is_left_as_it_was(problem: Problem, states: list[State]) -> None:
    problem.model.train()
    before = {name: tensor.clone() for name, tensor in problem.model.state_dict().items()}
    ensemble(problem, members=states)
    assert problem.model.training
    for name, tensor in problem.model.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": []}, "members: an ensemble needs a network at least"),
        ({"weights": [1.0, 2.0]}, r"weights must be 5 positive numbers, .* got \[1\.0, 2\.0\]"),
        ({"weights": [1, 1, 1, 1, 0]}, r"weights must be 5 positive numbers, one for each member"),
        ({"combine": "probs"}, "unknown combine 'probs', expected one of probabilities, logits"),
        ({"bins": 0}, "bins must be >= 1, got 0"),
        ({"choose_on": "test"}, "choose_on: members are never chosen on the split 'test'"),
        ({"choose_on": "valid"}, "choose_on: the data has no split 'valid' .* it has train, test"),
        ({"temper_on": "test"}, "temper_on: members are never tempered on the split 'test'"),
        ({"temper_on": "valid"}, "temper_on: the data has no split 'valid' .* it has train, test"),
        ({"splits": ["valid"]}, "unknown split 'valid', the data has train, test"),
    ],
)
def test_bad_input_is_refused(
    problem: Problem, states: list[State], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ensemble(problem, **{"members": states, **options})


def test_a_member_of_another_architecture_or_other_classes_is_named_with_its_first_tensor(
    problem: Problem, states: list[State]
) -> None:
    more = {**states[1], "9.weight": torch.zeros(4, 96), "9.bias": torch.zeros(4)}
    with pytest.raises(ValueError, match=r"member 1 has '9\.weight' of shape \(4, 96\), .* \(3, 96\)"):
        ensemble(problem, members=[states[0], more])
    with pytest.raises(ValueError, match=r"member 1 has no '0\.weight', which the network has"):
        ensemble(problem, members=[nn.Linear(1, 1).state_dict()], own=True)


class Small(nn.Module):
    """Another architecture for images of the same shape and number of classes."""

    def __init__(self, shape: torch.Size, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(shape[0])
        self.linear = nn.Linear(shape.numel(), classes)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.linear(self.norm(inputs).flatten(1))


def small(problem: Problem, classes: int = 3) -> Small:
    return Small(problem.data["train"][0].shape[1:], classes)


def test_members_may_be_networks_of_other_architectures(
    problem: Problem, states: list[State], tmp_path: Path
) -> None:
    other = small(problem).train()
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    found = ensemble(problem, members=[states[0], other, {7: states[1]}], journal=tmp_path / "journal")
    each = [probabilities(problem, states[0], "test"), None, probabilities(problem, states[1], "test")]
    with torch.no_grad():
        logits = copy.deepcopy(other).eval()(problem.data["test"][0])
    each[1] = softmax(logits.double().numpy(), axis=-1)
    here = found.sel(split="test")
    for k, of_one in enumerate(each):
        assert here.member_nll.sel(member=k) == pytest.approx(expected_nll(of_one, problem, "test"), rel=1e-5)
    assert here.nll == pytest.approx(expected_nll(np.mean(each, axis=0), problem, "test"), rel=1e-5)
    assert found.distance.isnull().values.tolist() == [[k % 2 != j % 2 for j in range(3)] for k in range(3)]
    assert found.attrs["networks"].split(", ")[1] == "Small"
    assert other.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())
    assert "networks" not in ensemble(problem, members=states).attrs


def test_statistics_of_another_architecture_are_recomputed_too(problem: Problem, states: list[State]) -> None:
    engine = Engine(evaluation="recompute")
    one, spoilt = small(problem), small(problem)
    spoilt.load_state_dict(one.state_dict())
    spoilt.norm.running_mean.add_(3)
    given = [ensemble(problem, members=[states[0], of], engine=engine) for of in (one, spoilt)]
    xr.testing.assert_allclose(*given, rtol=1e-9)


def test_a_member_that_tells_other_classes_apart_or_takes_other_inputs_is_refused(
    problem: Problem, states: list[State]
) -> None:
    with pytest.raises(
        ValueError,
        match=r"^member 1, Small, tells 4 classes apart, the network 3: the members of an ensemble",
    ):
        ensemble(problem, members=[states[0], small(problem, classes=4)])
    with pytest.raises(
        ValueError, match=r"^member 0, Linear, does not take inputs of \[.*those of split 'train'"
    ):
        ensemble(problem, members=[nn.Linear(1, 3)])
    every_pixel = nn.Conv2d(problem.data["train"][0].shape[1], 3, 1)
    with pytest.raises(ValueError, match=r"^member 0, Conv2d, gives outputs of \[2, 3, .* of \[2, 3\]"):
        ensemble(problem, members=[every_pixel])


def test_members_may_lie_on_a_curve(problem: Problem, states: list[State]) -> None:
    curve = ControlledCurve(Bezier(bends=1), states[:3])
    found = ensemble(problem, members=[states[4], curve], points=3)
    middle = {
        name: (states[0][name] + 2 * states[1][name] + states[2][name]) / 4
        if tensor.is_floating_point()
        else tensor
        for name, tensor in states[0].items()
    }
    listed = ensemble(problem, members=[states[4], states[0], middle, states[2]])
    xr.testing.assert_allclose(found, listed, rtol=1e-4)


def test_the_brier_score_of_the_mean_is_that_of_the_products_of_errors(
    problem: Problem, states: list[State]
) -> None:
    found = ensemble(problem, members=states)
    np.testing.assert_allclose(ensemble_error(found.error_product), found.brier, rtol=1e-12)
    np.testing.assert_allclose(of_members(found.error_product), found.member_brier.mean("member"), rtol=1e-12)
    own = found.both_wrong.values.diagonal(axis1=1, axis2=2)
    np.testing.assert_allclose(own, found.member_error, rtol=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("batch_size", [None, 4])
def test_a_gpu_gives_what_the_cpu_gives(
    problem: Problem, states: list[State], batch_size: int | None
) -> None:
    """With the members on the CPU, as files give them; several batches, whose outputs a graph would overwrite."""
    data = {split: (inputs.cuda(), targets.cuda()) for split, (inputs, targets) in problem.data.items()}
    on_gpu = Problem(copy.deepcopy(problem.model).cuda(), problem.loss, data)
    engine = Engine(batch_size=batch_size)
    found = ensemble(on_gpu, members=states, own=True, engine=engine)
    xr.testing.assert_allclose(found, ensemble(problem, members=states, own=True, engine=engine), rtol=1e-3)
