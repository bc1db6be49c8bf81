"""From what a user types to the plain configurations of the jobs that it means."""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, cast

from hydra import compose
from hydra import version as hydra_version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lossatlas.choices import nearest
from lossatlas.runs.composition.custom_model import expand_own_model
from lossatlas.runs.composition.job import SURROUNDINGS, Job
from lossatlas.runs.composition.overrides import (
    expand_experiment,
    merge_overrides,
    overrides_of,
    places_among,
    renamed,
)
from lossatlas.runs.composition.search_path import CONFIG_NAME, config_folder
from lossatlas.runs.composition.shorthand import expand_logger
from lossatlas.runs.composition.synonyms import our_word
from lossatlas.runs.store.fingerprint import NOT_SCIENTIFIC, fingerprint
from lossatlas.runs.store.references import replaced


def start_hydra(config_dir: str | Path | None = None, overrides: Sequence[str] = ()) -> Hydra:
    """Initialise Hydra with the package's choices and those of ``config_dir``, a folder of the user's own.

    What composes configurations in this process from now on, and in the processes of jobs that it launches, finds
    both. As with Hydra's own ``--config-dir``, the package's choice wins where both have one of the same name. Folders
    that ``overrides`` add by ``hydra.searchpath=[...]`` are known from now on too, so that experiments are found there.
    """
    search_path = create_config_search_path(str(config_folder()))
    if config_dir is not None:
        folder = Path(config_dir).resolve()
        if not folder.is_dir():
            raise NotADirectoryError(f"--config-dir={config_dir}: no such folder")
        search_path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
    for place in places_among(overrides):
        paths = OverridesParser.create().parse_override(place).value()
        for path in paths if isinstance(paths, list) else []:
            search_path.append("hydra.searchpath", str(path))
    register_resolver()
    hydra_version.setbase("1.3")
    GlobalHydra.instance().clear()
    return Hydra.create_main_hydra2("lossatlas", search_path)


def compose_config(overrides: Sequence[str]) -> DictConfig:
    """Compose one configuration, Hydra's own part with it.

    ValueError for an override of a key or group that is not there; other exceptions of Hydra's pass through.
    """
    if not GlobalHydra.instance().is_initialized():
        start_hydra()
    try:
        return compose(
            CONFIG_NAME, expand_logger(expand_own_model(renamed(overrides))), return_hydra_config=True
        )
    except ConfigCompositionException as error:
        if match := re.match(r"Could not override '([^']+)'", str(error)):
            rest = compose_config([o for o in overrides if o.split("=", 1)[0].lstrip("+~") != match[1]])
            hint = our_word(match[1]) or _nearest_key(match[1], rest)
            raise ValueError(f"{match[1]}: no such key; {hint}") from error
        raise


