"""The callback in a stranger's Trainer, against training loops written out, whose loss has the penalty in it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from lossatlas.optim.distancing import (
    RBF,
    Away,
    Distance,
    DistanceForce,
    EachCheckpoint,
    LastCheckpoint,
    Nothing,
    Push,
    Sigma,
)
from lossatlas.studies import PushFromCheckpoints

SIGMA, STRENGTH = 0.5, 1.0
EXAMPLES = 24


def force(push: Push | None = None, **changed: Any) -> DistanceForce:
    settings = {"distance": Distance(), "merging": EachCheckpoint(), "push": push or Away(), **changed}
    strength = settings.pop("strength", STRENGTH)
    return DistanceForce(RBF(), Sigma(SIGMA), strength, **settings)


class Stranger(LightningModule):
    """Somebody's own module: nothing of this package is in it."""

    def __init__(self, *, batch_size: int = 8, optimizer: Callable[..., Optimizer] | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4)).double()
        self.batch_size = batch_size
        self.optimizer = optimizer or partial(SGD, lr=0.1, momentum=0.9, weight_decay=1e-2)

    def examples(self) -> tuple[Tensor, Tensor]:
        rng = torch.Generator().manual_seed(7)
        dtype = next(self.body.parameters()).dtype
        return torch.randn(EXAMPLES, 3, generator=rng).to(dtype), torch.arange(EXAMPLES) % 4

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return DataLoader(TensorDataset(*self.examples()), batch_size=self.batch_size)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        inputs, targets = batch
        return functional.cross_entropy(self.body(inputs), targets)

    def configure_optimizers(self) -> Optimizer:
        return self.optimizer(self.parameters())


def trained(module: LightningModule, *callbacks: Callback, epochs: int = 4, **trainer: Any) -> Trainer:
    settings: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "max_epochs": epochs,
    }
    ckpt_path = trainer.pop("ckpt_path", None)
    fitted = Trainer(callbacks=list(callbacks), **{**settings, **trainer})
    fitted.fit(module, ckpt_path=ckpt_path)
    return fitted


def penalty(here: Sequence[Tensor], centres: Sequence[Sequence[Tensor]], strength: float) -> Tensor:
    """strength / K times the sum of exp(-D / (2 sigma^2)), as the formula is written."""
    kernels = []
    for centre in centres:
        distance = torch.stack([(p - c).square().sum() for p, c in zip(here, centre, strict=True)]).sum()
        kernels.append(torch.exp(-distance / (2 * SIGMA**2)))
    return strength / len(kernels) * torch.stack(kernels).sum()


def by_hand(
    *,
    at: Sequence[int],
    epochs: int = 4,
    batch_size: int = 8,
    accumulated: int = 1,
    clip: float | None = None,
    strength: float = STRENGTH,
    release: int | None = None,
    decoupled: bool = False,
) -> list[Tensor]:
    """Final weights of the same training without Lightning and without the force."""
    module = Stranger(batch_size=batch_size)
    optimizer, parameters = module.configure_optimizers(), list(module.parameters())
    inputs, targets = module.examples()
    batches = list(zip(inputs.split(batch_size), targets.split(batch_size), strict=True))
    centres: list[list[Tensor]] = []
    for epoch in range(epochs):
        if epoch in at:
            centres.append([parameter.detach().clone() for parameter in parameters])
        pushing = bool(centres) and (release is None or epoch < release)
        for first in range(0, len(batches), accumulated):
            optimizer.zero_grad()
            for index, batch in enumerate(batches[first : first + accumulated]):
                (module.training_step(batch, index) / accumulated).backward()
            moves = torch.autograd.grad(penalty(parameters, centres, strength), parameters) if pushing else ()
            if not decoupled:
                for parameter, move in zip(parameters, moves, strict=False):
                    assert parameter.grad is not None
                    parameter.grad += move
            if clip is not None:
                nn.utils.clip_grad_norm_(parameters, clip)
            optimizer.step()
            if decoupled and moves:
                with torch.no_grad():
                    for parameter, move in zip(parameters, moves, strict=True):
                        parameter.sub_(0.1 * move)
    return [parameter.detach() for parameter in parameters]


