"""What takes the place of a reference in a landscape: what it names, or, before that is trained, a stand-in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from lossatlas.data import ImageData
from lossatlas.landscape import parameters
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.runs.build import build_data, build_network, build_study, make
from lossatlas.runs.composition.compose import other_job
from lossatlas.runs.composition.job import Job
from lossatlas.runs.store.fingerprint import OtherRun
from lossatlas.runs.store.references import Reference, references
from lossatlas.runs.store.store import Run, Store, check_state, find_run
from lossatlas.runs.store.weight_files import load_weights
from lossatlas.seeds import generator

IMAGES = 2  # of each split that a stand-in has

SNAPSHOTS = 8  # that stand in, at most: hundreds of a large network take minutes, and show no more

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Surveyed:
    """A finished run whose landscape is computed."""

    run: Run
    config: Mapping[str, Any]
    network: nn.Module  # of which other weights must be
    other_run: OtherRun  # trains the run that is named, if need be
    device: torch.device


@dataclass(frozen=True)
class Planned:
    """A job whose landscape is tried before anything is trained."""

    job: Job
    network: nn.Module  # as it was initialised
    data: ImageData | None = None  # None: made where it is needed

    def images(self) -> ImageData:
        """The job's data."""
        return build_data(self.job.config) if self.data is None else self.data


def load(reference: Reference, surveyed: Surveyed) -> Any:
    """What ``reference`` names in a landscape of the run that is surveyed.

    State dicts for weights, by epoch or by number where there are several; a `ControlledCurve`; images and targets.
    ValueError for a value that the kind does not take, what is not kept, and weights of another network.
    """
    reference.check()
    return _KINDS[reference.kind].load(reference, surveyed)


def stand_in(reference: Reference, planned: Planned) -> Any:
    """What stands in for that in a dry run: files as they are, weights that are yet to be trained as initialised.

    ValueError as `load`.
    """
    reference.check()
    return _KINDS[reference.kind].stand_in(reference, planned)


class _Kind(Protocol):
    @staticmethod
    def load(reference: Reference, surveyed: Surveyed) -> Any: ...

    @staticmethod
    def stand_in(reference: Reference, planned: Planned) -> Any: ...


class _Run:
    @staticmethod
    def load(reference: Reference, surveyed: Surveyed) -> State:
        return final_weights(surveyed.other_run(reference.value), surveyed.network)

    @staticmethod
    def stand_in(reference: Reference, planned: Planned) -> State:
        if isinstance(reference.value, str):
            return final_weights(_found(reference, planned), planned.network)
        # Arms of one seed begin with the same weights, and through networks that are the same there is no plane.
        other = other_job(planned.job, reference.value)
        return _perturbed(build_network(other.config).state_dict(), int(other.fingerprint, 16))


class _Snapshots:
    @staticmethod
    def load(reference: Reference, surveyed: Surveyed) -> dict[int, State]:
        """The kept weights in order, the final ones last, by epoch."""
        run, expected = surveyed.run, surveyed.network.state_dict()
        last = _last_epoch(surveyed)
        states: dict[int, State] = {}
        for epoch in reference.among([e for e in _snapshot_epochs(surveyed.config) if e <= last]):
            states[epoch] = run.snapshot(epoch)
            check_state(expected, states[epoch], run.snapshot_path(epoch))
        if last not in states:
            states[last] = final_weights(run, surveyed.network)
        return states

    @staticmethod
    def stand_in(reference: Reference, planned: Planned) -> Mapping[int, State]:
        config, initial = planned.job.config, planned.network.state_dict()
        epochs = reference.among(_snapshot_epochs(config))
        last = {} if epochs[-1] == config["epochs"] else {config["epochs"]: initial}
        return {epoch: _perturbed(initial, epoch) for epoch in epochs[:SNAPSHOTS]} | last


class _Members:
    @staticmethod
    def load(reference: Reference, surveyed: Surveyed) -> Mapping[int, State]:
        """Those of the run's members that are named, by number."""
        members = _members(surveyed.run, surveyed.network)
        return {number: members[number] for number in reference.among(list(members))}

    @staticmethod
    def stand_in(reference: Reference, planned: Planned) -> dict[int, State]:
        kept = _members_to_be(planned.job.config, planned)
        return {number: kept[number] for number in reference.among(range(len(kept)))[:SNAPSHOTS]}


_ALL_MEMBERS = Reference("members", "all")


class _MembersOf:
    @staticmethod
    def load(reference: Reference, surveyed: Surveyed) -> dict[int, State]:
        members = _members(_named_or_own(reference, surveyed), surveyed.network)
        return {number: members[number] for number in _ALL_MEMBERS.among(list(members))}

    @staticmethod
    def stand_in(reference: Reference, planned: Planned) -> dict[int, State]:
        kept = _members_to_be(_config_to_be(reference, planned), planned)
        return {number: kept[number] for number in _ALL_MEMBERS.among(range(len(kept)))[:SNAPSHOTS]}