def _nearest_key(path: str, config: DictConfig) -> str:
    """Clause with the sibling most like the first part of ``path`` that is not in ``config``."""
    node: Any = config
    parents = ""
    for part in path.split("."):
        if not OmegaConf.is_dict(node) or part not in node:
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
    that a landscape asks for, where a file of ``weights`` or ``members`` are given in its place.
    """
    masked = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    OmegaConf.set_struct(masked, False)
    container = cast(dict[str, Any], OmegaConf.to_container(masked, resolve=True, throw_on_missing=False))
    landscapes = container.get("landscape") or {}
    kept = {
        name: node for name, node in landscapes.items() if not isinstance(node, dict) or "_target_" in node
    }
    return {**container, "landscape": _without_missing_runs(kept)}


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


def job_of(overrides: Sequence[str], config: DictConfig) -> Job:
    """The job of a composed configuration; the runs that its study names are composed too.

    ValueError for one that is named by a fingerprint and is not finished.
    """
    return Job(tuple(overrides), _with_runs(plain(config), overrides))


def _with_runs(config: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    def expand(value: Any) -> Job:
        if isinstance(value, str):
            from lossatlas.runs.store.store import Store, find_finished_run

            run = find_finished_run(Store(config["paths"]["runs"]), value)
            manifest = run.manifest()
            return Job(() if manifest is None else tuple(manifest.overrides), run.config())
        if not isinstance(value, list | tuple) or not all(isinstance(override, str) for override in value):
            raise ValueError(
                f'study: run: expected overrides, as ["seed=1"], or a fingerprint in quotes, got {value!r}'
            )
        return deepcopy(_named_job(tuple(overrides_of(overrides, value)), GlobalHydra.instance().hydra))

    return expanded(config, expand)


_being_named: list[tuple[str, ...]] = []  # overrides of the runs whose composition is under way


@lru_cache(maxsize=256)
def _named_job(overrides: tuple[str, ...], hydra: Hydra | None) -> Job:
    """Compose the job of a run that studies name: those of a sweep name the same ones again and again.

    ValueError for a run that names itself, as one does that is composed from the file of the study that names it.
    """
    if overrides in _being_named:
        raise ValueError(
            f"study: run: the run of {' '.join(overrides)} is to start from itself; "
            "name a study=... or an experiment=... without such a run"
        )
    _being_named.append(overrides)
    try:
        return compose_job(overrides)
    finally:
        _being_named.pop()


def register_resolver() -> None:
    """Make ``${fingerprint:}`` available in YAML: the fingerprint of the configuration that it stands in."""
    OmegaConf.register_new_resolver("fingerprint", _resolve, replace=True)


def _resolve(*, _root_: DictConfig) -> str:
    # Nodes are resolved one by one: the dropped ones may themselves refer to the fingerprint.
    sections = {
        str(key): OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
        for key in _root_
        if key not in NOT_SCIENTIFIC
        for node in [_root_[key]]
    }
    given = OmegaConf.select(_root_, "hydra.overrides")
    overrides = () if given is None else (*given.task, *places_among(given.hydra))
    paths = OmegaConf.to_container(_root_.paths, resolve=True)
    return fingerprint(
        _with_runs({**sections, "paths": paths}, overrides) if "study" in sections else sections
    )


def compose_jobs(overrides: Sequence[str], *, multirun: bool = False) -> list[Job]:
    """Compose all jobs that ``overrides`` mean: one, or those of a sweep.

    It is a sweep if ``multirun`` says so or the experiment's own file does (``hydra.mode: MULTIRUN``). ValueError for
    a sweeper that decides on its jobs as it goes. The arms of an experiment are left out; see `compose_sweeps`.
    """
    overrides = expand_logger(expand_own_model(expand_experiment(overrides)))
    return sweep_jobs(compose_base(overrides), overrides, multirun=multirun)


def sweep_jobs(base: DictConfig, overrides: Sequence[str], *, multirun: bool = False) -> list[Job]:
    """As `compose_jobs`, with what the jobs share composed already."""
    if not multirun and base.hydra.mode != RunMode.MULTIRUN:
        return [compose_job(overrides)]
    if not str(base.hydra.sweeper["_target_"]).endswith(".BasicSweeper"):
        raise ValueError(
            "hydra/sweeper: expected basic; all jobs of a sweep are checked before the first is launched"
        )
    params = [f"{key}={value}" for key, value in params_of(base).items()]
    combined = OverridesParser.create().parse_overrides([*params, *overrides])
    values = {
        override.get_key_element(): _each_value(override) for override in combined
    }  # the last of a key holds
    return [compose_job(job) for job in product(*values.values())]


def _each_value(override: Override) -> list[str]:
    """The overrides of single values that one of a sweep means, as Hydra's basic sweeper writes them.

    ValueError for a sweep without end, such as ``interval(0, 1)``.
    """
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    if not override.is_discrete_sweep():
        raise ValueError(f"{override.input_line}: expected values one by one, as {key}=0,1,2")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def params_of(base: DictConfig) -> dict[str, str]:
    """The overrides that an experiment sweeps by itself, and their values as they are typed."""
    return {str(key): str(value) for key, value in (base.hydra.sweeper.get("params") or {}).items()}


def compose_base(overrides: Sequence[str]) -> DictConfig:
    """Compose what the jobs of a sweep share. As for Hydra itself, what they share must fit the default choices."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    fixed = [o.input_line for o in parsed if not o.is_sweep_override()]
    return compose_config([line for line in fixed if line is not None])


def expanded(config: Mapping[str, Any], expand: Callable[[Any], Job]) -> dict[str, Any]:
    """``config`` with what ``expand`` makes of the value of each ``{run: ...}`` in its study, save of whole ones.

    >>> config = {"study": {"start": {"run": ["seed=1"]}}, "seed": 0, "paths": {}}
    >>> job = Job(("seed=1",), {"study": {}, "seed": 1, "paths": {}})
    >>> expanded(config, lambda value: job)["study"]
    {'start': {'run': {'study': {}, 'seed': 1, 'overrides': ['seed=1']}}}
    """

    def run(value: Any) -> dict[str, Any]:
        if isinstance(value, Mapping) or value == "???":  # that is missing is told with all that is
            return {"run": value}
        job = expand(value)
        named = {key: part for key, part in job.config.items() if key not in SURROUNDINGS}
        return {"run": {**named, "overrides": list(job.overrides)}}

    return {**config, "study": replaced(config["study"], {"run": run})}


def other_job(job: Job, overrides: Sequence[str]) -> Job:
    """Job that ``overrides`` turn this one into."""
    return compose_job(merge_overrides(job.overrides, overrides))


def other_job_among(jobs: Sequence[Job]) -> Callable[[Job, Sequence[str]], Job]:
    """Function as `other_job`, which composes a job only if it is none of ``jobs``."""
    known = {frozenset(job.overrides): job for job in jobs}

    def find(job: Job, overrides: Sequence[str]) -> Job:
        return known.get(frozenset(merge_overrides(job.overrides, overrides))) or other_job(job, overrides)

    return find
