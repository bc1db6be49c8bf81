"""Each kind of network and study at scale paper takes its first step, on a CIFAR of 50 images."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from composed import jobs_of
from readings import VALUES

from lossatlas.runs.build import build_data, build_network
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.store.landscape_files import open_landscape
from lossatlas.runs.store.store import Run
from lossatlas.runs.surveyor import Surveyor

OneStep = Callable[..., Run]
slow = pytest.mark.slow


def weights(run: Run) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Tensors of weights before the step and after it."""
    start, after = run.snapshot(0), run.state()
    return {name: (start[name], after[name]) for name in start if name.endswith("weight")}


@pytest.mark.parametrize(
    ("experiment", "having"),
    [
        ("architectures", {"model.depth": 56, "optimizer.lr": 0.1}),
        ("direction_normalization", {"model": "VGG"}),
        ("direction_normalization", {"model": "MLP"}),
        ("sharpness", {"optimizer": "Adam"}),
        *(
            pytest.param(*row, marks=slow)
            for row in [
                ("architectures", {"model.depth": 56, "optimizer.lr": 0.01}),
                ("architectures", {"model.depth": 110}),
                ("architectures", {"model.depth": 156}),
                ("architectures", {"model": "DenseNet"}),
                *(("convexity", {"model": model}) for model in ("ResNet", "DenseNet")),
                *(
                    ("depth", {"model.depth": depth, "model.skip": skip})
                    for depth in (20, 56, 110)
                    for skip in (True, False)
                ),
                ("sharpness", {"model": "ResNet"}),
                ("repeatability", {"model": "ResNet", "model.skip": False}),
                ("trajectory", {"optimizer": "SGD"}),
                ("initialization", {"model": "ResNet", "model.depth": 20, "init": "delta_orthogonal"}),
                *(("spectrum", {"data": "cifar10", "model.batch_norm": norm}) for norm in (True, False)),
                *(
                    ("width", {"model.width": 16 * k, "model.skip": skip})
                    for k in (1, 2, 4, 8)
                    for skip in (True, False)
                ),
                *(("squeezenet", {"experiment.network": network}) for network in ("alexnet", "squeezenet")),
                *(("squeezenet", {"experiment.network": network}) for network in ("complex", "unsqueezed")),
                *(
                    ("regularization", {"experiment.method": method, "model": "PreActResNet"})
                    for method in ("mixup", "l1", "l2")
                ),
                ("regularization", {"experiment.method": "cutout"}),
                *(
                    ("optimizers", {"model": "VGG", "optimizer": o})
                    for o in ("Momentum", "AdaGrad", "RMSProp", "Adam")
                ),
                ("cells", {"experiment.between": "modes"}),
                ("symmetry", {"model": "MLP"}),
                ("symmetry", {"model": "ResNet"}),
                ("rate_to_batch", {"experiment.ratio": 0.00025, "data.batch_size": 32}),
                ("step_sizes", {"experiment.part": "network", "experiment.method": "sgd"}),
                ("learning_rates", {"experiment.part": "constant"}),
                ("learning_rates", {"experiment.part": "descent"}),
                ("minibatch_noise", {"experiment.part": "examples"}),
                ("minibatch_noise", {"experiment.part": "first"}),
                ("normalization", {"normalization": "network_deconvolution"}),
                ("normalization", {"normalization": "spectral_normalization"}),
                ("normalization", {"normalization": "group_normalization", "scheduler": "Step"}),
            ]
        ),
    ],
)
def test_a_classifier_begins_where_it_should_and_moves_every_weight(
    one_step: OneStep, experiment: str, having: Mapping[Any, Any]
) -> None:
    run = one_step(experiment, having)
    config = jobs_of(experiment, having)[0].config
    assert run.history().lr.dropna().tolist() == [config["optimizer"]["lr"]]
    expected = build_network(config).state_dict()
    for name, (start, after) in weights(run).items():
        assert torch.equal(start, expected[name])
        assert not torch.equal(start, after)


