"""KEY=VALUE: one rule for its key, Hydra's for its value, and what is made of several."""

import pickle
from copy import deepcopy

import pytest
from hydra.errors import HydraException

from lossatlas.runs.composition.overrides import Overrides, key_of

BASE = Overrides(["scheduler=cyclic_cosine", "scheduler.cycles=5", "data.batch_size=4"])


@pytest.mark.parametrize(
    "override", ["study/push=away", "+study/push=away", "++study.push=away", "~study/push", "study.push=a=b"]
)
def test_a_key_is_the_same_however_it_is_written(override: str) -> None:
    typed = Overrides([override, "seed=1"])
    assert key_of(override) == "study.push"
    assert typed.keys == ("study.push", "seed")
    assert typed.section("study") == typed.section("study/push") == (override,)
    assert typed.without("study.push") == ("seed=1",)


def test_a_section_is_no_longer_word_that_begins_alike() -> None:
    typed = Overrides(["data=digits", "data.train=3", "database=x"])
    assert typed.section("data") == ("data=digits", "data.train=3")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lr=5e-4", 0.0005),
        ("lr=null", None),
        ("lr='1'", "1"),
        ("lr=[1,a]", [1, "a"]),
        ("lr={run: ['seed=1']}", {"run": ["seed=1"]}),
        ("~lr", "default"),
        ("other=1", "default"),
    ],
)
def test_a_value_is_what_hydra_takes_it_for(text: str, value: object) -> None:
    assert Overrides(["lr=7" if text.startswith("l") else "seed=0", text]).value("lr", "default") == value


def test_what_hydra_cannot_read_is_told_when_it_is_read() -> None:
    typed = Overrides(["seed", "ckpt=my net (1).pt"])
    assert typed.keys == ("seed", "ckpt")
    assert dict(typed.items())["ckpt"] == "my net (1).pt"
    with pytest.raises(HydraException, match="Error parsing override 'seed'"):
        _ = typed.parsed


def test_those_that_do_not_sweep_are_what_jobs_share() -> None:
    assert Overrides(["seed=0,1", "epochs=2", "a=[1,2]", "b=range(3)"]).fixed() == ("epochs=2", "a=[1,2]")


def test_another_choice_of_a_group_leaves_out_what_was_set_within_the_old_one() -> None:
    assert BASE.merged(["scheduler=step"]) == ("scheduler=step", "data.batch_size=4")
    assert BASE.merged(["scheduler=cyclic_cosine"]) == BASE
    within = Overrides(["study/width=sigma", "study.width.sigma=3"])
    assert within.merged(["study/width=inverse"]) == ("study/width=inverse",)


def test_what_is_merged_stands_in_its_place_as_it_was_written_last() -> None:
    assert BASE.merged(["+data.batch_size=8", "seed=1"])[2:] == ("+data.batch_size=8", "seed=1")
    assert (
        Overrides(["study/kernel=cauchy", "epochs=1"]).merged(["study.kernel=rbf"])[0] == "study.kernel=rbf"
    )


def test_a_run_that_a_study_names_has_all_but_the_study() -> None:
    base = ["study=distance_kernel", "study/kernel=cauchy", "study.strength=3", "model=mlp"]
    assert Overrides(base).of_named_run(["epochs=2"]) == ("study=classifier", "model=mlp", "epochs=2")
    assert Overrides(["study=curve", *BASE]).of_named_run(["study=snapshot"]) == (*BASE, "study=snapshot")


@pytest.mark.parametrize(
    ("typed", "expanded"),
    [
        (["experiment=fge"], ("experiment=fge/digits",)),
        (["experiment=fge", "seed=1", "scale=paper"], ("experiment=fge/paper", "seed=1")),
        (["experiment=fge/paper", "scale=digits"], ("experiment=fge/paper", "scale=digits")),
        (["experiment=null", "scale=paper"], ("experiment=null", "scale=paper")),
        (["experiment.name=fge", "scale=paper"], ("experiment.name=fge", "scale=paper")),
    ],
)
def test_an_experiment_is_written_out_once(typed: list[str], expanded: tuple[str, ...]) -> None:
    once = Overrides(typed).expanded()
    assert once == once.expanded() == expanded


def test_places_are_all_that_a_job_keeps_of_hydras_own() -> None:
    typed = Overrides(["hydra/launcher=basic", "hydra.searchpath=[file://x]", "hydra.job.chdir=true"])
    assert typed.places() == ("hydra.searchpath=[file://x]",)


def test_they_are_carried_to_other_processes_as_they_are() -> None:
    for copy in (deepcopy(BASE), pickle.loads(pickle.dumps(BASE))):
        assert (type(copy), copy) == (Overrides, BASE)
