"""Which run a configuration means: what is part of its fingerprint, and what is not."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from pytorch_lightning import Trainer

from lossatlas.cli.launch import Outcome, run_sweeps
from lossatlas.experiments.sweeps import compose_sweeps
from lossatlas.runs.composition.compose import compose_config, compose_job, plain
from lossatlas.runs.store.fingerprint import ADDED, NOT_SCIENTIFIC, fingerprint, with_added

FULL = [
    *("scale=paper", "optimizer=adam", "regularizer=l2", "scheduler=step", "landscape=[line,weights]"),
    "callbacks=early_stopping",
]
EVERYWHERE = pytest.mark.parametrize("overrides", [[], FULL, ["experiment=sharpness/digits"]])


def config(*overrides: str) -> dict[str, Any]:
    return compose_job(overrides).config


def containers(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All mappings and lists in ``node``, itself with them, each with its path."""
    if isinstance(node, dict | list):
        yield path, node
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from containers(value, f"{path}.{key}".lstrip("."))


def is_scientific(path: str) -> bool:
    parts = path.split(".")
    return NOT_SCIENTIFIC.keys().isdisjoint(".".join(parts[:end]) for end in range(1, len(parts) + 1))


def another(value: Any) -> Any:
    """A value of the same kind that is not ``value``."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value}x"


@EVERYWHERE
def test_changing_a_leaf_makes_another_run_exactly_if_it_is_not_listed(overrides: list[str]) -> None:
    composed = config(*overrides)
    before, wrong, leaves = fingerprint(composed), [], 0
    for path, container in containers(composed):
        for key, value in list(container.items() if isinstance(container, dict) else enumerate(container)):
            if not isinstance(value, dict | list):
                leaf = f"{path}.{key}".lstrip(".")
                container[key] = another(value)
                wrong += [leaf] if (fingerprint(composed) != before) != is_scientific(leaf) else []
                container[key] = value
                leaves += 1
    assert wrong == []
    assert leaves > 60
    assert fingerprint(composed) == before


def test_keys_that_came_later_are_not_hashed_at_the_value_that_older_runs_mean() -> None:
    """Of every target a choice shows them; another value makes another run."""
    for target, added in ADDED.items():
        (group, choice), (section, *within) = CHOICE_OF[target.rpartition(".")[2]]
        composed = config(f"{group}={choice}")
        node = composed[section]
        for part in within:
            node = node[part]
        assert node["_target_"] == target
        for key, older in added.items():
            assert node[key] == older
            before, scope = fingerprint(composed), dict(node)
            del node[key]
            assert fingerprint(composed) == before
            assert with_added(node) == scope
            node[key] = another(older)
            assert fingerprint(composed) != before
            node[key] = older


NETWORKS = {
    "MLP": "mlp",
    "LeNet": "lenet",
    "VGG": "vgg16",
    "SqueezeNet": "squeezenet",
    "ResNet": "resnet20",
    "PreActResNet": "preresnet110",
    "WideResNet": "wrn28_10",
    "DenseNet": "densenet40",
}
DATA = ("digits", "mnist", "cifar10", "cifar100", "synthetic_images", "synthetic_blobs")
CHOICE_OF = {  # name of a target -> the choice of a group that shows it, and where
    **{name: (("model", choice), ("model",)) for name, choice in NETWORKS.items()},
    **{name: (("data", name), ("data",)) for name in DATA},
    "HessianFree": (("optimizer", "hessian_free"), ("optimizer",)),
    "L2": (("regularizer", "l2"), ("regularizer", "l2")),
}


def test_the_normalisation_that_a_network_has_is_that_of_runs_from_before_there_was_a_choice() -> None:
    for name in ("default", "batch"):
        composed = config(f"normalization={name}")
        assert fingerprint(composed) == fingerprint(config())
        del composed["normalization"]
        assert fingerprint(composed) == fingerprint(config())
    others = ["normalization=layer", "normalization=group", "normalization.momentum=0.5"]
    others[-1:] = [f"normalization=batch {others[-1]}"]
    assert len({fingerprint(config(*each.split())) for each in [*others, "normalization=default"]}) == 4


@EVERYWHERE
def test_a_new_key_or_item_anywhere_makes_another_run_exactly_if_it_is_not_listed(
    overrides: list[str],
) -> None:
    composed = config(*overrides)
    before, wrong = fingerprint(composed), []
    for path, container in containers(composed):
        if isinstance(container, dict):
            container["new"] = 1
            changed = fingerprint(composed) != before
            del container["new"]
        else:
            container.append(1)
            changed = fingerprint(composed) != before
            container.pop()
        wrong += [path] if changed != is_scientific(f"{path}.new".lstrip(".")) else []
    assert wrong == []


def test_every_key_that_is_listed_as_not_scientific_exists() -> None:
    whole = compose_config(["data=cifar10"])
    paths = {"hydra"} if "hydra" in whole else set()
    ends = "study.ends=[{run: ['seed=1']}, {run: ['seed=2']}]"
    paths |= set(
        compose_job(["study=curve", ends]).config["study"]["ends"][0]["run"]
    )  # a run that a study names
    for path, container in containers(plain(whole)):
        paths |= {f"{path}.{key}".lstrip(".") for key in container if isinstance(container, dict)}
    paths |= {f"trainer.{name}" for name in inspect.signature(Trainer).parameters}  # conf/trainer shows a few
    assert NOT_SCIENTIFIC.keys() - paths == set()


SAME = [
    ["trainer.precision=32"],
    ["trainer.precision=null"],
    ["+trainer.accumulate_grad_batches=1"],
    ["+trainer.gradient_clip_val=null"],
    ["+trainer.gradient_clip_val=0.0", "+trainer.gradient_clip_algorithm=value"],
    ["+trainer.min_epochs=2"],
    ["+trainer.log_every_n_steps=1", "+trainer.profiler=simple", "+trainer.detect_anomaly=true"],
    ["+trainer.benchmark=true", "+trainer.num_nodes=1"],
]


@pytest.mark.parametrize("overrides", SAME)
def test_what_the_trainer_is_told_counts_only_where_something_else_happens(overrides: list[str]) -> None:
    assert fingerprint(config(*overrides)) == fingerprint(config())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["trainer.precision=bf16"], ["trainer.precision=bf16-mixed"]),
        (
            ["+trainer.gradient_clip_val=1"],
            ["+trainer.gradient_clip_val=1.0", "+trainer.gradient_clip_algorithm=norm"],
        ),
    ],
)
def test_two_words_for_one_training_are_one_run(one: list[str], other: list[str]) -> None:
    assert fingerprint(config(*one)) == fingerprint(config(*other)) != fingerprint(config())


@pytest.mark.parametrize(
    "overrides",
    [
        ["+trainer.accumulate_grad_batches=2"],
        ["+trainer.gradient_clip_val=1", "+trainer.gradient_clip_algorithm=value"],
        ["callbacks=early_stopping", "+trainer.min_epochs=2"],
    ],
)
def test_what_changes_the_training_makes_another_run(overrides: list[str]) -> None:
    others = [overrides[:k] for k in range(len(overrides))]
    assert fingerprint(config(*overrides)) not in [fingerprint(config(*other)) for other in others]


@pytest.mark.parametrize(
    "overrides",
    [
        ["paths.runs=elsewhere", "paths.results=there", "paths.data=here", "data.root=mine"],
        ["runtime.threads=1", "runtime.checkpoint_seconds=0", "hydra/launcher=basic"],
        ["callbacks=[lr_monitor,survey_at_epochs]", "runtime.debug=true", "paths=default"],
        ["trainer=cpu", "trainer.deterministic=warn", "trainer.enable_progress_bar=true"],
        ["logger=csv", "landscape=[line,weights]", "experiment.name=other", "data.download=true"],
    ],
)
def test_where_a_run_lies_and_who_watches_it_are_no_part_of_it(overrides: list[str]) -> None:
    assert fingerprint(config("data=cifar10", *overrides)) == fingerprint(config("data=cifar10"))


@pytest.mark.parametrize("multirun", [False, True])
def test_hydras_job_directory_is_the_directory_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, multirun: bool
) -> None:
    """Hydra is told when the job is launched, so no configuration need be composed to compose another."""
    seen = []
    monkeypatch.setattr(
        "lossatlas.cli.launch.hydra_job",
        lambda config: seen.append(HydraConfig.get().runtime.output_dir) or Outcome(""),
    )
    typed = ["model=mlp", "logger=none", f"paths.runs={tmp_path / 'my store'}", "hydra/launcher=basic"]
    sweeps = compose_sweeps([*typed, "seed=0,1" if multirun else "seed=3"], multirun=multirun)
    run_sweeps(sweeps, multirun=multirun)
    assert seen == [str(tmp_path / "my store" / job.fingerprint) for sweep in sweeps for job in sweep.jobs]
    assert len(seen) == 1 + multirun


def test_spelling_out_a_default_means_the_same_run() -> None:
    spelt = config("scale=digits", "optimizer=sgd", "optimizer.lr=0.10", "epochs=30", "data.batch_size=16")
    assert fingerprint(spelt) == fingerprint(config())


def test_an_experiments_run_is_the_run_of_the_same_settings_without_the_experiment() -> None:
    settings = ["optimizer.weight_decay=0.005", "data.batch_size=164", "seed=4"]
    alone = ["scheduler=step", "scheduler.milestones=[15,22.5,27.5]", "scheduler.interval=step", "epochs=30"]
    asked = config("experiment=sharpness/digits", *settings)
    assert fingerprint(asked) == fingerprint(config(*alone, *settings))


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "42dd21938f344514"),
        (["model=resnet20_narrow", "seed=3"], "3e169d170fece8ac"),
        (["scale=paper"], "94c049b5177c80fc"),
    ],
)
def test_fingerprints_stay_what_they_are(overrides: list[str], expected: str) -> None:
    """Runs lie under these names: where one changes, the runs that people have computed are no longer found.

    So a default that changes, or a key that is added to the configuration, costs every stored run; change
    these values only with what a run computes, or with RESULTS_VERSION.
    """
    assert fingerprint(config(*overrides)) == expected
