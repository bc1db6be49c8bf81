"""Optimizers and schedules as they are typed: what goes into a configuration, and what is refused before training."""

from typing import Any

import pytest
from small_runs import SMALL, small, trained

from lossatlas.runs.check import check_jobs
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import ConfigError
from lossatlas.runs.store.fingerprint import fingerprint

BALL = (
    *("data=synthetic_blobs", "data.shape=[1,1,2]", "data.classes=2", "data.separation=0"),
    *("model=ball", "init=default"),
)
NO_SGD = tuple(f"~optimizer.base.{key}" for key in ("momentum", "dampening", "nesterov", "weight_decay"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ("scheduler=plateau", "data.validation=0"),
            r"^scheduler\.monitor=validation_loss: no such column of history\.csv; ",
        ),
        (
            ("scheduler=plateau", "scheduler.monitor=validation_eror"),
            r"^scheduler\.monitor=validation_eror: .* did you mean validation_error\?$",
        ),
        (
            (*BALL, "optimizer=muon"),
            r"^optimizer: Muon makes the steps of matrices orthogonal, and none of the 1 parameters is one "
            r"\(shapes \[2\]\): type optimizer=adamw$",
        ),
        (
            ("optimizer=newton", "model.width=16"),
            r"^optimizer: Newton takes the whole Hessian: of [\d,]+ parameters it has [\d.]+ GiB, .* "
            r"expected at most limit=3,000 parameters: type optimizer=hessian_free$",
        ),
        (
            ("optimizer=lbfgs", "trainer.precision=16-mixed"),
            r"^trainer\.precision=16-mixed: LBFGS evaluates the loss itself, .* trainer\.precision=bf16-mixed$",
        ),
        (
            ("optimizer=hessian_free", "+trainer.gradient_clip_val=1.0"),
            r"^trainer\.gradient_clip_val: HessianFree goes by gradient and curvature, .* optimizer\.trust_radius=",
        ),
        (
            ("regularizer=l1", "regularizer.l1.step=proximal", "optimizer=adam"),
            r"^optimizer: Adam moves each weight at a rate of its own, .* type regularizer\.l1\.step=subgradient$",
        ),
        (
            (
                *("study=fge", "scheduler=triangular"),
                "study.start.run=['scheduler=linear','callbacks=best_weights']",
            ),
            r"^study\.start: callbacks\.best_weights ends it with the network of its best epoch",
        ),
        (
            ("optimizer=sam", "+trainer.accumulate_grad_batches=2"),
            r"^optimizer: SAM evaluates the loss several times a step",
        ),
        (
            ("optimizer=momentum", "optimizer.velocity=mean"),
            r"^optimizer: unknown velocity 'mean', expected one of sum, average, rate",
        ),
        (
            ("optimizer=sam", "optimizer.base._target_=torch.optim.LBFGS", *NO_SGD),
            r"^optimizer: base: LBFGS evaluates the loss, .* stepped by gradients alone$",
        ),
        (
            ("callbacks=[early_stopping,best_weights]", "+callbacks.other=${callbacks.best_weights}"),
            r"^callbacks\.other: a checkpoint would take its state for that of callbacks\.best_weights, which is a "
            r"BestWeights too: leave one of them out$",
        ),
        (("optimizer=rmsprop", "optimizer.alpha=1.5"), r"^optimizer: alpha must be in \[0, 1\), got 1\.5$"),
        (
            ("scheduler=exponential", "scheduler.gamma=2.0"),
            r"^scheduler: gamma must be in \(0, 1\], got 2\.0$",
        ),
        (
            ("study=distance_kernel", "study.checkpoints=[1]", "optimizer=newton", "optimizer.limit=99999"),
            r"^optimizer: DistanceKernel is not trained by Newton: the force is added to the gradients of one",
        ),
    ],
)
def test_what_does_not_go_is_told_in_one_line(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_jobs([compose_job([*(SMALL if BALL[0] not in overrides else SMALL[-4:]), *overrides])])


@pytest.mark.parametrize("choice", ["step", "plateau", "one_cycle", "warm_restarts", "constant"])
def test_any_schedule_can_be_warmed_up_from_the_command_line(choice: str) -> None:
    config = compose_job(["scheduler=warmup", f"scheduler@scheduler.schedule={choice}", "epochs=7"]).config
    plain = compose_job([f"scheduler={choice}", "epochs=7"]).config
    assert config["scheduler"]["schedule"] == plain["scheduler"]
    check_jobs([compose_job([*SMALL, "scheduler=warmup", f"scheduler@scheduler.schedule={choice}"])])


@pytest.mark.parametrize(
    ("overrides", "study"),
    [
        (("optimizer=momentum", "optimizer.bias_decay=false", "scheduler=plateau"), ()),
        (("optimizer=sam", "optimizer.base._target_=lossatlas.optim.Muon"), ()),
        (("optimizer=muon", "scheduler=warmup"), ("study=snapshot", "scheduler=warm_restarts")),
    ],
    ids=["groups, plateau", "muon by sam", "muon, snapshots"],
)
def test_they_are_trained_and_found_again(tmp_path: Any, overrides: Any, study: Any) -> None:
    removed = [f"~optimizer.base.{key}" for key in ("dampening",)] if "sam" in overrides[0] else []
    typed = [*overrides, *removed, *study, *(["scheduler.period=1"] if study else [])]
    run = trained(small(tmp_path, *typed))
    config = compose_job([*SMALL, *typed, f"paths.runs={tmp_path}"]).config
    assert run.fingerprint == fingerprint(config)
    manifest = run.manifest()
    assert manifest is not None
    assert manifest.status == "finished"