def test_the_first_step_is_that_of_sgd_with_nesterov_momentum_and_weight_decay(one_step: OneStep) -> None:
    """From rest it is lr (1 + momentum) (gradient + wd w): two decays differ by lr (1 + momentum) wd w."""
    having = {"model": "VGG", "optimizer": "SGD"}
    without, decayed = (one_step("sharpness", having, f"optimizer.weight_decay={wd}") for wd in (0.0, 5e-4))
    after_decayed = decayed.state()
    for name, (start, after) in weights(without).items():
        moved = (after - after_decayed[name]).double()
        expected = 0.1 * (1 + 0.9) * 5e-4 * start.double()
        assert (moved - expected).norm() < 0.02 * expected.norm()


@slow
def test_a_bowl_in_one_dimension_ends_at_its_minimum_by_a_step_at_the_best_rate(one_step: OneStep) -> None:
    having = {"experiment.part": "line", "optimizer.lr": 1.0}
    run = one_step("learning_rates", having, "data.batch_size=2")
    assert run.snapshot(0)["position"].item() >= 1
    assert run.state()["position"].item() == 0


@slow
def test_a_step_of_the_second_order_lowers_the_loss(one_step: OneStep) -> None:
    run = one_step("minibatch_noise", {"experiment.part": "second"})
    manifest = run.manifest()
    assert manifest is not None
    assert manifest.metrics["train_loss"] < run.history().train_loss[1]


@slow
@pytest.mark.parametrize(
    ("experiment", "having", "overrides", "members"),
    [
        ("snapshot", {"study": "CheckpointEnsemble"}, ["study.members=1"], 1),
        ("snapshot", {"study": "SnapshotEnsemble", "optimizer.lr": 0.1}, ["scheduler.cycles=1"], 1),
        ("snapshot", {"study": "SnapshotEnsemble", "scheduler.cycles": 2}, ["scheduler.cycles=1"], 1),
        ("snapshot", {"study": "Classifier", "scheduler": "CyclicCosine"}, [], 0),
        ("snapshot", {"study": "Classifier", "scheduler": "Step"}, [], 0),
        ("warm_restarts", {"scheduler.period": 1}, [], 1),
        ("warm_restarts", {"scheduler.gamma": 0.2}, [], 1),
        ("warm_restarts", {"study.after": [148, 149, 150]}, ["study.after=[1]"], 1),
    ],
)
def test_an_ensemble_of_one_run_keeps_what_the_step_has_made(
    one_step: OneStep, experiment: str, having: Mapping[Any, Any], overrides: list[str], members: int
) -> None:
    run = one_step(experiment, having, *overrides)
    assert run.history().lr.dropna().tolist() == [jobs_of(experiment, having)[0].config["optimizer"]["lr"]]
    for start, after in weights(run).values():
        assert after.isfinite().all()
        assert not torch.equal(start, after)
    kept = run.members()
    assert len(kept) == members
    for state in kept.values():
        assert all(torch.equal(state[name], tensor) for name, tensor in run.state().items())


@slow
@pytest.mark.parametrize(
    ("method", "overrides", "kept"),
    [
        ("Classifier", [], []),
        ("SnapshotEnsemble", ["scheduler.cycles=1"], [2]),
        ("FastGeometricEnsemble", ["scheduler.cycle=1", f"experiment.{VALUES}.start=1"], [1]),
    ],
)
def test_methods_of_fge_take_two_steps(
    one_step: OneStep, method: str, overrides: list[str], kept: list[int]
) -> None:
    """Of which FGE makes one cycle, after a start of two."""
    run = one_step("fge", {"study": method}, *overrides, steps=2)
    manifest = run.manifest()
    assert manifest is not None
    assert [member.step for member in manifest.members] == kept
    assert all(not torch.equal(start, after) for start, after in weights(run).values())
    assert len(Job(Overrides(), run.config()).upstream) == (method == "FastGeometricEnsemble")