def assert_same(module: LightningModule, expected: Sequence[Tensor], rtol: float = 1e-9) -> None:
    """Equal up to ``rtol`` of how far training has gone."""
    found = [parameter.detach().double() for parameter in module.parameters()]
    start = list(Stranger().parameters())
    gone = torch.cat([(p - s).detach().flatten() for p, s in zip(expected, start, strict=True)]).norm()
    apart = torch.cat([(f - p).flatten() for f, p in zip(found, expected, strict=True)]).norm()
    assert apart < rtol * gone


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    import logging
    import warnings

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("at", [[0], [1], [1, 3], [0, 1, 2]])
def test_it_trains_as_a_loss_with_the_penalty_in_it(at: list[int]) -> None:
    module = Stranger()
    trained(module, PushFromCheckpoints(force(), epochs=at))
    assert_same(module, by_hand(at=at))
    without = by_hand(at=[])
    assert max((p - w).abs().max() for p, w in zip(module.parameters(), without, strict=True)) > 1e-2


def test_every_so_many_epochs_is_the_same_as_naming_them() -> None:
    module = Stranger()
    trained(module, PushFromCheckpoints(force(), every=2), epochs=6)
    assert_same(module, by_hand(at=[2, 4], epochs=6))


def test_nothing_pushes_from_the_end_of_the_epoch_of_release() -> None:
    module = Stranger()
    trained(module, PushFromCheckpoints(force(), epochs=[1], release=3), epochs=5)
    assert_same(module, by_hand(at=[1], release=3, epochs=5))


def test_accumulated_gradients_are_pushed_once_a_step_as_one_big_batch_is() -> None:
    module = Stranger(batch_size=4)
    trained(module, PushFromCheckpoints(force(), epochs=[1, 2]), accumulate_grad_batches=2)
    assert_same(module, by_hand(at=[1, 2], batch_size=8))


def test_a_last_step_of_fewer_batches_is_pushed_as_the_others() -> None:
    """Lightning divides each batch's loss by 2 also where only one is left; three batches are two steps."""
    module = Stranger()
    trained(module, PushFromCheckpoints(force(), epochs=[1, 3]), accumulate_grad_batches=2, epochs=5)
    assert_same(module, by_hand(at=[1, 3], accumulated=2, epochs=5))


def test_gradients_are_clipped_with_the_force_in_them() -> None:
    """Were the force added after clipping, the step would be as long as the force says."""
    module = Stranger()
    push = PushFromCheckpoints(force(strength=20.0), epochs=[1])
    trained(module, push, gradient_clip_val=0.3)
    assert_same(module, by_hand(at=[1], clip=0.3, strength=20.0))


class Noted(Callback):
    """Norms of the gradients and of the force's effect, before and after the callback between two of these."""

    def __init__(self) -> None:
        self.gradients: list[list[Tensor]] = []

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        self.gradients.append([p.grad.clone() for p in pl_module.parameters() if p.grad is not None])


@pytest.mark.parametrize("clip", [None, 0.3])
def test_the_force_is_added_after_unscaling_and_before_clipping(clip: float | None) -> None:
    """Added before unscaling it would be a thousandth of itself; the loss's gradient tells that it is unscaled."""
    plain, scaled = Stranger().float(), Stranger().float()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=10**6)
    half = MixedPrecision("16-mixed", "cpu", scaler)
    before, after = Noted(), Noted()
    push = PushFromCheckpoints(force(strength=20.0), epochs=[1])
    trained(scaled, before, push, after, plugins=[half], gradient_clip_val=clip)
    trained(plain, PushFromCheckpoints(force(strength=20.0), epochs=[1]), gradient_clip_val=clip)
    assert scaler.get_scale() == 1024.0
    assert_same(scaled, [p.detach().double() for p in plain.parameters()], rtol=0.02)
    assert_same(scaled, by_hand(at=[1], clip=clip, strength=20.0), rtol=0.02)
    first_pushed = 4  # the second step after the checkpoint, at which the network has left it
    added = [
        a - b for a, b in zip(after.gradients[first_pushed], before.gradients[first_pushed], strict=True)
    ]
    assert torch.cat([part.flatten() for part in added]).norm() > 1.0
    assert all(torch.equal(a, b) for a, b in zip(after.gradients[2], before.gradients[2], strict=True))


