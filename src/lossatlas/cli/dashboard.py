"""``lossatlas dashboard``: an experiment's workspace and report in W&B."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from lossatlas.cli.arguments import Parser

if TYPE_CHECKING:
    from lossatlas.experiments.dashboard import Dashboard


def main(arguments: list[str]) -> int:
    """Run ``lossatlas dashboard EXPERIMENT [--scale SCALE] [--project PROJECT] [--entity ENTITY] [--json]``."""
    parser = Parser(
        "lossatlas dashboard",
        description="Save an experiment's workspace and report in W&B, for the account of `wandb login`.",
    )
    parser.add_argument(
        "experiment", metavar="EXPERIMENT", help="its name, as lossatlas reproduce --list has it"
    )
    parser.add_argument("--scale", default="digits", help="of its sweeps (default: digits)")
    parser.add_argument("--project", default="lossatlas", help="W&B's project (default: lossatlas)")
    parser.add_argument("--entity", default="", help="W&B's user or team (default: the account's own)")
    parser.add_argument(
        "--json", action="store_true", help="print the layout in W&B's own JSON in place of saving it"
    )
    options = parser.parse_intermixed_args(arguments)
    if find_spec("wandb_workspaces") is None:
        raise ValueError("dashboards are laid out by wandb-workspaces: pip install 'lossatlas[dashboard]'")
    from lossatlas.experiments.dashboard import dashboard_of, layout

    shown = dashboard_of(options.experiment, options.scale)
    if options.json:
        print(layout(shown, project=options.project))
        return 0
    for kind, address in _saved(shown, options.project, options.entity or _own_entity()).items():
        print(f"{kind}: {address}")
    return 0


def _own_entity() -> str:
    """The user or team that W&B's account sends to by default. ValueError where nobody has logged in."""
    import wandb

    try:
        return str(wandb.Api().default_entity)
    except wandb.errors.UsageError as error:
        raise ValueError(
            "nobody is logged in to W&B: type wandb login first; --json prints the layout without an account"
        ) from error


def _saved(shown: "Dashboard", project: str, entity: str) -> dict[str, str]:
    """Addresses of the workspace and the report."""
    from lossatlas.experiments.dashboard import report, workspace

    return {
        "workspace": str(workspace(shown, project=project, entity=entity).save().url),
        "report": str(report(shown, project=project, entity=entity).save().url),
    }
