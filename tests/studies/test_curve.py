"""Training the bends of a curve: what moves, what is minimised, and what the run ends with."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim.swa_utils import update_bn

from lossatlas.data import ImageData
from lossatlas.landscape import Bezier, ControlledCurve, CurveFamily, PolygonalChain
from lossatlas.models import MLP
from lossatlas.optim import L2
from lossatlas.seeds import generator
from lossatlas.studies import ArcLength, Classifier, Curve, TrainedNetwork, UniformPosition

MakeTrainer = Callable[..., Trainer]
MakeCurve = Callable[..., Curve]
MakeStudy = Callable[..., Classifier]


def network(data: ImageData, seed: int = 0, **changed: Any) -> nn.Module:
    torch.manual_seed(seed)
    arguments = {"input_shape": data.shape, "classes": data.classes, "batch_norm": True}
    return MLP([8], **(arguments | changed))


def trained(data: ImageData, seed: int, **changed: Any) -> TrainedNetwork:
    """An end with batch-norm statistics of its own."""
    model = network(data, seed, **changed)
    model.train()(data.normalized("train")[0][: 10 + seed])
    return TrainedNetwork(f"run {seed}", model.state_dict(), seed, dict, 1)


@pytest.fixture
def make_curve(data: ImageData, make_study: MakeStudy) -> MakeCurve:
    """Function from changed arguments to a curve between two perceptrons with batch norm."""

    def make(**changed: Any) -> Curve:
        shared = make_study()
        arguments = {
            "network": network(data),
            "data": data,
            "loss": shared.loss,
            "metrics": dict(shared.metrics.items()),
            "optimizer": partial(torch.optim.SGD, lr=0.1),
            "schedule": shared._schedule,
            "penalties": {},
            "seed": 0,
            "ends": [trained(data, 1), trained(data, 2)],
            "curve": Bezier(1),
            "objective": UniformPosition(),
        }
        return Curve(**(arguments | changed))

    return make


def names_of(study: Curve) -> list[str]:
    return [name for name, _ in study.network.named_parameters()]


@pytest.mark.parametrize("family", [Bezier(1), Bezier(3), PolygonalChain(1), PolygonalChain(2)])
def test_bends_begin_evenly_on_the_segment(make_curve: MakeCurve, family: CurveFamily) -> None:
    study = make_curve(curve=family)
    members = study.final_members()
    assert len(members) == family.bends + 2
    for k, member in enumerate(members):
        share = k / (len(members) - 1)
        for name in names_of(study):
            expected = torch.lerp(study.ends[0].state[name], study.ends[1].state[name], share)
            torch.testing.assert_close(member[name], expected)


def test_a_curve_through_more_ends_begins_as_the_lines_between_them(
    data: ImageData, make_curve: MakeCurve
) -> None:
    ends = [trained(data, seed) for seed in (1, 2, 3)]
    study = make_curve(ends=ends, curve=PolygonalChain(1))
    first, bend, second, other_bend, third = study.final_members()
    for name in names_of(study):
        assert torch.equal(first[name], ends[0].state[name])
        assert torch.equal(second[name], ends[1].state[name])
        assert torch.equal(third[name], ends[2].state[name])
        torch.testing.assert_close(bend[name], (first[name] + second[name]) / 2)
        torch.testing.assert_close(other_bend[name], (second[name] + third[name]) / 2)
    assert study.final_metrics()["length_ratio"] == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("family", [Bezier(1), Bezier(2), PolygonalChain(1)])
@pytest.mark.parametrize("ends", [(1, 2), (1, 2, 3)])
def test_the_ends_stay_to_the_last_bit_and_every_bend_moves(
    data: ImageData,
    make_curve: MakeCurve,
    make_trainer: MakeTrainer,
    family: CurveFamily,
    ends: tuple[int, ...],
) -> None:
    given = [trained(data, seed) for seed in ends]
    study = make_curve(curve=family, ends=given, penalties={"l2": L2(0.01)})
    before = study.bends.detach().clone()
    make_trainer(max_epochs=4).fit(study)
    study.finish()
    members = study.final_members()
    for end, k in zip(given, family.ends(len(members)), strict=True):
        assert members[k].keys() == end.state.keys()
        assert all(torch.equal(members[k][name], tensor) for name, tensor in end.state.items())
        for name, tensor in study.at(k / (len(members) - 1)).items():
            torch.testing.assert_close(tensor, end.state[name], rtol=1e-6, atol=1e-7)
    for t, end in ((0.0, given[0]), (1.0, given[-1])):
        assert all(torch.equal(tensor, end.state[name]) for name, tensor in study.at(t).items())
    assert ((study.bends - before).norm(dim=1) > 0.01).all()


def test_the_loss_of_a_step_is_that_of_the_network_at_the_t_drawn_for_it(
    data: ImageData, make_curve: MakeCurve
) -> None:
    """And of no other: a second network at the combined weights, which knows nothing of curves."""
    study = make_curve(curve=Bezier(2))
    study.bends.data += torch.randn(study.bends.shape, generator=torch.Generator().manual_seed(5))
    batch = data.batch(0, 0)
    t = torch.rand((), generator=generator(0, "t", 0), dtype=torch.float64).item()
    weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
    other = network(data).train()
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            parts = [member[name] for member in study.final_members()]
            parameter.copy_(sum(c * part for c, part in zip(weights, parts, strict=True)))
        expected = nn.functional.cross_entropy(other(batch[0]), batch[1])
    loss, _ = study.batch_loss(batch)
    torch.testing.assert_close(loss, expected)


def test_penalties_are_half_the_sum_of_squares_of_the_point_times_their_strength(
    data: ImageData, make_curve: MakeCurve
) -> None:
    """Not a sum of norms, nor of the bends."""
    batch = data.batch(0, 0)
    with_penalty, _ = make_curve(penalties={"l2": L2(0.3)}).batch_loss(batch)
    without, _ = (study := make_curve()).batch_loss(batch)
    t = position(0)
    point = np.concatenate([tensor.detach().numpy().ravel() for tensor in study.at(t).values()])
    assert (with_penalty - without).item() == pytest.approx(0.15 * (point.astype(float) ** 2).sum(), rel=1e-5)


def position(step: int) -> float:
    return torch.rand((), generator=generator(0, "t", step), dtype=torch.float64).item()


def test_the_objective_counts_loss_and_penalties_alike(data: ImageData, make_curve: MakeCurve) -> None:
    batch = data.batch(0, 0)
    changed = {"curve": PolygonalChain(1), "penalties": {"l2": L2(0.3)}}
    plain, arc = make_curve(**changed), make_curve(**changed, objective=ArcLength())
    for study in (plain, arc):
        study.bends.data[:] = 0.9 * study._ends[0] + 0.1 * study._ends[1]  # lines of a tenth and nine tenths
    factor = 0.2 if position(0) < 0.5 else 1.8
    assert arc.batch_loss(batch)[0].item() == pytest.approx(
        factor * plain.batch_loss(batch)[0].item(), rel=1e-4
    )


def test_gradients_of_the_bends_are_finite_differences(data: ImageData, make_curve: MakeCurve) -> None:
    for objective in (UniformPosition(), ArcLength()):
        study = make_curve(curve=Bezier(2), penalties={"l2": L2(0.1)}, objective=objective).double()
        inputs, targets = data.batch(0, 0)
        batch = inputs.double(), targets
        (gradient,) = torch.autograd.grad(study.batch_loss(batch)[0], study.bends)
        direction = torch.randn(
            study.bends.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
        )
        sides = []
        for sign in (1, -1):
            study.bends.data += sign * 1e-5 * direction
            sides.append(study.batch_loss(batch)[0].item())
            study.bends.data -= sign * 1e-5 * direction
        assert (gradient * direction).sum().item() == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-5)


def test_the_network_ends_as_the_middle_with_the_statistics_of_the_training_data_there(
    data: ImageData, make_curve: MakeCurve, make_trainer: MakeTrainer
) -> None:
    """Whatever training has left in its running averages; torch's own update_bn is the judge."""
    study = make_curve(curve=Bezier(1))
    make_trainer(max_epochs=2).fit(study)
    study.finish()
    first, bend, last = study.final_members()
    expected = network(data)
    with torch.no_grad():
        for name, parameter in expected.named_parameters():
            parameter.copy_(0.25 * first[name] + 0.5 * bend[name] + 0.25 * last[name])
    update_bn([data.normalized("train")[0]], expected)
    for name, tensor in study.network.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, expected.state_dict()[name], msg=name)