@pytest.mark.parametrize("decoupled", [False, True])
def test_a_step_that_is_skipped_for_overflow_is_not_pushed_either(decoupled: bool) -> None:
    module = Stranger(batch_size=EXAMPLES).float()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**100)
    states: list[list[Tensor]] = []

    class Steps(Callback):
        def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
            states.append([parameter.detach().clone() for parameter in module.parameters()])

    push = PushFromCheckpoints(force(), epochs=[1], decoupled=decoupled)
    half = MixedPrecision("16-mixed", "cpu", scaler)
    trained(module, push, Steps(), plugins=[half], epochs=3)
    assert scaler.get_scale() < 2.0**100
    assert all(torch.equal(a, b) for one, two in pairwise(states) for a, b in zip(one, two, strict=True))


def test_bfloat16_trains_nearly_the_same_and_measures_distances_in_float32() -> None:
    module = Stranger().float()
    push = PushFromCheckpoints(force(), epochs=[1])
    trained(module, push, precision="bf16-mixed")
    assert_same(module, by_hand(at=[1]), rtol=0.05)
    assert {tensor.dtype for held in push.state_dict()["taken"].values() for tensor in held} == {
        torch.float32
    }


def test_a_decoupled_force_moves_the_weights_after_the_step_and_nothing_else_acts_on_it() -> None:
    module = Stranger()
    push = PushFromCheckpoints(force(), epochs=[1], decoupled=True)
    trained(module, push, gradient_clip_val=0.05)
    assert_same(module, by_hand(at=[1], decoupled=True, clip=0.05))


def test_a_decoupled_force_takes_the_rate_of_each_group() -> None:
    """Only the second group is pushed for; its rate is a tenth of the other's."""

    def two_groups(parameters: Any) -> Optimizer:
        one, other = (list(parameters)[k : k + 2] for k in (0, 2))
        return SGD([{"params": one}, {"params": other, "lr": 0.0}], lr=0.1)

    module = Stranger(optimizer=lambda parameters: two_groups(list(parameters)))
    trained(module, PushFromCheckpoints(force(), epochs=[0], decoupled=True))
    start = Stranger()
    assert torch.equal(module.body[2].weight, start.body[2].weight)
    assert not torch.equal(module.body[0].weight, start.body[0].weight)


def test_a_training_goes_on_from_lightnings_checkpoint_to_the_same_bits(tmp_path: Path) -> None:
    """From the end of each epoch, before, at and after the checkpoints; the new module begins from other weights."""
    whole, push = Stranger(), PushFromCheckpoints(force(), epochs=[0, 2])

    class Keeps(Callback):
        def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            trainer.save_checkpoint(tmp_path / f"{trainer.current_epoch}.ckpt")

    trained(whole, push, Keeps(), epochs=5)
    for epoch in range(4):
        again, resumed = Stranger(), PushFromCheckpoints(force(), epochs=[0, 2])
        for parameter in again.parameters():
            parameter.data.mul_(3.0)
        trained(again, resumed, epochs=5, ckpt_path=tmp_path / f"{epoch}.ckpt")
        assert all(torch.equal(a, b) for a, b in zip(again.parameters(), whole.parameters(), strict=True))
        assert resumed.metrics == push.metrics
        for number, held in push.state_dict()["taken"].items():
            theirs = resumed.state_dict()["taken"][number]
            assert all(torch.equal(a, b) for a, b in zip(held, theirs, strict=True))


