"""``model._target_=theirs.Net``: what a network that is not ours is given, and which run that is."""

import sys
import types

import pytest
import torch
from torch import nn

from lossatlas.runs.build import build_network
from lossatlas.runs.check import check_config, check_jobs
from lossatlas.runs.composition.compose import compose_config, compose_job
from lossatlas.runs.composition.job import ConfigError
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.composition.sweep import compose_jobs
from lossatlas.runs.store.fingerprint import fingerprint

MLP = "model._target_=lossatlas.models.MLP"
TIMM = ["model._target_=timm.create_model", "+model.model_name=resnet10t"]


class Known(nn.Module):
    """Takes what timm's networks take, by name."""

    def __init__(self, width: int, num_classes: int, in_chans: int = 3) -> None:
        super().__init__()


def passing_on(**arguments: object) -> nn.Module:
    """Takes what torch's convolutions take, among them ``in_channels``, and says so nowhere."""
    del arguments["num_classes"]
    return nn.Conv2d(**arguments)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("theirs_of_these_tests")
    module.Known, module.passing_on = Known, passing_on  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)


def model(*overrides: str) -> dict:
    return compose_job(overrides).config["model"]


def test_the_keys_are_those_typed_and_those_of_the_data_and_none_of_the_default_choice() -> None:
    expected = {"_target_": "lossatlas.models.MLP", "hidden": [8], "input_shape": [1, 8, 8], "classes": 10}
    assert model(MLP, "model.hidden=[8]") == model(MLP, "+model.hidden=[8]") == expected


def test_another_choice_that_is_typed_keeps_its_keys() -> None:
    assert model("model=mlp", MLP)["hidden"] == [64, 64]
    assert model("model.width=4")["width"] == 4  # no target: the default choice
    assert "layout" in model("model.width=4")


def test_what_it_takes_of_the_data_goes_by_several_names() -> None:
    target = "model._target_=theirs_of_these_tests.Known"
    assert model(target, "model.width=8") == {
        "_target_": "theirs_of_these_tests.Known",
        "width": 8,
        "num_classes": 10,
        "in_chans": 1,
    }
    assert model(target, "data=synthetic_images", "model.width=8")["in_chans"] == 3
    assert model(target, "model.width=8", "model.in_chans=2")["in_chans"] == 2
    assert "in_chans" not in model(target, "model.width=8", "~model.in_chans")


def test_what_passes_its_arguments_on_is_tried() -> None:
    given = ["model._target_=theirs_of_these_tests.passing_on", "model.out_channels=7", "model.kernel_size=3"]
    network = build_network(compose_job([*given, "data=synthetic_images"]).config)
    assert network.weight.shape == (7, 3, 3, 3)


def test_timms_networks_need_no_more_than_their_names() -> None:
    timm = pytest.importorskip("timm")
    job = compose_job([*TIMM, "init=default"])
    check_jobs([job])
    network = build_network(job.config)
    expected = timm.create_model("resnet10t", num_classes=10, in_chans=1)
    assert {k: v.shape for k, v in network.state_dict().items()} == {
        k: v.shape for k, v in expected.state_dict().items()
    }


def test_torchvisions_networks_take_the_classes_and_no_channels() -> None:
    node = model("model._target_=torchvision.models.squeezenet1_1", "data=synthetic_images")
    assert node == {"_target_": "torchvision.models.squeezenet1_1", "num_classes": 10}


def test_it_is_the_run_of_a_file_with_the_same_keys() -> None:
    overrides = [MLP, "model.hidden=[64,64]", "model.batch_norm=false"]
    assert fingerprint(compose_job(overrides).config) == fingerprint(compose_job(["model=mlp"]).config)


def test_arguments_can_be_swept() -> None:
    jobs = compose_jobs([MLP, "model.hidden=[8],[4]", "seed=0,1"], multirun=True)
    assert [(j.config["model"]["hidden"], j.config["seed"]) for j in jobs] == [
        ([8], 0),
        ([8], 1),
        ([4], 0),
        ([4], 1),
    ]


def test_written_out_once_it_is_written_out() -> None:
    once = Overrides([MLP, "model.hidden=[8]", "seed=3"]).expanded()
    assert once.expanded() == once != (MLP, "model.hidden=[8]", "seed=3")
    later = once.merged(["model.hidden=[4]"])  # as a landscape names another run
    assert compose_config(later).model.hidden == [4]


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (
            ["model._target_=lossatlas.models.MPL"],
            r"^model\._target_=lossatlas\.models\.MPL: cannot be imported",
        ),
        (
            [MLP, "model.hiden=[8]"],
            r"^model\.hiden: lossatlas\.models\.MLP takes no such key; did you mean hidden\?",
        ),
        (["model=own"], r"^model\._target_ is required"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(overrides: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        check_config(compose_job(overrides).config)


def test_no_network_is_made_in_memory_to_see_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the largest network that fits, say, must not be drawn while a command line is read."""
    devices = []

    def large(num_classes: int = 0, **rest: int) -> nn.Module:
        devices.append(torch.empty(0).device.type)
        return nn.Linear(rest["in_chans"], num_classes)

    monkeypatch.setattr(sys.modules["theirs_of_these_tests"], "large", large, raising=False)
    Overrides(["model._target_=theirs_of_these_tests.large"]).expanded()
    assert devices == ["meta"]