@slow
@pytest.mark.parametrize(
    ("experiment", "having", "overrides", "steps"),
    [
        ("mode_width", {"study": "Curve", "model.width": 15}, [], 1),
        ("mode_connectivity", {"study.curve": "Bezier"}, [], 2),
        ("tunnels", {"names of landscape": ["tunnel"]}, [], 1),
        ("cells", {"experiment.between": "curve"}, [f"experiment.{VALUES}.snapshots=[0]"], 1),
    ],
)
def test_a_step_of_a_curve_moves_the_bend_and_leaves_the_ends(
    one_step: OneStep, experiment: str, having: Mapping[Any, Any], overrides: list[str], steps: int
) -> None:
    run = one_step(experiment, having, *overrides, steps=steps)
    first, bend, last = run.members().values()
    for name, start in first.items():
        if name.endswith("weight") and not torch.equal(
            start, last[name]
        ):  # those of batch norm have not differed
            middle = (start + last[name]) / 2
            assert not torch.equal(bend[name], middle)
            assert (bend[name] - middle).norm() < 0.5 * middle.norm()  # it began there


@slow
def test_a_step_of_a_surface_moves_its_three_bends_and_leaves_the_corners(one_step: OneStep) -> None:
    members = one_step("low_loss_surface", {"study": "Triangle"}).members()
    for bend, (one, other) in {1: (0, 3), 2: (0, 5), 4: (3, 5)}.items():
        for name, start in members[one].items():
            if name.endswith("weight"):
                middle = (start + members[other][name]) / 2
                assert not torch.equal(members[bend][name], middle)
                assert (members[bend][name] - middle).norm() < 0.5 * middle.norm()  # it began there


@slow
def test_networks_of_two_widths_take_a_step_on_mnist(one_step: OneStep, tiny_mnist: Path) -> None:
    for width in (25, 500):
        run = one_step("local_minima", {"experiment.width": width}, f"paths.data={tiny_mnist}", steps=2)
        assert all(not torch.equal(start, after) for start, after in weights(run).values())


@slow
def test_a_step_of_a_band_moves_the_pivots_and_leaves_the_ends(one_step: OneStep) -> None:
    having = {"study": "ElasticBand", "model": "VGG", "model.width": 12}
    run = one_step(
        "elastic_band", having, "study.snapshot_epochs=[]", "study.positions=1", "study.cycles=[{steps: 1}]"
    )
    first, *pivots, last = run.members().values()
    assert len(pivots) == 3
    for number, pivot in enumerate(pivots, start=1):
        for name, tensor in pivot.items():
            if name.endswith("weight"):
                straight = torch.lerp(first[name], last[name], number / 4)
                assert not torch.equal(tensor, straight)
                assert torch.allclose(tensor, straight, atol=0.1)


@slow
@pytest.mark.parametrize(
    ("method", "overrides", "images"),
    [
        ("bagging", [], 50),
        ("all_but_fold", ["data.batch_size=40"], 40),
        ("one_fold", ["data.batch_size=10"], 10),
        ("snapshots", ["scheduler.cycles=1"], 50),
    ],
)
def test_members_that_differ_in_their_images_take_a_step(
    one_step: OneStep, method: str, overrides: list[str], images: int
) -> None:
    run = one_step("ensemble_methods", {"experiment.method": method}, *overrides)
    assert len(build_data(run.config()).splits["train"]) == images
    assert all(not torch.equal(start, after) for start, after in weights(run).values())


@slow
def test_a_curve_between_two_members_takes_a_step(one_step: OneStep) -> None:
    """The last layer, which begins with weights of a thousandth, moves by more than half of them."""
    first, bend, last = one_step("ensemble_methods", {"study": "Curve"}).members().values()
    straight = {name: (first[name] + last[name]) / 2 for name in bend if name.endswith("weight")}
    assert any(not torch.equal(bend[name], middle) for name, middle in straight.items())
    assert all(bend[name].isfinite().all() for name in straight)


FROM_THE_START = ["study.trunk=null", "study.every=null", "study.checkpoints=[0]", "data.validation=0"]
RESNET = {"data": "cifar10", "model": "ResNet"}


