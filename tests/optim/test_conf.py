"""Every choice in conf/optimizer, conf/scheduler and conf/regularizer against what it names."""

import inspect
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf

from lossatlas.optim import L2, Cosine
from lossatlas.optim.stepping import needs_objective

CONF = Path(__file__).parents[2] / "conf"
# Arguments of torch's optimizers that do not change the mathematics.
TECHNICAL = {"params", "foreach", "fused", "maximize", "capturable", "differentiable"}
RISING = {"one_cycle": 0.04, "triangular_smith2017": 0.25, "warmup": 0.0}
ADAMW = {"decoupled_weight_decay"}  # makes it another optimizer


def load(path: str) -> DictConfig:
    rates, decays = {"sgd": 0.1, "adam": 0.001}, {"coupled": 0.0005, "decoupled": 0.01}
    node = OmegaConf.load(CONF / f"{path}.yaml")
    for default in node.pop("defaults", []):
        for group, choice in default.items() if default != "_self_" else ():
            other, _, place = group.removeprefix("/").partition("@")
            node[place] = OmegaConf.load(CONF / other / f"{choice}.yaml")
    return OmegaConf.create({"epochs": 12, "rates": rates, "decays": decays, "choice": node}).choice


def choices(*groups: str) -> list[str]:
    return [f"{group}/{path.stem}" for group in groups for path in sorted((CONF / group).glob("*.yaml"))]


@pytest.mark.parametrize("path", choices("optimizer", "scheduler", "regularizer"))
def test_every_choice_says_what_it_is_and_shows_each_argument_of_its_target(path: str) -> None:
    assert (CONF / f"{path}.yaml").read_text().startswith("# ")
    config = load(path)
    if path == "regularizer/none":
        assert config == {}
        return
    shown = {key for key in config if not key.startswith("_")}
    assert shown == set(inspect.signature(get_object(config._target_)).parameters) - TECHNICAL - ADAMW


@pytest.mark.parametrize("path", choices("optimizer"))
def test_an_optimizer_takes_parameters_and_its_state_can_be_read_back_without_running_code(
    path: str, tmp_path: Path
) -> None:
    weight = torch.ones(3, 2, requires_grad=True)
    optimizer = instantiate(load(path))([weight])

    def objective() -> tuple[torch.Tensor, torch.Tensor]:
        return (weight * torch.tensor([1.0, 2.0])).square().sum(), weight

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss, _ = objective()
        loss.backward()
        return loss

    before = closure()
    optimizer.step(closure, **({"objective": objective} if needs_objective(optimizer) else {}))
    assert closure() < before
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["param_groups"][0]["lr"] == optimizer.param_groups[0]["lr"]


def test_sgd_has_the_settings_of_li_et_al() -> None:
    config = load("optimizer/sgd")
    assert (config.lr, config.momentum, config.nesterov, config.weight_decay) == (0.1, 0.9, True, 5e-4)


@pytest.mark.parametrize("path", choices("scheduler"))
def test_a_schedule_starts_at_the_base_rate_unless_it_rises_to_it(path: str) -> None:
    schedule = instantiate(load(path))
    assert schedule(0) == pytest.approx(RISING.get(path.partition("/")[2], 1.0))
    assert schedule.interval in ("step", "epoch")


def test_cosine_runs_over_the_whole_training() -> None:
    schedule = instantiate(load("scheduler/cosine"))
    assert isinstance(schedule, Cosine)
    assert schedule(12) == pytest.approx(0)


def test_schedules_and_penalties_pass_through_a_config_as_they_are() -> None:
    """OmegaConf would turn a dataclass into a config, which cannot be called."""
    inner = instantiate({"l2": {"_target_": "lossatlas.optim.L2", "weight_decay": 0.1}})
    assert isinstance(inner["l2"], L2)
    outer = instantiate({"_target_": "builtins.dict"}, schedule=Cosine(epochs=3))
    assert isinstance(outer["schedule"], Cosine)


def test_penalties_are_gathered_by_name(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text("defaults:\n  - regularizer: [none, l2]\n  - _self_\n")
    (tmp_path / "regularizer").symlink_to(CONF / "regularizer")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        config = compose("main")
    assert list(config.regularizer) == ["l2"]
    assert instantiate(config.regularizer)["l2"].weight_decay == 5e-4
