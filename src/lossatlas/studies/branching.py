"""Branching: training that goes on from the last state of a shared trunk run."""

from collections.abc import Mapping
from typing import Any

from lossatlas.studies.study import Study
from lossatlas.studies.trained_network import TrainedNetwork
from lossatlas.weight_space import check_alike


def check_trunk(study: Study, trunk: TrainedNetwork) -> None:
    """Raise ValueError unless ``study`` trains the network of ``trunk``, from its seed."""
    check_alike(study.network.state_dict(), trunk.state, f"{trunk.name}, the trunk,")
    if trunk.seed != study.seed:
        raise ValueError(
            f"trunk: {trunk.name} has the seed {trunk.seed}, this run {study.seed}: type seed=..."
        )


def branched(study: Study, trunk: TrainedNetwork) -> dict[str, Any]:
    """Training state that ``study`` branches from: the last of ``trunk``, with the study's own settings.

    Weights, momentum, position in the data and record are those of the trunk; rate, weight decay and whatever else is
    a setting of the optimizer or the schedule are the study's. So a study with the settings of its trunk trains on as
    if it had trained from the start. ValueError if the trunk had other batches, or another optimizer.
    """
    state = dict(trunk.training_state())
    if state.get("lossatlas", {}).get("stopped"):
        raise ValueError(
            f"trunk: {trunk.name} was stopped before its last epoch: name one with callbacks=none"
        )
    expected = trunk.epochs * study.steps_per_epoch
    if state["global_step"] != expected:
        raise ValueError(
            f"trunk: {trunk.name} took {state['global_step']} steps, expected {expected}: batches must be the same"
        )
    configured = study.configure_optimizers()
    optimizer, scheduling = configured["optimizer"], configured["lr_scheduler"]
    (theirs,) = state["optimizer_states"]
    ours = optimizer.state_dict()
    if layout(ours) != layout(theirs):
        raise ValueError(
            f"trunk: {trunk.name} was trained with another optimizer than {type(optimizer).__name__}: "
            "an arm keeps that of its trunk"
        )
    study.history = list(state.get("lossatlas", {}).get("history", []))  # which a schedule may go by
    position = expected if scheduling["interval"] == "step" else trunk.epochs
    schedule = _at(position, scheduling["scheduler"])
    groups = [
        {**group, "lr": rate} for group, rate in zip(ours["param_groups"], schedule["_last_lr"], strict=True)
    ]
    return {
        **state,
        "state_dict": {**study.state_dict(), **state["state_dict"]},
        "optimizer_states": [{"state": theirs["state"], "param_groups": groups}],
        "lr_schedulers": [schedule],
        "callbacks": {},  # what the trunk kept for its own study
    }


def layout(state: Mapping[str, Any]) -> list[tuple[list[int], set[str]]]:
    """Numbers of the parameters and names of the settings of each group in an optimizer's state dict.

    Where two of them agree, the one can go on with the state of the other.

    >>> import torch
    >>> layout(torch.optim.Rprop([torch.zeros(1)]).state_dict())[0][0]
    [0]
    """
    return [(group["params"], group.keys() - {"params"}) for group in state["param_groups"]]


def _at(position: int, scheduler: Any) -> Mapping[str, Any]:
    """State of a `LambdaLR` that has come to ``position``."""
    rates = [
        base * factor(position) for base, factor in zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    ]
    return {
        **scheduler.state_dict(),
        "last_epoch": position,
        "_step_count": position + 1,
        "_last_lr": rates,
    }