@slow
@pytest.mark.parametrize(
    ("experiment", "having"),
    [
        *(
            ("distance_baseline", RESNET | {"study.push": push})
            for push in ("Away", "Nothing", "RandomDirection", "Toward")
        ),
        ("distance_strength", RESNET | {"study.strength": 100}),
        ("distance_strength", RESNET | {"study.push": "Nothing"}),
        ("distance_width", RESNET | {"width of the hill": 10}),
        ("distance_multiple", RESNET | {"study.divided": True, "study.push": "Away"}),
        ("distance_multiple", RESNET | {"study.divided": False}),
        ("distance_multiple", RESNET | {"study.merging": "LastCheckpoint"}),
        ("distance_multiple", RESNET | {"study.push": "Nothing"}),
        ("distance_schedule", RESNET | {"scheduler": "Restarted"}),
        (
            "distance_schedule",
            RESNET | {"scheduler": "WarmRestarts", "study.push": "Away", "optimizer.lr": 0.01},
        ),
        ("distance_schedule", RESNET | {"scheduler": "Constant", "optimizer.lr": 0.1}),
        *(
            ("distance_barrier", {"study.push": push, "model.width": 16})
            for push in ("Away", "Nothing", "RandomDirection", "Toward")
        ),
        ("distance_barrier", {"model.width": 64}),
        ("distance_ensemble", {"study.push": "Away"}),
        ("distance_kernels", {"study.kernel": "RBF"}),
        ("distance_kernels", {"study.kernel": "Laplace"}),
        ("distance_kernels", {"study.push": "Nothing"}),
        ("distance_kernels", {"study.width": "Travelled"}),
        ("cells", {"study.push": "Away"}),
        ("cells", {"study.push": "Nothing"}),
    ],
)
def test_an_arm_is_carried_from_its_checkpoint_by_a_step(
    one_step: OneStep, experiment: str, having: Mapping[Any, Any]
) -> None:
    run = one_step(experiment, having, *FROM_THE_START)
    history = run.history()
    assert history.squared_distance_0.iloc[-1] > 0
    rate = jobs_of(experiment, having)[0].config["optimizer"]["lr"]
    assert history.lr.dropna().tolist() == [pytest.approx(rate)]
    assert sorted(run.members()) == [0, 1]


@slow
def test_a_push_that_is_let_out_at_once_takes_a_step(one_step: OneStep) -> None:
    having = {"study.checkpoints": [0], "study.release": 100}
    run = one_step("distance_release", having, f"experiment.{VALUES}.early=1", "data.validation=0")
    assert run.config()["study"]["release"] == 1
    assert run.history().squared_distance_0.iloc[-1] > 0


@slow
@pytest.mark.parametrize("model", ["ResNet", "MobileNetV2"])
def test_a_step_with_and_without_a_checkpoint_is_timed(one_step: OneStep, model: str) -> None:
    quick = [f"landscape.step_time.{key}" for key in ("checkpoints=[0,1]", "steps=1", "rounds=1")]
    run = one_step("distance_cost", {"model": model}, "data.validation=0", "landscape=step_time", *quick)
    surveyor = Surveyor(run, run.config(), lambda value: run)
    ((name, node),) = run.config()["landscape"].items()
    dataset, path = surveyor.survey(name, node), surveyor.path(name, node)
    assert dataset is not None
    assert path is not None
    assert open_landscape(path).seconds.sizes == {"way": 2, "checkpoints": 2}
    assert (dataset.seconds > 0).all()


@slow
@pytest.mark.parametrize("method", ["l0", "first_rise", "best"])
def test_gates_and_both_rules_of_early_stopping_take_a_step(one_step: OneStep, method: str) -> None:
    """Gates are half open at the start, so that what is evaluated are not the weights that were drawn."""
    overrides = [] if method == "l0" else ["data.validation=10"]
    run = one_step("regularization", {"experiment.method": method}, *overrides)
    assert all(after.isfinite().all() for _, after in weights(run).values())
    assert any(not torch.equal(start, after) for start, after in weights(run).values())


@slow
@pytest.mark.parametrize("rate", [0, 0.5])
def test_a_perceptron_with_and_without_dropout_takes_steps_and_stays_within_its_norm(
    one_step: OneStep, tiny_mnist: Path, rate: float
) -> None:
    having = {"model.dropout": rate, "model.hidden": [1024, 1024]}
    run = one_step("dropout", having, f"paths.data={tiny_mnist}", steps=2)
    for start, after in weights(run).values():
        assert not torch.equal(start, after)
        assert after.norm(dim=1).max() < 2 + 1e-5
