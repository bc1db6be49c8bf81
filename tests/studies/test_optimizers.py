"""Every choice of conf/optimizer under studies: resumed to the same bits, closures, second-order steps, refusals."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from torch import Tensor, nn
from torch.testing import assert_close

from lossatlas.data import ImageData, synthetic_images
from lossatlas.models import MLP
from lossatlas.optim import L2, SAM, HessianFree, Momentum, Muon, Newton, SaddleFreeNewton
from lossatlas.studies import (
    AveragedClassifier,
    CheckpointEnsemble,
    Classifier,
    Curve,
    TrainedNetwork,
    UniformPosition,
)
from lossatlas.studies.trained_network import refuse_weight_decay

MakeStudy = Callable[..., Any]
MakeTrainer = Callable[..., Trainer]
CONF = Path(__file__).parents[2] / "conf" / "optimizer"
CHOICES = sorted(path.stem for path in CONF.glob("*.yaml"))
RATES = {"sgd": 0.05, "adam": 0.01}
DECAYS = {"coupled": 0.0005, "decoupled": 0.01}
SHORT = {  # steps that take long
    "lbfgs": {"max_iter": 4},
    "hessian_free": {"iterations": 12},
    "newton": {"damping": 0.5, "adapt": True},
    "saddle_free_newton": {"trust_radius": 0.5, "adapt": True, "subspace": 10},
}
EPOCH = 3  # steps


def optimizer_of(choice: str) -> Any:
    node = OmegaConf.create(
        {"rates": RATES, "decays": DECAYS, "choice": OmegaConf.load(CONF / f"{choice}.yaml")}
    ).choice
    return instantiate(OmegaConf.merge(node, SHORT.get(choice, {})))


def tiny(*, batch_norm: bool = True, dropout: float = 0.0) -> nn.Module:
    """Of 4 x 4 images to four classes by eight units: 204 parameters with batch norm."""
    torch.manual_seed(0)
    made = MLP([8], input_shape=(1, 4, 4), classes=4, batch_norm=batch_norm)
    made.layers.insert(len(made.layers) - 1, nn.Dropout(dropout))
    return made


def images(batch_size: int = 16) -> ImageData:
    return synthetic_images(
        batch_size=batch_size, shape=(1, 4, 4), classes=4, train=40, validation=13, test=29, noise=1.0
    )


class SaveAfter(Checkpoint):
    """Saves a checkpoint after the first batch of the second epoch, and after its end."""

    def __init__(self, folder: Path) -> None:
        self.within, self.after = folder / "within.ckpt", folder / "after.ckpt"

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *rest: Any) -> None:
        if trainer.global_step == EPOCH + 1:
            trainer.save_checkpoint(self.within)

    def on_train_epoch_end(self, trainer: Trainer, study: LightningModule) -> None:
        if trainer.global_step == 2 * EPOCH:
            trainer.save_checkpoint(self.after)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_goes_on_to_the_same_bits(
    make_study: MakeStudy, make_trainer: MakeTrainer, tmp_path: Path, choice: str
) -> None:
    """From the middle of an epoch and from its end, with batch norm, dropout and a penalty."""

    def study() -> Any:
        return make_study(
            network=tiny(dropout=0.2),
            data=images(),
            optimizer=optimizer_of(choice),
            penalties={"l2": L2(1e-3)},
        )

    whole = study()
    save = SaveAfter(tmp_path)
    trainer = make_trainer(max_epochs=3, callbacks=[save], enable_checkpointing=True)
    trainer.fit(whole)
    for path in (save.within, save.after):
        resumed = study()
        again = make_trainer(max_epochs=3)
        again.fit(resumed, ckpt_path=path, weights_only=True)
        assert_close(resumed.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)
        assert resumed.history == whole.history
        ours, theirs = (t.optimizers[0].state_dict() for t in (again, trainer))
        assert_close(ours["state"], theirs["state"], rtol=0, atol=0)
        assert ours["param_groups"] == theirs["param_groups"]


@pytest.mark.parametrize("choice", ["adamw", "sam", "muon", "newton", "hessian_free"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [(CheckpointEnsemble, {"epochs": 2, "members": 2}), (AveragedClassifier, {"epochs": 2, "begin": 0.4})],
    ids=["checkpoints", "swa"],
)
def test_other_studies_are_trained_by_it_as_the_classifier_is(
    make_study: MakeStudy, make_trainer: MakeTrainer, choice: str, kind: Any, options: dict[str, Any]
) -> None:
    plain = make_study(network=tiny(), data=images(), optimizer=optimizer_of(choice))
    other = make_study(kind, network=tiny(), data=images(), optimizer=optimizer_of(choice), **options)
    for study in (plain, other):
        make_trainer(max_epochs=2).fit(study)
    assert other.history[-1]["train_loss"] == plain.history[-1]["train_loss"]


# Closures


def test_sam_steps_as_its_equations_by_hand(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    """Foret et al. 2021: the gradient at w + rho g / |g|, batch norm's running statistics those at w."""
    study = make_study(
        network=tiny(), data=images(), optimizer=partial(SAM, base=partial(torch.optim.SGD, lr=0.1), rho=0.3)
    )
    alone = tiny()
    inputs, targets = images().batch(seed=0, step=0)
    own = list(alone.parameters())

    def slope() -> list[Tensor]:
        return list(torch.autograd.grad(nn.functional.cross_entropy(alone(inputs), targets), own))

    first = slope()
    moved = {name: tensor.clone() for name, tensor in alone.named_buffers()}
    norm = torch.cat([part.flatten() for part in first]).norm()
    with torch.no_grad():
        for parameter, part in zip(own, first, strict=True):
            parameter.add_(0.3 * part / norm)
    second = slope()
    with torch.no_grad():
        for parameter, climbed, part in zip(own, first, second, strict=True):
            parameter.sub_(0.3 * climbed / norm + 0.1 * part)
    make_trainer(max_steps=1).fit(study)
    assert_close(dict(study.network.named_parameters()), dict(alone.named_parameters()))
    assert_close(dict(study.network.named_buffers()), moved)