def test_metrics_are_the_distances_kernels_norms_and_angles_of_the_epoch() -> None:
    """One step an epoch, so that what is measured at the last one can be computed from the weights before it."""
    module, push = Stranger(batch_size=EXAMPLES), PushFromCheckpoints(force(), epochs=[1, 2])
    states: list[list[Tensor]] = [[p.detach().clone() for p in module.parameters()]]

    class Steps(Callback):
        def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
            states.append([parameter.detach().clone() for parameter in module.parameters()])

    fitted = trained(module, Steps(), push, epochs=4)
    initial, one, two, before, now = states

    def flat(tensors: Sequence[Tensor]) -> Tensor:
        return torch.cat([tensor.flatten() for tensor in tensors])

    metrics = push.metrics
    for name, place in (("initialisation", initial), ("0", one), ("1", two)):
        gone = (flat(now) - flat(place)).square().sum().item()
        assert metrics[f"squared_distance_{name}"] == pytest.approx(gone)
        relative = gone / flat(place).square().sum().item()
        assert metrics[f"relative_squared_distance_{name}"] == pytest.approx(relative)
        first = sum((n - p).square().sum().item() for n, p in zip(now[:2], place[:2], strict=True))
        assert metrics[f"squared_distance_{name}/body.0"] == pytest.approx(first)
    for number, place in enumerate((one, two)):
        d = (flat(now) - flat(place)).square().sum()
        assert metrics[f"kernel_{number}"] == pytest.approx(torch.exp(-d / (2 * SIGMA**2)).item())
    there = [tensor.clone().requires_grad_() for tensor in before]
    pushed = flat(torch.autograd.grad(penalty(there, [one, two], STRENGTH), there))
    module.load_state_dict(dict(zip(module.state_dict(), before, strict=True)))
    module.zero_grad()
    module.training_step(module.examples(), 0).backward()
    gradient = flat([p.grad for p in module.parameters() if p.grad is not None])
    cosine = functional.cosine_similarity
    assert metrics["force_norm"] == pytest.approx(pushed.norm().item(), rel=1e-5)
    assert metrics["gradient_norm"] == pytest.approx(gradient.norm().item(), rel=1e-5)
    assert metrics["force_gradient_cosine"] == pytest.approx(cosine(pushed, gradient, dim=0).item(), abs=1e-5)
    for number, place in enumerate((one, two)):
        expected = cosine(-gradient, flat(before) - flat(place), dim=0).item()
        assert metrics[f"away_gradient_cosine_{number}"] == pytest.approx(expected, abs=1e-5)
    assert fitted.callback_metrics["kernel_0"].item() == pytest.approx(metrics["kernel_0"])


def test_without_a_push_everything_is_measured_and_training_is_what_it_was_to_the_bit() -> None:
    """Also where the loss does not depend on a parameter, which weight decay then does not touch."""

    class WithSpare(Stranger):
        def __init__(self) -> None:
            super().__init__()
            self.spare = nn.Linear(2, 2).double()

    module, alone = WithSpare(), WithSpare()
    push = PushFromCheckpoints(force(Nothing()), epochs=[1])
    trained(module, push)
    trained(alone)
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), alone.parameters(), strict=True))
    assert push.metrics["squared_distance_0"] > 0
    assert push.metrics["force_norm"] == 0


def test_only_the_network_that_is_named_is_pushed_and_no_frozen_parameter() -> None:
    module = Stranger()
    module.body[0].bias.requires_grad_(False)
    kept = module.body[0].bias.detach().clone()
    push = PushFromCheckpoints(
        force(strength=50.0), epochs=[1], network=lambda module: module.body[0], log=False
    )
    alone = Stranger()
    alone.body[0].bias.requires_grad_(False)
    trained(module, push)
    trained(alone)
    assert torch.equal(module.body[0].bias, kept)
    assert [name for name in push.metrics if name.startswith("squared_distance_0/")] == [
        "squared_distance_0/"
    ]
    assert not torch.allclose(module.body[0].weight, alone.body[0].weight)


def test_the_last_checkpoint_alone_pushes_where_they_are_merged_so() -> None:
    module = Stranger()
    trained(module, PushFromCheckpoints(force(merging=LastCheckpoint()), epochs=[1, 3]), epochs=4)
    halfway = Stranger()
    trained(halfway, PushFromCheckpoints(force(), epochs=[1]), epochs=3)
    assert_same(halfway, by_hand(at=[1], epochs=3))
    both = by_hand(at=[1, 3])
    assert max((p - b).abs().max() for p, b in zip(module.parameters(), both, strict=True)) > 1e-4


class TwoOptimizers(Stranger):
    def configure_optimizers(self) -> Any:
        self.automatic_optimization = False
        return [SGD(self.body[0].parameters(), lr=0.1), SGD(self.body[2].parameters(), lr=0.1)]


