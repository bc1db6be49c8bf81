"""The cost of an experiment in floating-point operations, before any of it is computed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lossatlas.experiments.collect import locate
from lossatlas.experiments.cost.flops import forward_flops
from lossatlas.experiments.cost.survey_cost import split_sizes, survey_work
from lossatlas.experiments.cost.training_cost import epochs_of_its_own, passes_of_a_step
from lossatlas.runs.build import build_network, make
from lossatlas.runs.composition.job import Job
from lossatlas.runs.ensure import run_of
from lossatlas.runs.store.fingerprint import digest
from lossatlas.runs.store.references import TO_RUNS, references


@dataclass(frozen=True)
class _TrainingCost:
    """What the trainings of a network take."""

    runs: int
    epochs: int
    images: int  # in an epoch
    tflop: float  # of all runs, 1e12 operations


@dataclass(frozen=True)
class SurveyCost:
    """What the surveys of one landscape of a network take."""

    name: str
    surveys: int  # runs that have it
    points: int  # of a survey
    images: int  # that a point looks at
    passes: float  # operations of a point on an image, in forward passes
    products: float | None  # stated for a point, of a matrix and a vector
    tflop: float  # of all surveys


@dataclass(frozen=True)
class NetworkCost:
    """What one architecture costs in an experiment, trained in one way."""

    network: str
    parameters: int
    gflop_per_image: float  # 1e9 operations of a forward pass, two for a multiply-add
    training: _TrainingCost
    surveys: tuple[SurveyCost, ...]

    @property
    def tflop(self) -> float:
        """1e12 operations of its trainings and surveys."""
        return self.training.tflop + sum(survey.tflop for survey in self.surveys)


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Operations a second that a GPU is taken to sustain, and where the number comes from."""

    tflops: float  # 1e12 operations a second
    source: str

    def __post_init__(self) -> None:
        if not self.tflops > 0:
            raise ValueError(f"throughput: expected TFLOP/s above 0, got {self.tflops:g}")

    def hours(self, tflop: float) -> float:
        """Hours that ``tflop`` 1e12 operations take.

        >>> Throughput(tflops=10.0, source="mine").hours(36_000)
        1.0
        """
        return tflop / self.tflops / 3600


THROUGHPUT = Throughput(
    tflops=9.75, source="half of the 19.5 TFLOP/s that NVIDIA's data sheet gives an A100 in float32"
)
"""The default. Networks as small as those of CIFAR keep a GPU less busy than large ones: they take longer."""


@dataclass(frozen=True)
class Estimate:
    """What an experiment costs, by network, and in hours at a throughput that is an assumption."""

    networks: tuple[NetworkCost, ...]
    throughput: Throughput = THROUGHPUT

    @property
    def tflop(self) -> float:
        """1e12 operations of all."""
        return sum(network.tflop for network in self.networks)

    @property
    def hours(self) -> float:
        """GPU hours of all."""
        return self.throughput.hours(self.tflop)

    def to_json(self) -> dict[str, Any]:
        """Plain containers, with the totals."""
        networks = [{**asdict(network), "tflop": network.tflop} for network in self.networks]
        return {
            "gpu_hours": self.hours,
            "tflop": self.tflop,
            "throughput": asdict(self.throughput),
            "networks": networks,
        }


def estimate(
    jobs: Sequence[Job],
    other_job: Callable[[Job, Sequence[str]], Job],
    throughput: Throughput = THROUGHPUT,
    *,
    left_only: bool = False,
) -> Estimate:
    """Estimate what ``jobs`` cost; each run and each survey counts once, each network is counted once.

    With ``left_only`` what the store holds already counts for nothing.

    The runs that their studies and landscapes name count as well. A training is taken to be `passes_of_a_step` forward
    passes for each image of each epoch; validation and what is not a convolution or a matrix product are left out.
    ``other_job`` as for `locate`. No data set need be there.
    """
    groups: dict[str, dict[str, Job]] = {}  # network and length of training -> fingerprint -> job
    for job in _with_named_runs([*jobs, *_named_by_landscapes(jobs, other_job)]):
        groups.setdefault(group_of(job), {}).setdefault(job.fingerprint, job)
    configs = [next(iter(group.values())).config for group in groups.values()]
    surveyed = _surveyed(jobs, other_job, left_only)
    networks = []
    for name, config, (group, runs) in zip(_names(configs), configs, groups.items(), strict=True):
        trained = [job for job in runs.values() if not (left_only and run_of(job).is_finished())]
        if trained or group in surveyed:
            networks.append(_network_cost(name, config, len(trained), surveyed.get(group, {})))
    return Estimate(tuple(networks), throughput)


