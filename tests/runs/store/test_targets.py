"""What a configuration from elsewhere may name: what only computes."""

import inspect
import sys
import types
from importlib import import_module
from typing import Any

import pytest
import yaml
from torch import nn

from lossatlas.runs.composition.search_path import config_folder
from lossatlas.runs.store.fingerprint import NOT_SCIENTIFIC
from lossatlas.runs.store.targets import _ROOMS, is_allowed, refusals


@pytest.mark.parametrize(
    "target",
    [
        *("torch.nn.Linear", "torch.nn.modules.loss.CrossEntropyLoss", "torch.nn.functional.cross_entropy"),
        *("torch.optim.AdamW", "torch.optim.adamw.AdamW", "torch.optim.lr_scheduler.StepLR"),
        *("torchvision.models.resnet18", "torchvision.models.resnet.ResNet", "torchvision.models.get_model"),
        *("timm.create_model", "timm.models.resnet10t", "timm.models.resnet.resnet10t"),
        *("lossatlas.models.VGG", "lossatlas.data.digits", "lossatlas.landscape.PolygonalChain"),
        *("lossatlas.studies.Curve", "lossatlas.optim.distancing.RBF", "pytorch_lightning.Trainer"),
    ],
)
def test_networks_optimizers_losses_and_schedules_are_allowed(target: str) -> None:
    assert is_allowed(target)


@pytest.mark.parametrize(
    "target",
    [
        # of the packages that are allowed, what is no network, optimizer, loss or schedule
        *("torch.load", "torch.hub.load", "torch.jit.load", "torch.nn.DataParallel", "torch.nn.init.normal_"),
        *("torch.optim.Optimizer.step", "torch.nn.Module.load_state_dict", "torch.nn.functional.torch.load"),
        *("torchvision.io.read_file", "torchvision.models.get_weight", "torchvision.models.list_models"),
        *("timm.is_model", "timm.models.load_checkpoint", "timm.optim.create_optimizer"),
        *("lossatlas.landscape.Journal", "lossatlas.files.write_text", "lossatlas.runs.build.make"),
        *("lossatlas.cli.main.main", "lossatlas.models.vgg.nn", "lossatlas.data", "lossatlas"),
        *("pytorch_lightning.callbacks.ModelCheckpoint", "transformers.pipeline"),
        # modules that an allowed one happens to have imported, and their functions
        *("torch.optim.lr_scheduler.math.sqrt", "torch.nn.modules.module.torch.load"),
        # others, and what is no name
        *("builtins.print", "os.getcwd", "hydra.utils.get_object", "theirs.Net", "print", "", ".", "a..b"),
    ],
)
def test_everything_else_is_not(target: str) -> None:
    assert not is_allowed(target)
    assert [refusal.value for refusal in refusals({"x": {"_target_": target}})] == [target]


