"""An experiment's workspace and report in W&B from code: curves by arm, flatness against error, surfaces, verdict."""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from lossatlas.experiments.catalogue import listed
from lossatlas.experiments.definition import definition
from lossatlas.runs.composition.compose import compose_config
from lossatlas.runs.tracked_as import GROUPS

if TYPE_CHECKING:
    import wandb_workspaces.reports.v2 as reports
    import wandb_workspaces.workspaces as workspaces

_CURVES = ("train_loss", "train_error", "validation_loss", "validation_error", "weight_norm", "lr")
_ERROR = "final/test_error"
_FLATNESS = {  # survey -> a number of it that the tracker has in a run's summary
    "line": "{name}/width below loss 1, train",
    "sharpness": "{name}/sharpness/0",
    "weights": "{name}/norm",
}


@dataclass(frozen=True)
class Dashboard:
    """What an experiment's dashboard shows.

    Parameters
    ----------
    name, title, question : str
        Of the experiment.
    command : str
        What redraws its figures.
    axes : sequence of str
        Keys of the configuration that its sweeps vary, but for the seed.
    landscapes : mapping of str to str
        Name -> survey of each landscape.
    figures : sequence of str
        Names of its figures.
    claims : sequence of str
        A line for each verdict.
    """

    name: str
    title: str
    question: str
    command: str
    axes: Sequence[str]
    landscapes: Mapping[str, str]
    figures: Sequence[str]
    claims: Sequence[str]


def dashboard_of(experiment: str, scale: str = "digits") -> Dashboard:
    """Collect what the dashboard of an experiment shows, from its configuration and its published verdicts.

    Parameters
    ----------
    experiment : str
        Its name.
    scale : str, default "digits"
        Of its sweeps.

    Returns
    -------
    Dashboard
        For `workspace` and `report`.

    Raises
    ------
    ValueError
        For an experiment that there is not, naming the nearest.

    Examples
    --------
    >>> shown = dashboard_of("sharpness")
    >>> shown.axes
    ['choices.model', 'choices.optimizer', 'optimizer.weight_decay', 'data.batch_size']
    >>> sorted(shown.landscapes)
    ['eigenvalues', 'interpolation', 'line', 'sharpness', 'surface', 'weights']
    """
    shown = listed(experiment)
    config = compose_config([f"experiment={experiment}/{scale}"])
    settings: dict[str, Any] = {"axes": dict(config.experiment.axes)}
    settings |= {"values": OmegaConf.to_container(config.experiment.get("values", {}), resolve=True)}
    published = next((at for at in shown.scales if at.scale == scale), None)
    return Dashboard(
        experiment,
        shown.title,
        shown.question,
        f"lossatlas reproduce {experiment}" + ("" if scale == "digits" else f" scale={scale}"),
        [_tracked(key) for axis, key in settings["axes"].items() if axis != "seed"],
        _landscapes(config),
        list(definition(experiment, settings).figures),
        [f"**{claim['outcome']}** {claim['text']}" for claim in (published.claims if published else ())],
    )


def _tracked(key: str) -> str:
    """Key of an axis in the tracker's configuration, where a choice has its name apart from what it sets."""
    return f"choices.{key}" if key in GROUPS else key


def _landscapes(config: DictConfig) -> dict[str, str]:
    """Name -> survey of those that all jobs have."""
    nodes = {name: node for name, node in config.landscape.items() if node is not None and "_target_" in node}
    return {str(name): str(node["_target_"]).rpartition(".")[2] for name, node in nodes.items()}


def workspace(shown: Dashboard, *, project: str, entity: str = "") -> "workspaces.Workspace":
    """Lay out the workspace: the experiment's runs, grouped by arm, and panels of them.

    Parameters
    ----------
    shown : Dashboard
        What it shows.
    project : str
        W&B's project.
    entity : str, default ""
        W&B's user or team.

    Returns
    -------
    wandb_workspaces.workspaces.Workspace
        Not saved yet, which takes an account.
    """
    import wandb_workspaces.workspaces as workspaces

    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=_without_symbols(f"{shown.name}: {shown.title}"),
        sections=[
            workspaces.Section(name=name, panels=panels, is_open=True) for name, panels in _sections(shown)
        ],
        runset_settings=workspaces.RunsetSettings(
            filters=workspaces.And(workspaces.Metric("Group") == shown.name),
            groupby=[workspaces.Config(key) for key in shown.axes],
        ),
    )


