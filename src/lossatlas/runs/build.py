"""From a configuration to the objects that it names."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from pytorch_lightning import Callback
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn

from lossatlas.data import ImageData
from lossatlas.runs.composition.signatures import signature_of
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.references import arguments
from lossatlas.seeds import derive_seed, generator
from lossatlas.studies import Study, TrainedNetwork

_NamedRun = Callable[[Mapping[str, Any]], TrainedNetwork]
"""From the configuration of a run that a study names to what that has trained."""


def make(node: Any, **arguments: Any) -> Any:
    """Instantiate a node by its ``_target_``; what the target raises comes through as it was raised.

    ``arguments`` are passed as they are: Hydra itself would turn a dataclass among them into a config.
    """
    try:
        if arguments:
            return instantiate({**node, "_partial_": True})(**arguments)
        return instantiate(node)
    except InstantiationException as error:
        raise (error.__cause__ or error) from None


def build_data(config: Mapping[str, Any]) -> ImageData:
    """Load the data set of a plain configuration."""
    return make(config["data"])


def _directly(section: str, build: Callable[[], Any]) -> Any:
    return build()


def build_network(
    config: Mapping[str, Any], part: Callable[[str, Callable[[], Any]], Any] = _directly
) -> nn.Module:
    """Make the network of a plain configuration, normalised, and initialised from the stream "init" of its seed.

    ``part`` is given the section of each of the three steps, and the step, and does it.
    """
    seed = config["seed"]

    def initialise(network: nn.Module) -> None:
        draw = make(config["init"])
        draw(network, generator=generator(seed, "init"), **_images(draw, config))

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, "construct"))
        network: nn.Module = part("model", lambda: make(config["model"]))
        if "normalization" in config:  # which older runs lack
            part("normalization", lambda: make(config["normalization"])(network))
        part("init", lambda: initialise(network))
    return network


def _images(initialise: Callable[..., None], config: Mapping[str, Any]) -> dict[str, Callable[[int], Tensor]]:
    """The argument ``images`` of an initialisation that is fitted to them: they are drawn by a stream of their own."""
    if "images" not in signature_of(initialise).parameters:
        return {}
    return {"images": lambda count: build_data(config).some(count, generator(config["seed"], "init images"))}


def build_study(
    config: Mapping[str, Any], network: nn.Module, data: ImageData, named: _NamedRun | None = None
) -> Study:
    """Make the study that trains ``network`` on ``data`` as a plain configuration says.

    ``named`` gives what the study gets in place of a run that it names, from its configuration; without it that is a
    network as the run would initialise it.
    """
    network_of = named or initialised
    configured, given = arguments(config["study"], lambda run: network_of(run.value), kinds=("run",))
    several = config["trainer"].get("accumulate_grad_batches") or 1
    return make(
        configured,
        **given,
        **({"accumulate_grad_batches": several} if several != 1 else {}),  # which other studies may not take
        network=network,
        data=data,
        optimizer=make(config["optimizer"]),
        schedule=make(config["scheduler"]),
        penalties=make(config["regularizer"]),
        seed=config["seed"],
    )


def initialised(config: Mapping[str, Any]) -> TrainedNetwork:
    """Stands in for the run of ``config``, before it is trained."""

    def no_state() -> Mapping[str, Any]:
        raise AssertionError("there is no training state before anything is trained")

    state = build_network(config).state_dict()
    return TrainedNetwork(f"run {fingerprint(config)}", state, config["seed"], no_state, config["epochs"])


def build_callbacks(config: Mapping[str, Any]) -> dict[str, Callback]:
    """Make the callbacks of a plain configuration, by name; one that is null is left out.

    ValueError for one that is none of Lightning's.
    """
    callbacks: dict[str, Callback] = {}
    for name, node in (config.get("callbacks") or {}).items():
        if node is None:
            continue
        try:
            made = make(node)
        except (ValueError, TypeError, RuntimeError, MisconfigurationException) as error:
            raise ValueError(f"callbacks.{name}: {error}") from error
        if not isinstance(made, Callback):
            told = f"gives no pytorch_lightning.Callback, but {type(made)}"
            raise ValueError(f"callbacks.{name}: {node['_target_']} {told}")
        callbacks[name] = made
    return callbacks


def build(config: Mapping[str, Any], named: _NamedRun | None = None) -> Study:
    """Make the study of a plain configuration, with a fresh network and its data; ``named`` as for `build_study`."""
    return build_study(config, build_network(config), build_data(config), named)