def test_two_optimizers_are_refused() -> None:
    with pytest.raises(ValueError, match="the force acts on one optimizer, got a module with 2"):
        trained(TwoOptimizers(), PushFromCheckpoints(force(), epochs=[0]))


def test_a_checkpoint_that_was_never_taken_is_missed_when_training_goes_on(tmp_path: Path) -> None:
    module = Stranger()
    trained(module, epochs=2).save_checkpoint(tmp_path / "two.ckpt")
    with pytest.raises(ValueError, match="no checkpoint of epoch 1 was taken, and training goes on from 2"):
        trained(
            Stranger(),
            PushFromCheckpoints(force(), epochs=[1]),
            epochs=4,
            ckpt_path=tmp_path / "two.ckpt",
        )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "give either epochs or every, got epochs=None and every=None"),
        ({"epochs": [1], "every": 2}, r"give either epochs or every, got epochs=\[1\] and every=2"),
        ({"every": 0}, "every must be >= 1 epochs, got 0"),
        ({"epochs": []}, r"epochs of checkpoints count from 0, the initialisation; got \[\]"),
        ({"epochs": [2, -1]}, r"epochs of checkpoints count from 0, the initialisation; got \[-1, 2\]"),
    ],
)
def test_bad_epochs_are_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        PushFromCheckpoints(force(), **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("accumulated", [1, 3])
def test_two_processes_end_alike_and_as_one_on_all_their_images(tmp_path: Path, accumulated: int) -> None:
    """Were the force averaged with the gradients, or added by each process, it would be another."""
    script = Path(__file__).with_name("two_processes.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, str(script), str(tmp_path), str(accumulated)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert all(torch.equal(a, b) for a, b in zip(*(rank["weights"] for rank in ranks), strict=True))
    assert ranks[0]["metrics"] == ranks[1]["metrics"]
    module = Stranger(batch_size=8)
    alone = PushFromCheckpoints(force(), epochs=[0, 2])
    trained(module, alone, accumulate_grad_batches=accumulated)
    assert_same(module, ranks[0]["weights"])
    assert ranks[0]["metrics"] == pytest.approx(alone.metrics, rel=1e-6, abs=1e-9)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("decoupled", [False, True])
def test_a_gpu_trains_as_the_loop_on_the_cpu_does_also_where_it_is_resumed(
    decoupled: bool, tmp_path: Path
) -> None:
    first = PushFromCheckpoints(force(), epochs=[1], decoupled=decoupled, log=False)
    trained(Stranger(), first, epochs=3, accelerator="gpu").save_checkpoint(tmp_path / "third.ckpt")
    module, again = Stranger(), PushFromCheckpoints(force(), epochs=[1], decoupled=decoupled, log=False)
    trained(module, again, accelerator="gpu", ckpt_path=tmp_path / "third.ckpt")
    for parameter, expected in zip(module.parameters(), by_hand(at=[1], decoupled=decoupled), strict=True):
        torch.testing.assert_close(parameter.detach().cpu(), expected, rtol=1e-9, atol=1e-12)


def test_a_callback_begins_each_training_anew() -> None:
    push = PushFromCheckpoints(force(), epochs=[1], log=False)
    trained(Stranger(), push)
    again = Stranger()
    trained(again, push)
    for parameter, expected in zip(again.parameters(), by_hand(at=[1]), strict=True):
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-9, atol=1e-12)


def test_a_trainer_that_goes_on_keeps_its_checkpoints_and_the_initialisation() -> None:
    push, module = PushFromCheckpoints(force(), epochs=[1], log=False), Stranger()
    trainer = trained(module, push, epochs=3)
    before = dict(push.metrics)
    trainer.fit_loop.max_epochs = 4
    trainer.fit(module)
    assert push.metrics["squared_distance_0"] > before["squared_distance_0"] / 2  # not from a new checkpoint
    start = [parameter.detach() for parameter in Stranger().parameters()]
    there = [parameter.detach() for parameter in module.parameters()]
    squared = sum(float((one - other).square().sum()) for one, other in zip(there, start, strict=True))
    assert push.metrics["squared_distance_initialisation"] == pytest.approx(squared, rel=1e-9)