def test_of_a_package_that_is_not_listed_nothing_is_imported(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left_a_mark.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('mark').touch()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_allowed("left_a_mark.Net")
    assert list(refusals({"_target_": "left_a_mark.Net"}))
    assert not (tmp_path / "mark").exists()
    assert "left_a_mark" not in sys.modules


def test_all_that_our_own_choices_name_is_allowed() -> None:
    """Else runs of another installation could not be surveyed."""
    left_out = {*NOT_SCIENTIFIC, "debug", "style"}  # of these who surveys has their own
    for file in config_folder().glob("*/**/*.yaml"):
        group = file.relative_to(config_folder()).parts[0]
        if group not in left_out and group not in ("hydra", "experiment", "scale"):
            targets = [
                refusal.value for refusal in refusals(yaml.safe_load(file.read_text())) if refusal.target
            ]
            assert targets in ([], ["???"]), file


@pytest.mark.parametrize(
    ("node", "refused"),
    [
        (
            {"_target_": "timm.create_model", "model_name": "resnet10t", "in_chans": 1, "pretrained": False},
            [],
        ),
        ({"_target_": "timm.create_model", "model_name": "hub:somebody/net"}, ["model_name"]),
        ({"_target_": "timm.create_model", "model_name": "resnet10t", "pretrained": True}, ["pretrained"]),
        ({"_target_": "timm.create_model", "_args_": ["resnet10t", True]}, ["_args_"]),
        (
            {"_target_": "timm.create_model", "model_name": "a", "checkpoint_path": "x.pt"},
            ["checkpoint_path"],
        ),
        ({"_target_": "torchvision.models.resnet18", "weights": None, "num_classes": 4}, []),
        ({"_target_": "torchvision.models.resnet18", "weights": "DEFAULT"}, ["weights"]),
        ({"_target_": "lossatlas.studies.SurveyAtEpochs", "folder": "landscapes"}, []),
        ({"_target_": "lossatlas.studies.SurveyAtEpochs", "folder": "../elsewhere"}, ["folder"]),
        ({"_target_": "lossatlas.studies.SurveyAtEpochs", "folder": "/elsewhere"}, ["folder"]),
        ({"_target_": "lossatlas.landscape.line", "_partial_": True, "journal": "here"}, ["journal"]),
        ({"_target_": ["torch.nn.Linear"]}, ["_target_"]),
        (
            {"loss": [{"_target_": "torch.nn.Linear", "bias": {"_target_": "theirs.f"}}]},
            ["loss.0.bias._target_"],
        ),
        ({"width": "${data.shape}", "other": "${oc.env:HOME}"}, ["other"]),
        ({"width": "${${a}:1}"}, ["width"]),
    ],
)
def test_arguments_name_no_file_and_nothing_to_be_fetched(node: dict[str, Any], refused: list[str]) -> None:
    assert [refusal.path for refusal in refusals({"model": node})] == [f"model.{path}" for path in refused]


def test_a_target_that_is_trusted_takes_any_argument_but_not_other_targets() -> None:
    node = {"_target_": "theirs.Net", "file": "/x", "act": {"_target_": "theirs.Act"}}
    assert [refusal.value for refusal in refusals(node, ["theirs.Net"])] == ["theirs.Act"]
    fetched = {"_target_": "timm.create_model", "model_name": "resnet10t", "pretrained": True}
    assert not list(refusals(fetched, ["timm.create_model"]))


def test_of_transformers_models_and_their_configurations_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package, which the tests do without, has these two bases and its classes in such modules."""
    package, module = types.ModuleType("transformers"), types.ModuleType("transformers.models.net")
    made: dict[str, Any] = {
        "PreTrainedModel": type(
            "PreTrainedModel", (nn.Module,), {"__module__": "transformers.modeling_utils"}
        ),
        "PretrainedConfig": type("PretrainedConfig", (), {"__module__": "transformers.configuration_utils"}),
        "AutoModel": type("AutoModel", (), {"__module__": "transformers.models.auto"}),
    }
    for name, base in (("NetModel", "PreTrainedModel"), ("NetConfig", "PretrainedConfig")):
        made[name] = type(name, (made[base],), {"__module__": module.__name__})
    package.__dict__.update(made)
    module.__dict__.update(made)
    monkeypatch.setitem(sys.modules, "transformers", package)
    monkeypatch.setitem(sys.modules, "transformers.models.net", module)
    for allowed in ("transformers.NetModel", "transformers.models.net.NetModel", "transformers.NetConfig"):
        assert is_allowed(allowed)
    for other in ("transformers.AutoModel", "transformers.NetModel.from_pretrained", "transformers.pipeline"):
        assert not is_allowed(other)
    config = {
        "_target_": "transformers.NetConfig",
        "hidden_size": 8,
        "attn_implementation": "somebody/kernel",
    }
    node = {"_target_": "transformers.NetModel", "config": config}
    assert [refusal.path for refusal in refusals(node)] == [".config.attn_implementation"[1:]]


def test_nothing_of_ours_that_is_allowed_takes_the_path_of_a_file() -> None:
    """Whoever gives a room something that reads or writes a file has to say so in `targets`."""
    words = ("path", "file", "filename", "folder")
    taking = set()
    for room in _ROOMS:
        for name in import_module(room).__all__:
            allowed = is_allowed(f"{room}.{name}")
            thing = getattr(import_module(room), name)
            if allowed and (inspect.isclass(thing) or inspect.isfunction(thing)):
                taking |= {f"{name}.{word}" for word in words if word in inspect.signature(thing).parameters}
    assert {
        one for one in taking if not one.endswith(".folder")
    } == set()  # a folder is held to the run's own
    assert not is_allowed("lossatlas.landscape.write_directions")


def test_no_argument_is_given_by_position() -> None:
    """By name some must not be."""
    node = {"_target_": "lossatlas.studies.SurveyAtEpochs", "_args_": [[1], "/elsewhere"]}
    assert [refusal.path for refusal in refusals({"callback": node})] == ["callback._args_"]
