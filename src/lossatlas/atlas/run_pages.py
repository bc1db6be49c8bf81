"""Pages of a store's runs: a table of all, a page for each, and one that sets several side by side."""

import json
from pathlib import Path
from typing import Any

import plotly.offline
import yaml

from lossatlas.atlas.run_data import history_of, landscapes_of
from lossatlas.atlas.templates import rendered, write_page
from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.store.fingerprint import no_result_changes
from lossatlas.runs.store.index import Listed, Record, list_runs
from lossatlas.runs.store.store import Store

_PLACES = ("paths", "hydra", "logger")
"""Parts of a configuration that say where files lie on the machine of the run: they are left out."""


def write_runs(source: Path, store: Store) -> list[dict[str, Any]]:
    """Write a page for each run of ``store`` below ``source``; return their part of the navigation."""
    runs = list_runs(store)
    if not runs:
        return []
    (source / "assets" / "plotly.min.js").write_text(plotly.offline.get_plotlyjs(), encoding="utf-8")
    rows = [_write_run(source, listed) for listed in runs]
    experiments = sorted({row["experiment"] for row in rows if row["experiment"]})
    statuses = sorted({row["status"] for row in rows})
    table = rendered("runs.md.j2", rows=rows, experiments=experiments, statuses=statuses)
    write_page(source / "runs" / "index.md", "Runs", table, wide=True)
    write_page(
        source / "runs" / "compare.md", "Side by side", rendered("compare.md.j2", rows=rows), wide=True
    )
    return [{"Runs": ["runs/index.md", {"Side by side": "runs/compare.md"}]}]


def _write_run(source: Path, listed: Listed) -> dict[str, Any]:
    """Write the page of a run and what is drawn on it; return its row in the table of all."""
    run, record = listed.run, listed.record
    row: dict[str, Any] = {
        "fingerprint": run.fingerprint,
        "status": listed.status,
        "problem": listed.problem,
        "experiment": record.experiment if record else "",
        "scale": record.scale if record else "",
        "differs": _typed(record) if record else "",
        "epochs": record.epochs if record else None,
        "test_error": record.metrics.get("test_error") if record else None,
        "created": record.created[:10] if record else "",
        "has_page": bool(record and record.experiment)
        and (source / "experiments" / str(record and record.experiment) / "README.md").exists(),
    }
    manifest = run.manifest() if record else None
    landscapes = list(landscapes_of(run)) if record else []
    row["landscapes"] = [told["name"] for told in landscapes]
    drawn = {
        "fingerprint": run.fingerprint,
        "title": f"{run.fingerprint[:8]} {row['differs']}".strip(),
        "settings": record.settings if record else {},
        "metrics": manifest.metrics if manifest else {},
        "history": history_of(run) if record else {},
        "landscapes": [told for told in landscapes if told["kind"] in ("surface", "line")],
    }
    data = source / "runs" / "data" / f"{run.fingerprint}.js"
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_text(f"atlas.run({json.dumps(drawn, separators=(',', ':'))});\n", encoding="utf-8")
    config = {key: part for key, part in run.config().items() if key not in _PLACES} if record else {}
    page = rendered(
        "run.md.j2",
        row=row,
        manifest=manifest,
        landscapes=landscapes,
        config=yaml.safe_dump(config, sort_keys=False, allow_unicode=True).rstrip(),
    )
    write_page(source / "runs" / f"{run.fingerprint}.md", f"run {run.fingerprint[:8]}", page)
    return row


def _typed(record: Record) -> str:
    """The overrides of a run that change its result, without its experiment; what they refer to by its value."""
    pairs = Overrides(record.overrides).items()
    return " ".join(
        f"{key}={record.settings.get(key, value) if '${' in value else value}"
        for key, value in pairs
        if key != "experiment" and no_result_changes(key) is None
    )
