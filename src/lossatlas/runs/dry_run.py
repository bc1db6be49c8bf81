"""A rehearsal of the landscapes before anything is trained: what they cannot take is found at once, not hours later."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lossatlas.data import ImageData
from lossatlas.landscape import Problem, parameters
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.runs.build import build_data, build_network, build_study, make
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.overrides import merge_overrides
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.references import Replacements, arguments, check_members, check_snapshots, replaced
from lossatlas.runs.store.store import Store, check_state, find_run
from lossatlas.runs.store.weight_files import load_weights
from lossatlas.seeds import generator

IMAGES = 2  # of each split

SNAPSHOTS = 8  # at most: hundreds of a large network take minutes, and show no more


class _Rehearsed(Exception):  # noqa: N818
    """The first point was measured."""


def rehearse(job: Job, name: str, network: nn.Module, data: ImageData) -> None:
    """Survey the landscape ``name`` of a job for one point, on the network as initialised and two images of each split.

    Raises what the survey raises.
    """

    def stop(done: int, total: int) -> None:
        if done > 0:
            raise _Rehearsed

    splits: dict[str, tuple[Tensor, Tensor]] = {}
    for split in data.splits:
        inputs, targets = data.normalized(split)
        splits[split] = inputs[:IMAGES], targets[:IMAGES]
    configured, given = arguments(job.config["landscape"][name], stand_ins(job, network, data))
    problem = Problem(network, make(job.config["study"]["loss"]), splits)
    try:
        make(configured, **given, problem=problem, journal=None, progress=stop)
    except _Rehearsed:
        return


def stand_ins(job: Job, network: nn.Module, data: ImageData | None = None) -> Replacements:
    """State dicts for what a landscape of ``job`` names: those of files as they are, others freshly initialised."""
    expected = network.state_dict()

    def run(value: Any) -> Mapping[str, Tensor]:
        if isinstance(value, str):
            other = find_run(Store(job.config["paths"]["runs"]), value)
            check_state(expected, state := other.state(), other.weights_path)
            return state
        # Arms of one seed begin with the same weights, and through networks that are the same there is no plane.
        config = _named_job(job, value).config
        return _perturbed(build_network(config).state_dict(), int(fingerprint(config), 16))

    def snapshots(wanted: Any) -> Mapping[int, Mapping[str, Tensor]]:
        epochs = check_snapshots(wanted, job.config["study"].get("snapshot_epochs", []))
        last = {} if epochs[-1] == job.config["epochs"] else {job.config["epochs"]: expected}
        return {epoch: _perturbed(expected, epoch) for epoch in epochs[:SNAPSHOTS]} | last

    def kept_by(config: Mapping[str, Any]) -> Sequence[Mapping[str, Tensor]]:
        study = build_study(config, network, data or build_data(config))
        # The bends of an untrained curve lie on straight lines, through which there is no plane; its ends may be those
        # of another curve as well.
        members = list(study.final_members())
        members[1:-1] = [_perturbed(member, k) for k, member in enumerate(members[1:-1])]
        return members or [_perturbed(expected, step) for step in study.member_steps]

    def members(wanted: Any) -> Mapping[int, Mapping[str, Tensor]]:
        kept = kept_by(job.config)
        return {number: kept[number] for number in check_members(wanted, range(len(kept)))[:SNAPSHOTS]}

    def members_of(value: Any) -> Mapping[int, Mapping[str, Tensor]]:
        kept = kept_by(_config_of(job, value))
        return {number: kept[number] for number in check_members("all", range(len(kept)))[:SNAPSHOTS]}

    def augment(seed: int) -> tuple[Tensor, Tensor]:
        inputs, targets = (data or build_data(job.config)).augmented(seed)
        return inputs[:IMAGES], targets[:IMAGES]

    def curve(value: Any) -> ControlledCurve:
        config = _config_of(job, value)
        if "curve" not in config["study"]:
            raise ValueError("the run that is named trains no curve: study=curve trains one")
        family = make(config["study"]["curve"])
        return ControlledCurve(family, kept_by(config), measured=list(parameters(network)))

    return {
        "run": run,
        "snapshots": snapshots,
        "members": members,
        "members_of": members_of,
        "curve": curve,
        "weights": lambda path: load_weights(Path(path), expected),
        "augment": augment,
    }


def _named_job(job: Job, value: Any) -> Job:
    """The job that the overrides ``value`` turn ``job`` into. ValueError if they are none."""
    if not isinstance(value, list | tuple):
        raise ValueError(f'run: expected overrides, as ["seed=1"], or a fingerprint in quotes, got {value!r}')
    return compose_job(merge_overrides(job.overrides, value))


def _config_of(job: Job, value: Any) -> Mapping[str, Any]:
    """Configuration of the run that ``value`` names in a landscape of ``job``; nothing names its own."""
    if isinstance(value, str):
        return find_run(Store(job.config["paths"]["runs"]), value).config()
    return _named_job(job, value).config if value else job.config


def unrehearsed_snapshots(job: Job, node: Any) -> int:
    """How many more snapshots the survey ``node`` of ``job`` goes through than its rehearsal does."""
    found: list[int] = []
    kept = job.config["study"].get("snapshot_epochs", [])
    replaced(node, {"snapshots": lambda wanted: found.append(len(check_snapshots(wanted, kept)))})
    return sum(max(0, number - SNAPSHOTS) for number in found)


def _perturbed(state: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """A network beside that of ``state``, another for each ``seed``."""
    draws = generator(seed, "rehearsal")
    return {
        name: tensor + 0.01 * torch.rand(tensor.shape, generator=draws).to(tensor)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in state.items()
    }