def _named_by_landscapes(jobs: Sequence[Job], other_job: Callable[[Job, Sequence[str]], Job]) -> list[Job]:
    """Jobs of the runs that the landscapes of ``jobs`` name by overrides."""
    return [
        other_job(job, named.value)
        for job in jobs
        for named in references(job.config["landscape"], kinds=TO_RUNS)
        if not named.is_own and not isinstance(named.value, str)
    ]


def _with_named_runs(jobs: Sequence[Job]) -> list[Job]:
    """The runs that the studies of ``jobs`` name, each before those that name it, and ``jobs``."""
    found: list[Job] = []
    for job in jobs:
        found += [*_with_named_runs(job.upstream), job]
    return found


_Surveys = dict[str, list[tuple[str, Job]]]
"""Digest of a landscape's name and settings -> that name, and each job that is to have it."""


def _surveyed(
    jobs: Sequence[Job], other_job: Callable[[Job, Sequence[str]], Job], left_only: bool
) -> dict[str, _Surveys]:
    """Landscapes of all jobs by group, each file of the store once; with ``left_only`` those that are not there."""
    found: dict[Path, tuple[str, Job]] = {}
    for job in jobs:
        (cell,) = locate([job], {}, other_job)
        wanted = {name: path for name, path in cell.landscapes.items() if not (left_only and path.exists())}
        found |= {path: (name, job) for name, path in wanted.items()}
    groups: dict[str, _Surveys] = {}
    for name, job in found.values():
        settings = digest([name, job.config["landscape"][name]])
        groups.setdefault(group_of(job), {}).setdefault(settings, []).append((name, job))
    return groups


def group_of(job: Job) -> str:
    """Digest of what a job's training costs: its network, data and study, and how long it is trained."""
    data = {key: value for key, value in job.config["data"].items() if key != "batch_size"}
    study = job.config["study"]["_target_"], passes_of_a_step(job.config)
    return digest(
        [job.config["model"], job.config.get("normalization"), epochs_of_its_own(job.config), data, *study]
    )


def _but_for_init(section: str, build: Callable[[], Any]) -> Any:
    """Initialising changes no cost, and may need images of a data set that is not there."""
    return None if section == "init" else build()


def _network_cost(name: str, config: Mapping[str, Any], runs: int, surveyed: _Surveys) -> NetworkCost:
    sizes = split_sizes(config)
    network = build_network(config, _but_for_init)
    forward = forward_flops(partial(make, config["model"]), config["data"]["shape"])
    epochs = epochs_of_its_own(config)
    flops = passes_of_a_step(config) * forward * sizes["train"] * epochs * runs
    surveys = []
    for (survey, job), *others in surveyed.values():
        work = survey_work(job, survey, network, sizes)
        passes = work.flops_per_image / forward if forward else 0.0  # no operation of a ball's is counted
        number = 1 + len(others)
        cost = SurveyCost(
            survey, number, work.points, work.images, passes, work.products, work.tflop * number
        )
        surveys.append(cost)
    return NetworkCost(
        name,
        sum(parameter.numel() for parameter in network.parameters()),
        forward / 1e9,
        _TrainingCost(runs, epochs, sizes["train"], flops / 1e12),
        _added(surveys),
    )


def _added(surveys: Sequence[SurveyCost]) -> tuple[SurveyCost, ...]:
    """Those that differ in nothing but how many they are, and what that makes, put together."""
    kinds: dict[SurveyCost, SurveyCost] = {}
    for survey in surveys:
        kind = replace(survey, surveys=0, tflop=0.0)
        known = kinds.get(kind, kind)
        kinds[kind] = replace(known, surveys=known.surveys + survey.surveys, tflop=known.tflop + survey.tflop)
    return tuple(kinds.values())


def _names(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name of each network: its class, the settings in which those of one class differ, and what else than train it.

    >>> models = [{"_target_": "models.ResNet", "depth": d, "width": 16} for d in (20, 56)]
    >>> rest = {"study": {"_target_": "studies.Classifier"}, "epochs": 3}
    >>> _names([{"model": model, **rest} for model in models])
    ['ResNet depth=20', 'ResNet depth=56']
    """
    models = [config["model"] for config in configs]
    return [
        _name(model, [other for other in models if other["_target_"] == model["_target_"]])
        + _way(config, [other for other in configs if other["model"] == model])
        for config, model in zip(configs, models, strict=True)
    ]


def _name(model: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    differing = [
        f"{key}={_written(value)}"
        for key, value in model.items()
        if any(other.get(key) != value for other in others)
    ]
    return " ".join([model["_target_"].rpartition(".")[2], *differing])


def _way(config: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """Study and epochs of ``config``, where ``others`` train the same network in other ways."""
    studies = {other["study"]["_target_"] for other in others}
    lengths = {epochs_of_its_own(other) for other in others}
    study = f", {config['study']['_target_'].rpartition('.')[2]}" if len(studies) > 1 else ""
    return study + (f", {epochs_of_its_own(config)} epochs" if len(lengths) > 1 else "")


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace(" ", "")
