"""Resolution of references in a landscape: to what they name, or, before that is trained, to a stand-in."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lossatlas.data import ImageData
from lossatlas.landscape import parameters
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.runs.build import build_data, build_network, build_study, make
from lossatlas.runs.composition.foreign import recorded_config
from lossatlas.runs.composition.job import Job, trusted_by
from lossatlas.runs.composition.sweep import other_job
from lossatlas.runs.store.fingerprint import OtherRun, scientific
from lossatlas.runs.store.lookup import find_run
from lossatlas.runs.store.references import Reference, references, substituted
from lossatlas.runs.store.state_dicts import check_state
from lossatlas.runs.store.store import Run, Store
from lossatlas.runs.store.weight_files import load_weights, place_of_weights
from lossatlas.seeds import generator

IMAGES = 2  # of each split that a stand-in has

_MOST = 8  # snapshots or members that stand in: hundreds of a large network take minutes, and show no more

_State = Mapping[str, Tensor]


def resolved(reference: Reference, source: "Surveyed | Planned", *, any_network: bool = False) -> Any:
    """What ``reference`` names in a landscape: as it is there, or what stands in for it before it is trained.

    State dicts for weights, by epoch or by number where there are several; a `ControlledCurve`; images and targets.
    With ``any_network``, modules for the networks of a run of another architecture. ValueError for a value that the
    kind does not take, what is not kept, and, without ``any_network``, weights of another network.
    """
    reference.check()
    if any_network and reference.kind in ("run", "members_of"):
        others = source.of_other_architecture(reference)
        if others is not None:
            return others if reference.kind == "members_of" else others[0]
    match reference.kind:
        case "run":
            return source.final(reference)
        case "snapshots":
            return source.snapshots(reference)
        case "members" | "members_of":
            members = source.members(reference)
            named = reference if reference.kind == "members" else Reference("members", "all")
            return {number: members[number] for number in named.among(list(members))[: source.most]}
        case "curve":
            family, points = source.curve_family(reference), list(source.members(reference).values())
            return ControlledCurve(make(family), points, measured=list(parameters(source.network)))
        case "weights":
            return load_weights(Path(reference.value), source.network.state_dict(), reference.ckpt_key)
        case _:
            return source.augmented(reference.value)


@dataclass(frozen=True)
class Surveyed:
    """A finished run whose landscape is computed."""

    run: Run
    config: Mapping[str, Any]
    network: nn.Module  # of which other weights must be
    other_run: OtherRun  # trains the run that is named, if need be
    device: torch.device
    most: ClassVar[int | None] = None

    def final(self, reference: Reference) -> _State:
        """Final weights of the run that is named."""
        return final_weights(self.other_run(reference.value), self.network)

    def snapshots(self, reference: Reference) -> dict[int, _State]:
        """The kept weights that are named, by epoch, and the final ones last."""
        run, manifest = self.run, self.run.manifest()
        # A callback may have stopped it, or had it end with the network of an earlier epoch.
        last = (
            self.config["epochs"]
            if manifest is None
            else int(manifest.metrics.get("best_epoch", manifest.epochs))
        )
        states: dict[int, _State] = {}
        for epoch in reference.among([e for e in _snapshot_epochs(self.config) if e <= last]):
            states[epoch] = run.snapshot(epoch)
            check_state(self.network.state_dict(), states[epoch], run.snapshot_path(epoch))
        if last not in states:
            states[last] = final_weights(run, self.network)
        return states

    def members(self, reference: Reference) -> Mapping[int, _State]:
        """All members of the run that is named, by number."""
        run = self._named(reference)
        expected, members = self.network.state_dict(), run.members()
        for number, state in members.items():
            check_state(expected, state, run.member_path(number))
        return members

    def of_other_architecture(self, reference: Reference) -> dict[int, nn.Module] | None:
        """The final network of the run that is named, or its members, by number; None if they are of this network."""
        run = self._named(reference)
        network = _other_network(recorded_config(run, trusted_by(self.config)), self.config)
        if network is None:
            return None
        if reference.kind == "run":
            return {0: _with_weights(network, final_weights(run, network)).to(self.device)}
        expected, members = network.state_dict(), run.members()
        for number, state in members.items():
            check_state(expected, state, run.member_path(number))
        return {number: _with_weights(network, state).to(self.device) for number, state in members.items()}

    def curve_family(self, reference: Reference) -> Any:
        """Node of the curve that the run that is named has trained. ValueError if it has trained none."""
        run = self._named(reference)
        config = recorded_config(run, trusted_by(self.config))
        if (family := config["study"].get("curve")) is None:
            raise ValueError(f"run {run.fingerprint} has trained no curve: study=curve trains one")
        return family

    def augmented(self, seed: int) -> tuple[Tensor, Tensor]:
        """Training images, each augmented once, and their targets."""
        return build_data(self.config).to(self.device).augmented(seed)

    def _named(self, reference: Reference) -> Run:
        own = reference.is_own or reference.kind == "members"
        return self.run if own else self.other_run(reference.value)


@dataclass(frozen=True)
class Planned:
    """A job whose landscape is tried before anything is trained: weights to come are as initialised."""

    job: Job
    network: nn.Module  # as it was initialised
    data: ImageData | None = None  # None: made where it is needed
    most: ClassVar[int | None] = _MOST

    def final(self, reference: Reference) -> _State:
        """Weights of the run that is named, or beside those that it begins with."""
        if isinstance(reference.value, str):
            return final_weights(self._found(reference), self.network)
        # Arms of one seed begin with the same weights, and through networks that are the same there is no plane.
        other = other_job(self.job, reference.value)
        return _perturbed(build_network(other.config).state_dict(), int(other.fingerprint, 16))

    def snapshots(self, reference: Reference) -> Mapping[int, _State]:
        """A few networks by the epochs that are named, the one to be surveyed last."""
        config, initial = self.job.config, self.network.state_dict()
        epochs = reference.among(_snapshot_epochs(config))
        last = {} if epochs[-1] == config["epochs"] else {config["epochs"]: initial}
        return {epoch: _perturbed(initial, epoch) for epoch in epochs[: self.most]} | last

    def members(self, reference: Reference) -> Mapping[int, _State]:
        """As many as the run that is named is to keep, by number."""
        config = self._named(reference)
        study = build_study(config, self.network, build_data(config) if self.data is None else self.data)
        # The bends of an untrained curve lie on straight lines, through which there is no plane; its ends may be those
        # of another curve as well.
        members = list(study.final_members())
        members[1:-1] = [_perturbed(member, k) for k, member in enumerate(members[1:-1])]
        initial = self.network.state_dict()
        return dict(enumerate(members or [_perturbed(initial, step) for step in study.member_steps]))

    def of_other_architecture(self, reference: Reference) -> dict[int, nn.Module] | None:
        """Networks beside that with which the run that is named begins, by number; None if they are of this network."""
        config = self._named(reference)
        network = _other_network(config, self.job.config)
        if network is None:
            return None
        initial, several = network.state_dict(), 1
        if reference.kind == "members_of":
            several = len(build_study(config, network, build_data(config)).member_steps)
        return {k: _with_weights(network, _perturbed(initial, k)) for k in range(several)[: self.most]}

    def curve_family(self, reference: Reference) -> Any:
        """Node of the curve that the run that is named is to train. ValueError if it is to train none."""
        if (family := self._named(reference)["study"].get("curve")) is None:
            raise ValueError("the run that is named trains no curve: study=curve trains one")
        return family

    def augmented(self, seed: int) -> tuple[Tensor, Tensor]:
        """A few training images, each augmented once, and their targets."""
        data = build_data(self.job.config) if self.data is None else self.data
        inputs, targets = data.augmented(seed)
        return inputs[:IMAGES], targets[:IMAGES]

    def _found(self, reference: Reference) -> Run:
        return find_run(Store(self.job.config["paths"]["runs"]), reference.value)

    def _named(self, reference: Reference) -> Mapping[str, Any]:
        """Configuration of the run that is named."""
        if reference.is_own or reference.kind == "members":
            return self.job.config
        if isinstance(reference.value, str):
            return recorded_config(self._found(reference), trusted_by(self.job.config))
        return other_job(self.job, reference.value).config


def _other_network(config: Mapping[str, Any], own: Mapping[str, Any]) -> nn.Module | None:
    """The network of ``config``, as it is initialised; None if it is that of the configuration ``own``.

    Two may have weights of the same names and shapes and compute with them otherwise, by their activation, say.
    """
    sections = [
        {name: scientific(each).get(name) for name in ("model", "normalization")} for each in (config, own)
    ]
    return None if sections[0] == sections[1] else build_network(config)


def _with_weights(network: nn.Module, state: _State) -> nn.Module:
    """A copy of ``network`` with the weights ``state``."""
    other = deepcopy(network)
    other.load_state_dict(state)
    return other


def final_weights(run: Run, network: nn.Module) -> _State:
    """The run's final weights, which must be those of ``network``'s names and shapes."""
    state = run.state()
    check_state(network.state_dict(), state, run.weights_path)
    return state


def place_in_file(path: Path, ckpt_key: str | None, config: Mapping[str, Any]) -> str | None:
    """Place of the network of ``config`` that ``ckpt_key`` chooses in a file of weights.

    None if that is the one that is taken without a key. `StoreError` if the file has none there.
    """
    if ckpt_key is None:
        return None
    return place_of_weights(path, build_network(config).state_dict(), ckpt_key)


def with_places(node: Mapping[str, Any], config: Mapping[str, Any]) -> Mapping[str, Any]:
    """``node`` of a landscape with the `place_in_file` for each ``ckpt_key``: so it counts where it matters alone."""

    def settled(named: Reference) -> dict[str, Any]:
        named.check()
        place = place_in_file(Path(named.value), named.ckpt_key, config)
        return {"weights": named.value} | ({} if place is None else {"ckpt_key": place})

    if all(named.ckpt_key is None for named in references(node, kinds=("weights",))):
        return node
    return {name: substituted(value, settled, kinds=("weights",)) for name, value in node.items()}


def _snapshot_epochs(config: Mapping[str, Any]) -> Sequence[int]:
    epochs: Sequence[int] = config["study"].get("snapshot_epochs", [])
    return epochs


def snapshots_left_out(job: Job, node: Any) -> int:
    """How many more snapshots the survey ``node`` of ``job`` goes through than stand in for them."""
    kept = _snapshot_epochs(job.config)
    found = [len(reference.among(kept)) for reference in references(node, kinds=("snapshots",))]
    return sum(max(0, number - _MOST) for number in found)


def snapshots_tried(job: Job, node: Any) -> int:
    """How many networks stand in for the snapshots that the survey ``node`` of ``job`` goes through, with its own."""
    kept, last = _snapshot_epochs(job.config), job.config["epochs"]
    found = [reference.among(kept) for reference in references(node, kinds=("snapshots",))]
    return sum(min(len(epochs), _MOST) + (epochs[-1] != last) for epochs in found)


def _perturbed(state: _State, seed: int) -> dict[str, Tensor]:
    """A network beside that of ``state``, another for each ``seed``."""
    draws = generator(seed, "rehearsal")
    return {
        name: tensor + 0.01 * torch.rand(tensor.shape, generator=draws).to(tensor)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in state.items()
    }