def test_the_record_under_sam_is_of_the_weights_before_each_step(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    """With a rate of nothing every epoch has the loss of the initialisation."""
    base = partial(torch.optim.SGD, lr=0.0)
    study = make_study(
        network=tiny(batch_norm=False), data=images(), optimizer=partial(SAM, base=base, rho=2.0)
    )
    make_trainer(max_epochs=2).fit(study)
    expected = study.measure("train")["loss"]
    assert [row["train_loss"] for row in study.history[1:]] == pytest.approx([expected] * 2, rel=1e-5)


# Second order


def hessian_by_differences(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Of the mean cross-entropy, by central differences of the gradient in float64; (n, n)."""
    own = list(network.parameters())

    def gradient() -> Tensor:
        loss = nn.functional.cross_entropy(network(inputs), targets)
        return torch.cat([part.flatten() for part in torch.autograd.grad(loss, own)])

    columns = []
    for parameter in own:
        flat = parameter.data.view(-1)
        for k in range(flat.numel()):
            kept = flat[k].item()
            sides = []
            for place in (kept + 1e-5, kept - 1e-5):
                flat[k] = place
                sides.append(gradient())
            flat[k] = kept
            columns.append((sides[0] - sides[1]) / 2e-5)
    return torch.stack(columns)


@pytest.mark.parametrize("is_normed", [False, True])  # torch has second derivatives of weight norm wrong
@pytest.mark.parametrize("kind", [Newton, SaddleFreeNewton])
def test_a_step_on_a_network_is_that_with_the_hessian_by_finite_differences(
    make_study: MakeStudy, make_trainer: MakeTrainer, kind: Any, is_normed: bool
) -> None:
    def smooth() -> nn.Module:
        torch.manual_seed(0)
        first, last = nn.Linear(16, 3), nn.Linear(3, 4)
        for layer in (first, last) if is_normed else ():
            nn.utils.parametrizations.weight_norm(layer)
        return nn.Sequential(nn.Flatten(), first, nn.BatchNorm1d(3), nn.Tanh(), last)

    study = make_study(network=smooth(), data=images(40), optimizer=partial(kind, damping=0.5))
    inputs, targets = images(40).batch(seed=0, step=0)
    alone = smooth().double()
    hessian = hessian_by_differences(alone, inputs.double(), targets)
    loss = nn.functional.cross_entropy(alone(inputs.double()), targets)
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(alone.parameters()))])
    values, vectors = torch.linalg.eigh((hessian + hessian.T) / 2)
    curvatures = (values if kind is Newton else values.abs()) + 0.5
    expected = nn.utils.parameters_to_vector(alone.parameters()) - vectors @ (
        (vectors.T @ gradient) / curvatures
    )
    make_trainer(max_steps=1).fit(study)
    found = nn.utils.parameters_to_vector(study.network.parameters())
    assert_close(found.double(), expected.detach(), rtol=1e-3, atol=1e-4)


def test_the_gauss_newton_matrix_is_positive_where_the_hessian_is_not_and_has_the_penalties(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    """In one step with many iterations: -(J'(diag p - pp')J + decay + damping)^-1 g, J by finite differences."""

    def smooth() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.Tanh(), nn.Linear(3, 4))

    settings = {"damping": 0.1, "adapt": False, "iterations": 300, "tolerance": 0.0}
    study = make_study(
        network=smooth(),
        data=images(40),
        optimizer=partial(HessianFree, **settings),
        penalties={"l2": L2(0.2)},
    )
    inputs, targets = images(40).batch(seed=0, step=0)
    alone, dense = smooth().double(), inputs.double()
    start = nn.utils.parameters_to_vector(alone.parameters()).detach()

    def outputs(vector: Tensor) -> Tensor:
        nn.utils.vector_to_parameters(vector, alone.parameters())
        with torch.no_grad():
            return alone(dense)  # (40, 4)

    steps = 1e-5 * torch.eye(len(start), dtype=torch.float64)
    jacobian = torch.stack(
        [(outputs(start + s) - outputs(start - s)) / 2e-5 for s in steps], -1
    )  # (40, 4, n)
    p = outputs(start).softmax(1)
    of_loss = torch.diag_embed(p) - p[:, :, None] * p[:, None]  # (40, 4, 4)
    matrix = torch.einsum("bin,bij,bjm->nm", jacobian, of_loss, jacobian) / 40
    slope = torch.einsum("bin,bi->n", jacobian, p - nn.functional.one_hot(targets, 4)) / 40 + 0.2 * start
    assert torch.linalg.eigvalsh(matrix).min() > -1e-9
    expected = start - torch.linalg.solve(matrix + 0.3 * torch.eye(len(start)), slope)
    make_trainer(max_steps=1).fit(study)
    found = nn.utils.parameters_to_vector(study.network.parameters()).double()
    assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_newton_finds_the_minimum_of_a_convex_loss_in_a_few_steps(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    """Logistic regression with a penalty, on the whole training set."""
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    study = make_study(network=linear, data=images(40), optimizer=Newton, penalties={"l2": L2(0.1)})
    make_trainer(max_epochs=8).fit(study)
    inputs, targets = images().normalized("train")
    loss = nn.functional.cross_entropy(linear(inputs), targets) + L2(0.1)(dict(linear.named_parameters()))
    slopes = torch.autograd.grad(loss, list(linear.parameters()))
    assert max(slope.abs().max() for slope in slopes) < 1e-6


# What does not go


def test_gradients_are_not_accumulated_for_sam(make_study: MakeStudy, make_trainer: MakeTrainer) -> None:
    study = make_study(optimizer=optimizer_of("sam"), accumulate_grad_batches=2)
    with pytest.raises(ValueError, match="SAM evaluates the loss several times a step"):
        make_trainer(max_epochs=1, accumulate_grad_batches=2).fit(study)


def test_bends_are_no_matrix_of_muons_but_are_trained_by_sam_and_newton(
    make_study: MakeStudy, make_trainer: MakeTrainer
) -> None:
    from lossatlas.landscape import Bezier

    def end(seed: int) -> TrainedNetwork:
        torch.manual_seed(seed)
        state = nn.Sequential(nn.Flatten(), nn.Linear(16, 4)).state_dict()
        return TrainedNetwork(f"run {seed}", state, seed, dict, 1)

    def curve(optimizer: Any) -> Curve:
        shared = make_study(data=images(40))
        return Curve(
            nn.Sequential(nn.Flatten(), nn.Linear(16, 4)),
            images(40),
            loss=shared.loss,
            metrics=dict(shared.metrics.items()),
            optimizer=optimizer,
            schedule=shared._schedule,
            penalties={},
            seed=0,
            ends=[end(1), end(2)],
            curve=Bezier(1),
            objective=UniformPosition(),
        )

    with pytest.raises(ValueError, match="Curve is not trained by Muon: a bend is a row of all weights"):
        make_trainer(max_epochs=1).fit(curve(partial(Muon, lr=0.01)))
    with pytest.raises(ValueError, match=r"optimizer\.weight_decay=0\.1 would act on the bends"):
        curve(partial(Momentum, lr=0.1, weight_decay=0.1, bias_decay=False))
    base = partial(torch.optim.SGD, lr=0.3)
    for optimizer in (partial(SAM, base=base), partial(Newton, damping=0.1), HessianFree):
        study = curve(optimizer)
        make_trainer(max_epochs=6).fit(study)
        assert study.history[-1]["train_loss"] < study.history[1]["train_loss"] - 0.1, optimizer


def test_a_classifier_that_goes_on_with_a_trunks_momentum_has_the_trunks_groups() -> None:
    from lossatlas.studies.branching import layout

    def groups(**settings: Any) -> Any:
        return layout(Momentum(tiny().parameters(), 0.1, **settings).state_dict())

    assert groups() == groups(momentum=0.5)
    assert groups() != groups(bias_decay=False)


def test_two_classifiers_of_one_kind_share_nothing(make_study: MakeStudy) -> None:
    """The parts of an optimizer that is made of others are its own."""
    one, two = (make_study(Classifier, optimizer=optimizer_of("muon")).make_optimizer() for _ in range(2))
    assert one.param_groups[0] is not two.param_groups[0]
    assert one.parts[0].param_groups[0] is one.param_groups[0]


@pytest.mark.parametrize(
    ("choice", "key"), [("sgd", "optimizer.weight_decay"), ("sam", "optimizer.base.weight_decay")]
)
def test_weight_decay_that_a_study_refuses_is_named_by_its_own_key(choice: str, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}=0.0005 would pull: type {key}=0 regularizer=l2 "):
        refuse_weight_decay(optimizer_of(choice), "would pull")
