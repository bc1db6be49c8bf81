"""Which choice of a group a recorded configuration is."""

from collections.abc import Sequence

import pytest

from lossatlas.runs.composition.choices import Group, groups
from lossatlas.runs.composition.compose import compose_config, compose_job
from lossatlas.runs.store.index import comparable, flatten, settings_of


def settings(*overrides: str) -> dict[str, str]:
    return settings_of(compose_job([*overrides, "logger=none"]).config)


def choices(section: str, *overrides: str, recorded: Sequence[str] = ()) -> set[str]:
    """Those that the run of ``overrides`` is of, if ``recorded`` were recorded of them."""
    group, flat = Group(section), settings(*overrides)
    return {choice for choice in group.options if group.is_choice(choice, flat, recorded)}


def test_groups_are_sections_of_a_configuration() -> None:
    assert {"model", "optimizer", "study", "study.push"} <= set(groups())


@pytest.mark.parametrize(
    "section", ["model", "optimizer", "scheduler", "study.kernel", "init", "regularizer", "data"]
)
def test_what_a_choice_sets_is_what_composing_it_sets(section: str) -> None:
    """The last word is Hydra's; what follows from other keys is left open."""
    group = Group(section)
    before = ["study=distance_kernel"] if section.startswith("study.") else []
    for choice in sorted(group.options)[::5]:
        if choice in ("own", "none"):
            continue
        composed = compose_config([*before, f"{section.replace('.', '/')}={choice}", "logger=none"])
        flat = flatten(
            {section: composed[section]} if "." not in section else {section: composed.study.kernel}
        )
        found = group.settings(choice)
        assert found.keys() == flat.keys()
        assert any(value is not None for value in found.values())
        for key, value in found.items():
            assert value is None or comparable(value) == comparable(flat[key])


def test_a_choice_is_known_by_its_settings_however_it_was_asked_for() -> None:
    assert choices("model") == {"vgg9_narrow"}  # the default
    assert choices("optimizer") == {"sgd"}
    assert choices("model", "model=resnet20_narrow") == {"resnet20_narrow"}
    assert choices("model", "model=resnet20", "model.width=8") == {"resnet20_narrow"}  # the same run
    assert choices("model", "model=resnet20_narrow", "model.skip=false") == {"resnet20_noshort_narrow"}
    assert choices("regularizer") == {"none"}
    assert choices("regularizer", "regularizer=l2", "regularizer.l2.weight_decay=0.1") == {"l2"}


def test_where_keys_were_changed_it_is_the_one_that_was_typed_or_the_nearest() -> None:
    changed = ("model=resnet56", "model.width=3")
    assert choices("model", *changed, recorded=changed) == {"resnet56"}
    assert choices("model", *changed) >= {"resnet56"}
    assert "resnet20" not in choices("model", *changed)
    assert choices("optimizer", "optimizer.momentum=0.5") == {"sgd"}
    # What is recorded does not count against what is there.
    assert choices("model", "model=mlp", recorded=["model=resnet56"]) == {"mlp"}


def test_a_network_of_the_user_s_own_is_the_choice_own_and_no_other() -> None:
    typed = ["model._target_=torch.nn.Flatten"]
    group = Group("model")
    flat = settings("model=mlp") | {"model": "torch.nn.Flatten"}
    assert group.is_choice("own", flat, typed)
    assert not group.is_choice("mlp", flat, typed)
    assert not group.is_choice("own", settings("model=mlp"), ["model=mlp"])


def test_a_choice_of_the_user_s_own_folder_is_known_by_its_name() -> None:
    assert Group("model").is_choice("theirs", settings("model=mlp"), ["model=theirs"])
    assert not Group("model").is_choice("theirs", settings("model=mlp"), ["model=mlp"])


def test_what_changes_no_result_tells_no_runs_apart() -> None:
    assert Group("trainer").why_not_told("cpu") == "the hardware, which the manifest records"
    assert Group("trainer").why_not_told("bf16") is None
    assert Group("callbacks").why_not_told("lr_monitor") == "sends rates to the logger"
    assert all(Group("model").why_not_told(choice) is None for choice in ("mlp", "vgg9", "resnet56"))
