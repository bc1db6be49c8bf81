"""Composition: from what a user types to the plain configurations of the jobs that it means."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from hydra import compose
from hydra import version as hydra_version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from lossatlas.choices import nearest
from lossatlas.runs.composition.job import SURROUNDINGS, Job, trusted_by
from lossatlas.runs.composition.overrides import Overrides, key_of
from lossatlas.runs.composition.search_path import CONFIG_NAME, config_folder
from lossatlas.runs.composition.synonyms import our_word
from lossatlas.runs.store.references import Reference, substituted


def start_hydra(config_dir: str | Path | None = None, overrides: Sequence[str] = ()) -> Hydra:
    """Initialise Hydra with the package's choices and those of ``config_dir``, a folder of the user's own.

    What composes configurations in this process from now on, and in the processes of jobs that it launches, finds
    both. As with Hydra's own ``--config-dir``, the package's choice wins where both have one of the same name. Folders
    that ``overrides`` add by ``hydra.searchpath=[...]`` are known from now on too, so that experiments are found there.
    """
    search_path = create_config_search_path(str(config_folder()))
    schema = SearchPathQuery(provider="schema")  # Hydra's own, which stays the last
    if config_dir is not None:
        folder = Path(config_dir).resolve()
        if not folder.is_dir():
            raise NotADirectoryError(f"--config-dir={config_dir}: no such folder")
        search_path.prepend("command-line", f"file://{folder}", schema)
    for place in Overrides(overrides).places().parsed:
        paths = place.value()
        for path in paths if isinstance(paths, list) else []:
            search_path.prepend("hydra.searchpath", str(path), schema)
    hydra_version.setbase("1.3")
    GlobalHydra.instance().clear()
    return Hydra.create_main_hydra2("lossatlas", search_path)


def compose_config(overrides: Sequence[str]) -> DictConfig:
    """Compose one configuration, Hydra's own part with it.

    ValueError for an override of a key or group that is not there; other exceptions of Hydra's pass through.
    """
    if not GlobalHydra.instance().is_initialized():
        start_hydra()
    written = Overrides(overrides).expanded()
    for override in written.parsed:
        _check_choice(override)
    try:
        return compose(CONFIG_NAME, list(written), return_hydra_config=True)
    except ConfigCompositionException as error:
        match = re.match(r"Could not override '([^']+)'", str(error))
        if match and (others := written.without(match[1])) != written:
            hint = our_word(match[1]) or _nearest_key(key_of(match[1]), compose_config(others))
            raise ValueError(f"{match[1]}: no such key; {hint}") from error
        raise


SEVERAL = ("landscape", "regularizer", "callbacks", "logger", "data/augment")
"""Groups of which several choices stand side by side, by name."""


def _check_choice(override: Override) -> None:
    """Raise ValueError for a choice of a group that is not the name of one, or a list of names where one is meant."""
    group = str(override.key_or_group)
    if group == "experiment" and not override.is_delete() and override.value() is None:
        raise ValueError(
            "experiment=null: expected the name of an experiment; without the word there is none"
        )
    if "." in group and "/" not in group:  # a key, of which Hydra would look for a folder
        return
    loader = GlobalHydra.instance().config_loader()
    choices = loader.get_group_options(group)
    expected = f"expected the name of a choice{', one of ' if choices else ''}{', '.join(choices)}"
    is_group = choices or loader.get_group_options(group, results_filter=None)
    typed = str(override.input_line).lstrip("+~")
    if is_group and {".", ".."} & set(re.split(r"[^\w.]", typed)):  # Hydra would follow it anywhere
        raise ValueError(f"{typed}: {expected}; not the path of a file")
    if not choices or override.is_delete():
        return
    if override.is_sweep_override():
        return
    value = override.value()
    named = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str | QuotedString) for name in named):
        raise ValueError(f"{typed}: {expected}")
    if len(named) != 1 and group not in SEVERAL:
        told = f"to have each in turn, type -m {group}={','.join(map(str, named))}"
        raise ValueError(f"{typed}: expected one choice; {told}")


def _nearest_key(path: str, config: DictConfig) -> str:
    """Clause with the sibling most like the first part of ``path`` that is not in ``config``."""
    node: Any = config
    parents = ""
    for part in path.split("."):
        if not OmegaConf.is_dict(node) or part not in node:
            group = parents.rstrip(".")
            if group and part in GlobalHydra.instance().config_loader().get_group_options(group):
                return f"it comes with {group}={part}"
            siblings = [str(key) for key in node if key != "hydra"] if OmegaConf.is_dict(node) else []
            if siblings:
                return nearest(part, siblings).replace("did you mean ", f"did you mean {parents}")
            break
        node, parents = node[part], f"{parents}{part}."
    return f"{parents.rstrip('.')} has no keys; a new one is written +{path}=VALUE"


def plain(config: DictConfig) -> dict[str, Any]:
    """Resolved plain containers of a composed configuration, without Hydra's own part.

    Values that are still missing stay as ``???``, for the check of the configuration to name. What an experiment sets
    of a landscape that the user has left out (``experiment=sharpness landscape=weights``) is dropped; so is the run
    that a landscape asks for, where a file of ``weights`` or ``members`` are given in its place. Snapshots after all
    epochs are listed.
    """
    masked = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    OmegaConf.set_struct(masked, False)
    container = cast(dict[str, Any], OmegaConf.to_container(masked, resolve=True, throw_on_missing=False))
    landscapes = container.get("landscape") or {}
    kept = {
        name: node for name, node in landscapes.items() if not isinstance(node, dict) or "_target_" in node
    }
    return {**container, "study": _with_all_snapshots(container), "landscape": _without_missing_runs(kept)}


def _with_all_snapshots(config: Mapping[str, Any]) -> Any:
    """The study with the epochs that ``snapshot_epochs: all`` means, from 0, the initialisation, to the last."""
    study, epochs = config.get("study"), config.get("epochs")
    if not isinstance(study, dict) or study.get("snapshot_epochs") != "all" or type(epochs) is not int:
        return study
    return {**study, "snapshot_epochs": list(range(epochs + 1))}


def _without_missing_runs(node: Any) -> Any:
    if isinstance(node, dict):
        missing = node.get("run") == "???" and ("weights" in node or "members" in node)
        return {
            key: _without_missing_runs(value) for key, value in node.items() if not (missing and key == "run")
        }
    return [_without_missing_runs(value) for value in node] if isinstance(node, list) else node


def compose_job(overrides: Sequence[str]) -> Job:
    """Compose one job."""
    return job_of(overrides, compose_config(overrides))


def job_of(
    overrides: Sequence[str], config: DictConfig, named_job: Callable[[Overrides], Job] | None = None
) -> Job:
    """The job of a composed configuration; the runs that its study names are composed too, by ``named_job``.

    ValueError for one that is named by a fingerprint and is not finished.
    """
    typed = Overrides(overrides)
    return Job(typed, _with_runs(plain(config), typed, named_job or _named_job))


def _with_runs(
    config: dict[str, Any], overrides: Overrides, named_job: Callable[[Overrides], Job]
) -> dict[str, Any]:
    """``config`` with the composed runs in place of each ``{run: ...}`` in its study, save of whole configurations."""

    def run(named: Reference) -> dict[str, Any]:
        if (
            isinstance(named.value, Mapping) or named.value == "???"
        ):  # what is missing is told with all that is
            return {"run": named.value}
        job = (
            _recorded_job(named.value, config)
            if isinstance(named.value, str)
            else deepcopy(named_job(overrides.of_named_run(_checked(named))))
        )
        kept = {key: part for key, part in job.config.items() if key not in SURROUNDINGS}
        return {"run": {**kept, "overrides": list(job.overrides)}}

    return {**config, "study": substituted(config["study"], run, kinds=("run",))}


def _recorded_job(fingerprint: str, config: Mapping[str, Any]) -> Job:
    from lossatlas.runs.composition.foreign import recorded_config, recorded_overrides
    from lossatlas.runs.store.lookup import find_finished_run
    from lossatlas.runs.store.store import Store

    run, trusted = find_finished_run(Store(config["paths"]["runs"]), fingerprint), trusted_by(config)
    return Job(recorded_overrides(run, trusted, compose_job), recorded_config(run, trusted))


def _checked(named: Reference) -> Sequence[str]:
    try:
        named.check()
    except ValueError as error:
        raise ValueError(f"study: {error}") from None
    return cast(Sequence[str], named.value)


def _named_job(overrides: Overrides) -> Job:
    return _composed_once(overrides, GlobalHydra.instance().hydra)


@lru_cache(maxsize=256)
def _composed_once(overrides: Overrides, hydra: Hydra | None) -> Job:
    """Compose the job of a run that studies name: those of a sweep name the same ones again and again."""
    with being_named(overrides):
        return compose_job(overrides)


_being_named: list[Overrides] = []  # overrides of the runs whose composition is under way


@contextmanager
def being_named(overrides: Overrides) -> Iterator[None]:
    """Context in which a run is composed that a study names.

    ValueError for a run that names itself, as one does that is composed from the file of the study that names it.
    """
    if overrides in _being_named:
        raise ValueError(
            f"study: run: the run of {' '.join(overrides)} is to start from itself; "
            "name a study=... or an experiment=... without such a run"
        )
    _being_named.append(overrides)
    try:
        yield
    finally:
        _being_named.pop()