def _without_symbols(name: str) -> str:
    """Name that W&B's library takes for a workspace's, which takes ^, = and the like for emojis.

    >>> _without_symbols("the valley of x^3 - x^2")
    'the valley of x3 - x2'
    """
    return "".join(character for character in name if not unicodedata.category(character).startswith("S"))


def report(shown: Dashboard, *, project: str, entity: str = "") -> "reports.Report":
    """Lay out the report: question, command, verdicts, and the panels of the workspace.

    Parameters
    ----------
    shown : Dashboard
        What it shows.
    project : str
        W&B's project.
    entity : str, default ""
        W&B's user or team; with one, W&B is asked for the project's number when the report is turned into JSON.

    Returns
    -------
    wandb_workspaces.reports.v2.Report
        Not saved yet, which takes an account.
    """
    import wandb_workspaces.reports.v2 as reports

    runs = reports.Runset(
        entity=entity,
        project=project,
        name=shown.name,
        filters=f"Group == '{shown.name}'",
        groupby=[f"config.{key}" for key in shown.axes],
    )
    blocks: list[Any] = [reports.P(shown.question), reports.CodeBlock(code=[shown.command], language=None)]
    if shown.claims:
        blocks += [
            reports.H2("Verdict"),
            reports.MarkdownBlock("\n".join(f"- {claim}" for claim in shown.claims)),
        ]
    for name, panels in _sections(shown):
        blocks += [reports.H2(name), reports.PanelGrid(runsets=[runs], panels=panels)]
    return reports.Report(
        project=project,
        entity=entity,
        title=f"{shown.name}: {shown.title}",
        blocks=[reports.TableOfContents(), *blocks],
    )


def _sections(shown: Dashboard) -> Iterator[tuple[str, list[Any]]]:
    """Names of sections and their panels, made anew."""
    import wandb_workspaces.reports.v2 as reports

    yield (
        "Training by arm",
        [
            reports.LinePlot(title=curve, x="epoch", y=[curve], log_y=curve == "train_loss")
            for curve in _CURVES
        ],
    )
    flatness = {
        name: _FLATNESS[survey].format(name=name)
        for name, survey in shown.landscapes.items()
        if survey in _FLATNESS
    }
    if flatness:
        yield (
            "Flatness against test error",
            [
                reports.ScatterPlot(
                    title=name,
                    x=reports.SummaryMetric(number),
                    y=reports.SummaryMetric(_ERROR),
                    regression=True,
                )
                for name, number in flatness.items()
            ],
        )
    if shown.landscapes:
        yield (
            "Landscapes",
            [reports.MediaBrowser(title=name, media_keys=[f"landscape/{name}"]) for name in shown.landscapes],
        )
    yield (
        "Figures and verdict",
        [
            *(reports.MediaBrowser(title=figure, media_keys=[figure]) for figure in shown.figures),
            reports.WeavePanelSummaryTable(table_name="verdict"),
        ],
    )
    yield "Configurations", [reports.RunComparer(diff_only=True)]


def layout(shown: Dashboard, *, project: str) -> str:
    """Text of the workspace and the report in W&B's own JSON, which takes no account.

    Parameters
    ----------
    shown : Dashboard
        What they show.
    project : str
        W&B's project.

    Returns
    -------
    str
        JSON with the keys ``workspace`` and ``report``.
    """
    models = {
        "workspace": workspace(shown, project=project)._to_model(),
        "report": report(shown, project=project)._to_model(),
    }
    plain = {name: model.model_dump(by_alias=True, mode="json") for name, model in models.items()}
    return json.dumps(plain, indent=2, ensure_ascii=False)
