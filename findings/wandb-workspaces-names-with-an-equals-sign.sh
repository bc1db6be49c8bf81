#!/usr/bin/env bash
# wandb-workspaces 0.4.13, wandb 0.31.0, Python 3.11.
#
# A workspace that is made by code is refused for its name if that holds any character of Unicode's categories for
# symbols: beside emojis these are + < = > ^ | ~ and the signs of mathematics and money. A sweep named by its values,
# "lr=0.1", or a title with x^2 in it is told "Emojis are not allowed". A report of the same title is taken, and W&B's
# runs and groups may have such names.
#
# A report cannot be turned into JSON without an account as soon as its run set names an entity, since the project's
# number is asked for; a workspace can.
#
# Seen:
#   workspace 'sharpness by batch size': taken
#   workspace 'lr=0.1': Emojis are not allowed
#   workspace 'x^2 - 1': Emojis are not allowed
#   workspace 'width > 64': Emojis are not allowed
#   report 'lr=0.1': taken
#   JSON of a workspace of an entity: made
#   JSON of a report without an entity: made
#   JSON of a report of an entity: not logged in to W&B
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export HOME="$work" WANDB_SILENT=true
unset WANDB_API_KEY
python3 -m venv env
env/bin/pip install --quiet wandb-workspaces==0.4.13 wandb==0.31.0
cat > names.py <<'PYTHON'
import warnings

warnings.simplefilter("ignore")
import wandb_workspaces.reports.v2 as reports
import wandb_workspaces.workspaces as workspaces


def told(make):
    try:
        make()
    except Exception as error:
        for known in ("Emojis are not allowed", "not logged in to W&B"):
            if known in str(error):
                return known
        raise
    return None


def workspace(name, entity=""):
    return workspaces.Workspace(entity=entity, project="p", name=name, sections=[])


def report(title, entity=""):
    grid = reports.PanelGrid(runsets=[reports.Runset(entity=entity, project="p", name="all")], panels=[])
    return reports.Report(entity=entity, project="p", title=title, blocks=[grid])


for name in ("sharpness by batch size", "lr=0.1", "x^2 - 1", "width > 64"):
    print(f"workspace {name!r}:", told(lambda: workspace(name)) or "taken")
print("report 'lr=0.1':", told(lambda: report("lr=0.1")) or "taken")
print("JSON of a workspace of an entity:", told(lambda: workspace("a", "me")._to_model()) or "made")
print("JSON of a report without an entity:", told(lambda: report("a")._to_model()) or "made")
print("JSON of a report of an entity:", told(lambda: report("a", "me")._to_model()) or "made")
PYTHON
env/bin/python names.py > out.txt 2> err.txt || { cat err.txt; exit 1; }
cat out.txt
diff - out.txt <<'SEEN'
workspace 'sharpness by batch size': taken
workspace 'lr=0.1': Emojis are not allowed
workspace 'x^2 - 1': Emojis are not allowed
workspace 'width > 64': Emojis are not allowed
report 'lr=0.1': taken
JSON of a workspace of an entity: made
JSON of a report without an entity: made
JSON of a report of an entity: not logged in to W&B
SEEN