class _Curve:
    @staticmethod
    def load(reference: Reference, surveyed: Surveyed) -> ControlledCurve:
        run = _named_or_own(reference, surveyed)
        family = run.config()["study"].get("curve")
        if family is None:
            raise ValueError(f"run {run.fingerprint} has trained no curve: study=curve trains one")
        points = list(_members(run, surveyed.network).values())
        return ControlledCurve(make(family), points, measured=list(parameters(surveyed.network)))

    @staticmethod
    def stand_in(reference: Reference, planned: Planned) -> ControlledCurve:
        config = _config_to_be(reference, planned)
        if "curve" not in config["study"]:
            raise ValueError("the run that is named trains no curve: study=curve trains one")
        points = _members_to_be(config, planned)
        return ControlledCurve(
            make(config["study"]["curve"]), points, measured=list(parameters(planned.network))
        )


class _Weights:
    @staticmethod
    def load(reference: Reference, surveyed: Surveyed) -> State:
        return load_weights(Path(reference.value), surveyed.network.state_dict())

    @staticmethod
    def stand_in(reference: Reference, planned: Planned) -> State:
        return load_weights(Path(reference.value), planned.network.state_dict())


class _Augment:
    @staticmethod
    def load(reference: Reference, surveyed: Surveyed) -> tuple[Tensor, Tensor]:
        return build_data(surveyed.config).to(surveyed.device).augmented(reference.value)

    @staticmethod
    def stand_in(reference: Reference, planned: Planned) -> tuple[Tensor, Tensor]:
        inputs, targets = planned.images().augmented(reference.value)
        return inputs[:IMAGES], targets[:IMAGES]


_KINDS: Mapping[str, type[_Kind]] = {
    "run": _Run,
    "snapshots": _Snapshots,
    "members": _Members,
    "members_of": _MembersOf,
    "curve": _Curve,
    "weights": _Weights,
    "augment": _Augment,
}


# What is there


def final_weights(run: Run, network: nn.Module) -> State:
    """The run's final weights, which must be those of ``network``'s names and shapes."""
    state = run.state()
    check_state(network.state_dict(), state, run.weights_path)
    return state


def _members(run: Run, network: nn.Module) -> Mapping[int, State]:
    expected, members = network.state_dict(), run.members()
    for number, state in members.items():
        check_state(expected, state, run.member_path(number))
    return members


def _named_or_own(reference: Reference, surveyed: Surveyed) -> Run:
    return surveyed.run if reference.is_own else surveyed.other_run(reference.value)


def _snapshot_epochs(config: Mapping[str, Any]) -> Sequence[int]:
    epochs: Sequence[int] = config["study"].get("snapshot_epochs", [])
    return epochs


def _last_epoch(surveyed: Surveyed) -> int:
    """Epoch with which the run ended: its last, unless a callback stopped it."""
    manifest = surveyed.run.manifest()
    return surveyed.config["epochs"] if manifest is None else manifest.epochs


# What is to be


def _found(reference: Reference, planned: Planned) -> Run:
    return find_run(Store(planned.job.config["paths"]["runs"]), reference.value)


def _config_to_be(reference: Reference, planned: Planned) -> Mapping[str, Any]:
    """Configuration of the run that is named; nothing names the job's own."""
    if reference.is_own:
        return planned.job.config
    if isinstance(reference.value, str):
        return _found(reference, planned).config()
    return other_job(planned.job, reference.value).config


def _members_to_be(config: Mapping[str, Any], planned: Planned) -> Sequence[State]:
    study = build_study(config, planned.network, build_data(config) if planned.data is None else planned.data)
    # The bends of an untrained curve lie on straight lines, through which there is no plane; its ends may be those
    # of another curve as well.
    members = list(study.final_members())
    members[1:-1] = [_perturbed(member, k) for k, member in enumerate(members[1:-1])]
    return members or [_perturbed(planned.network.state_dict(), step) for step in study.member_steps]


def snapshots_left_out(job: Job, node: Any) -> int:
    """How many more snapshots the survey ``node`` of ``job`` goes through than stand in for them."""
    kept = _snapshot_epochs(job.config)
    found = [len(reference.among(kept)) for reference in references(node, kinds=("snapshots",))]
    return sum(max(0, number - SNAPSHOTS) for number in found)


def _perturbed(state: State, seed: int) -> dict[str, Tensor]:
    """A network beside that of ``state``, another for each ``seed``."""
    draws = generator(seed, "rehearsal")
    return {
        name: tensor + 0.01 * torch.rand(tensor.shape, generator=draws).to(tensor)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in state.items()
    }