def test_an_epochs_row_is_measured_in_the_middle(make_curve: MakeCurve, make_trainer: MakeTrainer) -> None:
    study = make_curve()
    make_trainer(max_epochs=2).fit(study)
    study.finish()
    assert study.history[-1]["validation_error"] == study.measure("validation")["error"]
    assert study.history[-1]["validation_nll"] == pytest.approx(study.measure("validation")["nll"])
    middle = torch.cat([tensor.flatten() for tensor in study.at(0.5).values()])
    assert study.history[-1]["weight_norm"] == pytest.approx(middle.norm().item(), rel=1e-5)


def test_the_statistics_of_bends_lie_on_the_lines_between_those_of_the_ends(make_curve: MakeCurve) -> None:
    study = make_curve(curve=Bezier(3))
    curve = ControlledCurve(study.family, study.final_members())
    out = {name: torch.empty_like(tensor) for name, tensor in curve.control_points[0].items()}
    for t in (0.0, 0.2, 0.5, 1.0):
        curve.place(out, t)
        for name in out.keys() - set(names_of(study)):
            expected = torch.lerp(study.ends[0].state[name], study.ends[1].state[name], t)
            torch.testing.assert_close(out[name], expected)


def test_length_and_distance_are_over_the_parameters(make_curve: MakeCurve) -> None:
    study = make_curve(curve=PolygonalChain(1))
    study.bends.data += 0.1 * torch.randn(study.bends.shape, generator=torch.Generator().manual_seed(0))
    first, bend, last = (
        torch.cat([member[name].flatten() for name in names_of(study)]).double()
        for member in study.final_members()
    )
    metrics = study.final_metrics()
    length = (bend - first).norm() + (last - bend).norm()
    assert metrics["curve_length"] == pytest.approx(length.item())
    assert metrics["end_distance"] == pytest.approx((last - first).norm().item())
    assert metrics["length_ratio"] == pytest.approx((length / (last - first).norm()).item())
    assert metrics["test_error"] == study.measure("test")["error"]


