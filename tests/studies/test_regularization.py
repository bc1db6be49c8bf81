"""What regularisers do in training beside adding to the loss."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from schedule_free import SmallScheduleFree
from torch import nn

from lossatlas.models import MLP
from lossatlas.optim import (
    L0,
    L1,
    L2,
    SAM,
    Constant,
    GradientNoise,
    MaxNorm,
    Momentum,
    Muon,
    Newton,
    Step,
    WeightNoise,
)
from lossatlas.seeds import derive_seed
from lossatlas.studies import AveragedClassifier, Classifier
from lossatlas.studies.regularization import Regularization

MakeStudy = Callable[..., Classifier]
MakeTrainer = Callable[..., Trainer]
SGD = partial(torch.optim.SGD, lr=0.1)


def perceptron() -> MLP:
    torch.manual_seed(0)
    return MLP([8], input_shape=(1, 8, 8), classes=4)


def one_step(
    make_study: MakeStudy, make_trainer: MakeTrainer, regularizer: Any, **changed: Any
) -> tuple[Classifier, dict[str, torch.Tensor]]:
    """The study after its first step, and the weights before."""
    study = make_study(network=perceptron(), penalties={"mine": regularizer}, optimizer=SGD, **changed)
    before = {name: p.detach().clone() for name, p in study.network.named_parameters()}
    make_trainer(max_steps=1, max_epochs=1).fit(study)
    return study, before


def descent(study: Classifier, at: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Gradients of the first batch's loss at other weights, by a network of its own."""
    network = perceptron()
    network.load_state_dict(at)
    inputs, targets = study.data.batch(seed=0, step=0)
    nn.functional.cross_entropy(network(inputs), targets).backward()
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def test_a_proximal_step_is_taken_after_that_of_the_optimizer_at_its_rate(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    study, before = one_step(make_study, make_trainer, L1(0.05, step="proximal"))
    gradient = descent(study, before)
    for name, parameter in study.network.named_parameters():
        expected = nn.functional.softshrink(before[name] - 0.1 * gradient[name], 0.1 * 0.05)
        torch.testing.assert_close(parameter.detach(), expected)
    assert (study.network.layers[1].weight == 0).sum() > 0


def test_norms_are_bounded_after_every_step(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    study = make_study(penalties={"max_norm": MaxNorm(0.3)})
    make_trainer(max_epochs=2).fit(study)
    for parameter in study.network.parameters():
        if parameter.ndim > 1:
            assert parameter.norm(dim=1).max() < 0.3 + 1e-5


def test_a_step_under_weight_noise_is_taken_at_noisy_weights_from_the_clean_ones(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    study, before = one_step(make_study, make_trainer, WeightNoise(0.2))
    torch.manual_seed(derive_seed(0, "step", 0))
    gradient = descent(study, {**before, **WeightNoise(0.2).perturbed(before)})
    for name, parameter in study.network.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name] - 0.1 * gradient[name])


def test_gradients_get_noise_before_they_are_clipped(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    study, before = one_step(make_study, make_trainer, GradientNoise(0.25))
    gradient = descent(study, before)
    torch.manual_seed(derive_seed(0, "step", 0))
    for name, parameter in study.network.named_parameters():
        noisy = gradient[name] + 0.5 * torch.randn_like(parameter)
        torch.testing.assert_close(parameter.detach(), before[name] - 0.1 * noisy)
    clipped = make_study(network=perceptron(), penalties={"noise": GradientNoise(1e6)}, optimizer=SGD)
    make_trainer(max_steps=1, max_epochs=1, gradient_clip_val=1.0).fit(clipped)
    moved = [p.detach() - before[name] for name, p in clipped.network.named_parameters()]
    assert torch.cat([m.flatten() for m in moved]).norm() == pytest.approx(0.1, rel=1e-4)


def test_weights_and_gates_descend_the_loss_at_gated_weights_with_its_penalty(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    l0 = L0(0.01)
    study, before = one_step(make_study, make_trainer, l0)
    network, alphas = perceptron(), {name: a.requires_grad_() for name, a in l0.gates(before).items()}
    torch.manual_seed(derive_seed(0, "step", 0))
    weights = dict(network.named_parameters())
    gated = {name: weights[name] * l0.drawn(alpha) for name, alpha in alphas.items()}
    inputs, targets = study.data.batch(seed=0, step=0)
    logits = torch.func.functional_call(network, gated, (inputs,))
    loss = nn.functional.cross_entropy(logits, targets)
    (loss + l0.penalty(list(alphas.values()), [weights[name] for name in alphas])).backward()
    for name, parameter in study.network.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name] - 0.1 * weights[name].grad)
    for trained, alpha in zip(study.regularization.gates, alphas.values(), strict=True):
        torch.testing.assert_close(trained.detach(), (alpha - 0.1 * alpha.grad).detach())


def test_networks_are_evaluated_and_end_with_settled_gates_that_the_optimizer_does_not_decay(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    study = make_study(
        penalties={"l0": L0(0.02, rate=200)},
        optimizer=partial(torch.optim.SGD, lr=0.5, momentum=0.9, weight_decay=0.1),
        schedule=Step(milestones=[1], gamma=0.1),
    )
    make_trainer(max_epochs=6).fit(study)
    weights, gates = study.trainer.optimizers[0].param_groups
    assert (weights["weight_decay"], gates["weight_decay"]) == (0.1, 0.0)
    assert gates["lr"] == pytest.approx(200 * weights["lr"]) == pytest.approx(10.0)
    weight, (log_alpha, _) = study.network.layers[1].weight, study.regularization.gates
    trained = weight.detach().clone()
    with study.evaluated():
        evaluated = weight.detach().clone()
        measured = study.measure("validation")["loss"]
    assert torch.equal(weight, trained)
    torch.testing.assert_close(evaluated, trained * L0(0.02).settled(log_alpha).detach())
    assert study.history[-1]["validation_loss"] == pytest.approx(measured)
    study.finish()
    assert torch.equal(weight, evaluated)
    assert (weight == 0).sum() > 10
    assert (trained == 0).sum() == 0


def test_any_of_them_go_together(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    together = {
        "l0": L0(0.001, gates="unit"),
        "l1": L1(0.01, step="proximal"),
        "l2": L2(0.01),
        "noise": WeightNoise(0.05, relative=True),
        "gradients": GradientNoise(0.01),
        "norm": MaxNorm(0.5),
    }
    ends = []
    for names in (list(together), list(together)[::-1]):
        study = make_study(penalties={name: together[name] for name in names})
        make_trainer(max_epochs=2).fit(study)
        assert study.network.layers[1].weight.norm(dim=1).max() < 0.5 + 1e-5
        ends.append(study.history[-1]["train_loss"])
    assert ends[0] == pytest.approx(ends[1], rel=0.2)


LBFGS = partial(torch.optim.LBFGS, lr=0.1)
FREE = partial(SmallScheduleFree, lr=0.1)


@pytest.mark.parametrize(
    ("regularizer", "optimizer", "message"),
    [
        (MaxNorm(1.0), LBFGS, "^LBFGS goes by how weights and gradients differ .* regularizer.mine changes"),
        (L0(1.0), LBFGS, "^LBFGS goes by .* regularizer.mine multiplies weights by gates of its own: take"),
        (
            GradientNoise(1.0),
            LBFGS,
            "^LBFGS goes by .* regularizer.mine puts noise on the gradients of a step",
        ),
        (MaxNorm(1.0), FREE, "^regularizer.mine changes weights after each step, and SmallScheduleFree eval"),
    ],
)
def test_optimizers_that_step_otherwise_are_refused_where_it_matters(
    make_study: MakeStudy, regularizer: Any, optimizer: Any, message: str
) -> None:
    study = make_study(penalties={"mine": regularizer})
    with pytest.raises(ValueError, match=message):
        study.check_optimizer(optimizer(study.network.parameters()))


@pytest.mark.parametrize(
    "optimizer",
    [partial(SAM, base=partial(torch.optim.SGD, lr=0.1)), Muon, Newton],
    ids=["SAM", "Muon", "Newton"],
)
def test_gates_are_trained_whatever_an_optimizer_is_made_of(
    make_study: MakeStudy, make_trainer: MakeTrainer, optimizer: Any
) -> None:
    study = make_study(penalties={"mine": L0(0.1)}, optimizer=optimizer)
    before = [gate.detach().clone() for gate in study.regularization.gates]
    make_trainer(max_epochs=1).fit(study)
    assert all((gate != old).any() for gate, old in zip(study.regularization.gates, before, strict=True))
    groups = study.make_optimizer().param_groups
    (of_gates,) = [group for group in groups if group["params"][0] is study.regularization.gates[0]]
    assert of_gates.get("weight_decay", 0.0) == 0.0


def test_what_is_no_regulariser_and_two_sets_of_gates_are_refused(make_study: MakeStudy) -> None:
    with pytest.raises(
        ValueError, match=r"^regularizer.mine: expected a function of the weights .*, got str"
    ):
        make_study(penalties={"mine": "l2"})
    with pytest.raises(ValueError, match=r"^regularizer.two: the weights have gates by regularizer.one"):
        make_study(penalties={"one": L0(1.0), "two": L0(1.0)})


def test_a_network_that_they_cannot_act_on_is_told(make_study: MakeStudy) -> None:
    layer = nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(64, 4)))
    for regularizer in (MaxNorm(1.0), L0(1.0)):
        with pytest.raises(ValueError, match=r"^regularizer.mine: 1.weight is parametrised"):
            make_study(network=layer, penalties={"mine": regularizer})


def test_a_study_whose_network_is_a_mean_takes_no_gates(make_study: MakeStudy) -> None:
    with pytest.raises(
        ValueError, match=r"^AveragedClassifier takes no regularizer.l0, which multiplies weights by gates"
    ):
        make_study(AveragedClassifier, epochs=2, begin=0.5, schedule=Constant(), penalties={"l0": L0(1.0)})


@pytest.mark.parametrize(
    "optimizer",
    [
        *(partial(torch.optim.SGD, momentum=m, nesterov=m > 0) for m in (0.0, 0.9)),
        partial(torch.optim.SGD, momentum=0.9, dampening=0.5),
        *(partial(Momentum, velocity=velocity) for velocity in ("sum", "average", "rate")),
        partial(SAM, base=partial(torch.optim.SGD, lr=0.01, momentum=0.9), rho=0.0),
    ],
)
def test_proximal_steps_come_to_rest_at_the_penalised_minimum_whatever_the_momentum(optimizer: Any) -> None:
    """Of (w - 3)^2 / 2 + |w|: at 2, where with momentum steps at the rate itself would end at 2.9."""
    layer = nn.Linear(1, 1, bias=False)
    acting = Regularization("study", {"l1": L1(1.0, step="proximal")}, layer, {})
    stepped = (
        optimizer(layer.parameters())
        if "base" in optimizer.keywords
        else optimizer(layer.parameters(), lr=0.01)
    )

    def closure() -> None:
        layer.weight.grad = layer.weight.detach() - 3

    for _ in range(3000):
        closure()
        stepped.step(closure)
        acting.project(stepped)
    assert layer.weight.item() == pytest.approx(2.0, abs=1e-3)


def test_proximal_steps_are_refused_where_each_weight_has_a_rate_of_its_own(make_study: MakeStudy) -> None:
    study = make_study(
        penalties={"l1": L1(0.1, step="proximal")}, optimizer=partial(torch.optim.Adam, lr=0.1)
    )
    with pytest.raises(
        ValueError, match=r"^Adam moves each weight at a rate of its own, .* regularizer.l1.step=subg"
    ):
        study.check_optimizer(study.make_optimizer())