def test_training_lowers_the_loss_along_the_curve_far_below_that_of_the_segment(
    data: ImageData, make_study: MakeStudy, make_curve: MakeCurve, make_trainer: MakeTrainer
) -> None:
    ends = []
    for seed in (1, 2):
        study = make_study(network=network(data, seed), seed=seed)
        make_trainer(max_epochs=60).fit(study)
        ends.append(TrainedNetwork(f"run {seed}", study.network.state_dict(), seed, dict, 1))
    study = make_curve(ends=ends)
    inputs, targets = data.normalized("train")

    def highest() -> float:
        with torch.no_grad():
            logits = [functional_call(study.network, study.at(t), (inputs,)) for t in np.linspace(0, 1, 21)]
        return max(nn.functional.cross_entropy(logit, targets).item() for logit in logits)

    segment = highest()
    make_trainer(max_epochs=120).fit(study)
    assert highest() < segment / 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"curve": Bezier(0)}, "curve.bends=0 leaves nothing to train; expected a number >= 1"),
        ({"curve": PolygonalChain(None)}, "curve.bends=None leaves nothing to train; expected a number >= 1"),
        (
            {"optimizer": partial(torch.optim.SGD, lr=0.1, weight_decay=5e-4)},
            r"optimizer\.weight_decay=0\.0005 would act on the bends, not along the curve: type "
            r"optimizer\.weight_decay=0 regularizer=l2 regularizer\.l2\.weight_decay=0\.0005$",
        ),
    ],
)
def test_what_a_curve_cannot_have_is_refused(
    make_curve: MakeCurve, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_curve(**changed)


def test_ends_are_checked(data: ImageData, make_curve: MakeCurve) -> None:
    with pytest.raises(ValueError, match="the same seed=1"):
        make_curve(ends=[trained(data, 1), trained(data, 1)])


def test_a_bend_that_is_not_finite_is_found(make_curve: MakeCurve, make_trainer: MakeTrainer) -> None:
    study = make_curve(optimizer=partial(torch.optim.SGD, lr=1e30))
    with pytest.raises(FloatingPointError, match=r"became (nan|inf|-inf) at step"):
        make_trainer(max_epochs=3).fit(study)


def test_parameters_that_two_layers_share_are_one_point_of_the_curve(
    data: ImageData, make_curve: MakeCurve
) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(64, 64)
            self.second = nn.Linear(64, 64)
            self.second.weight = self.first.weight
            self.last = nn.Linear(64, data.classes)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.second(torch.relu(self.first(x.flatten(1)))))

    def tied(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return Tied()

    ends = [TrainedNetwork(f"run {seed}", tied(seed).state_dict(), seed, dict, 1) for seed in (1, 2)]
    study = make_curve(network=tied(0), ends=ends)
    inputs, _ = data.normalized("test")
    with torch.no_grad():
        outputs = functional_call(study.network, study.at(1.0), (inputs,))
        assert torch.equal(outputs, tied(2)(inputs))
    bend = study.final_members()[1]
    assert bend.keys() == ends[0].state.keys()
    torch.testing.assert_close(bend["first.weight"], (tied(1).first.weight + tied(2).first.weight) / 2)
    assert torch.equal(bend["second.weight"], bend["first.weight"])
