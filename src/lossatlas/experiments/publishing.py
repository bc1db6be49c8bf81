"""Publishing an experiment's results: verdict, figure and cost, and the pages that tell of them."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lossatlas.claims import markdown, verdicts_from_json
from lossatlas.experiments.catalogue import AtScale, Listed, cost, experiment_folder, experiments, listed
from lossatlas.experiments.cost.in_words import estimated_sentence, measured_sentence
from lossatlas.experiments.papers import all_shown, citations
from lossatlas.files import write_json, write_text
from lossatlas.words import counted

_END = "<!-- end -->"


def write_pages(name: str) -> None:
    """Write what was published of the experiment ``name`` into its README and into the list of all experiments.

    And into the README of the project, beside the folder of all experiments, whose markers name the experiment:
    ``<!-- counts sharpness digits -->``.

    Parameters
    ----------
    name : str
        Of the experiment.

    Raises
    ------
    ValueError
        With the nearest name, if there is no such experiment.
    """
    folder = experiment_folder(name)
    for page, sections in (
        (folder / "README.md", page_sections(name)),
        (folder.parent / "README.md", index_sections(folder.parent)),
        (folder.parent / "papers.md", index_sections(folder.parent)),
        (folder.parent.resolve().parent / "README.md", project_sections(name)),
    ):
        if page.exists():
            before = page.read_text(encoding="utf-8")
            if (after := fill_sections(before, sections)) != before:
                write_text(page, after)


def fill_sections(page: str, sections: Mapping[str, str]) -> str:
    """``page`` with each of the ``sections`` between its marker and the next end, where the page has that marker.

    A marker at the end of a line begins a block, any other stands within the line.

    Parameters
    ----------
    page : str
        Markdown with markers: ``<!-- section -->`` to ``<!-- end -->``.
    sections : mapping of str to str
        Marker -> what stands behind it.

    Returns
    -------
    str
        The page as it was where it has no such marker.

    Examples
    --------
    >>> fill_sections("It took <!-- cost digits -->2 s<!-- end -->.", {"cost digits": "3 s", "verdict digits": "-"})
    'It took <!-- cost digits -->3 s<!-- end -->.'
    """
    for section, content in sections.items():
        marker = f"<!-- {section} -->"
        block, inline = f"{marker}\n\n{content}\n\n{_END}", f"{marker}{content}{_END}"
        for pattern, filling in (
            (rf"{re.escape(marker)}\n.*?{_END}", block),
            (rf"{re.escape(marker)}[^\n]*?{_END}", inline),
        ):
            page = re.sub(pattern, filling.replace("\\", r"\\"), page, flags=re.DOTALL)
    return page


def page_sections(name: str) -> dict[str, str]:
    """What was published of an experiment, by the marker in its README: "verdict digits", "cost digits", ...

    Parameters
    ----------
    name : str
        Of the experiment.

    Returns
    -------
    dict of str to str
        Marker -> Markdown.

    Raises
    ------
    ValueError
        With the nearest name, if there is no such experiment.
    """
    sections = {}
    for results in sorted((experiment_folder(name) / "results").glob("*/")):
        verdict, costs = results / "verdict.json", results / "cost.json"
        if costs.exists():
            sections[f"cost {results.name}"] = estimated_sentence(json.loads(costs.read_bytes()))
        if verdict.exists():
            text = verdict.read_text(encoding="utf-8")
            sections[f"verdict {results.name}"] = markdown(verdicts_from_json(text))
            if record := json.loads(text).get("cost"):
                sections[f"cost {results.name}"] = measured_sentence(record)
    return sections


def project_sections(name: str) -> dict[str, str]:
    """What the README of the project may have of an experiment: how many claims came to each outcome.

    Parameters
    ----------
    name : str
        Of the experiment.

    Returns
    -------
    dict of str to str
        Marker, "counts sharpness digits" -> words.

    Raises
    ------
    ValueError
        With the nearest name, if there is no such experiment.
    """
    return {f"counts {name} {at.scale}": at.counts() for at in listed(name).scales if at.claims}


def index_sections(folder: Path) -> dict[str, str]:
    """The tables of all experiments in ``folder``, by name and by paper, by the markers in their lists.

    Parameters
    ----------
    folder : Path
        With a folder for each experiment.

    Returns
    -------
    dict of str to str
        Marker -> Markdown.
    """
    shown = [listed(name) for name in experiments() if experiment_folder(name).parent == folder]
    return {"experiments": index(shown), "papers": index_by_paper(shown)}


def index(experiments: Sequence[Listed]) -> str:
    """A row in Markdown for each experiment: question, and for each scale cost and verdict.

    Parameters
    ----------
    experiments : sequence of Listed
        In the order of the rows.

    Returns
    -------
    str
        Ends without a newline.
    """
    scales = list(dict.fromkeys(at.scale for experiment in experiments for at in experiment.scales))
    headings = ["experiment", "question", *(f"scale {scale}" for scale in scales), "source"]
    lines = [headings, ["---"] * len(headings)]
    for experiment in experiments:
        at = {at.scale: at for at in experiment.scales}
        results = [_result(at[scale]) if scale in at else "–" for scale in scales]
        link = f"[{experiment.name}]({experiment.name}/README.md)"
        lines.append([link, experiment.question, *results, experiment.source])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def index_by_paper(experiments: Sequence[Listed]) -> str:
    """A table in Markdown for each paper: what is shown of it, by which experiment, and what came of it.

    Parameters
    ----------
    experiments : sequence of Listed
        Of which it tells.

    Returns
    -------
    str
        Headings and tables; ends without a newline.
    """
    shown = all_shown(experiments)
    scales = list(dict.fromkeys(at.scale for experiment in experiments for at in experiment.scales))
    tables = []
    for paper, called in citations(shown).items():
        headings = [paper, "experiment", *(f"scale {scale}" for scale in scales)]
        lines = [headings, ["---"] * len(headings)]
        for one in (one for one in shown if one.paper == paper):
            at = {at.scale: at for at in one.experiment.scales}
            results = [at[scale].counts() or "not run" if scale in at else "–" for scale in scales]
            name = one.experiment.name
            lines.append([one.part or "as a whole", f"[{name}]({name}/README.md)", *results])
        rows = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
        tables.append(f"## {called}\n\n{rows}")
    return "\n\n".join(tables)


def _result(at: AtScale) -> str:
    effort = ", ".join(part for part in (counted(at.seeds(), "seed") if at.seeds() else "", cost(at)) if part)
    return "<br>".join(part for part in (at.counts() or "not run", effort) if part)


def write_cost(name: str, scale: str, content: Mapping[str, Any]) -> Path:
    """Write an estimate beside the published results of a scale; return where.

    Parameters
    ----------
    name, scale : str
        Of the experiment, and at which scale.
    content : mapping
        The estimate, as JSON takes it.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    ValueError
        With the nearest name, if there is no such experiment.
    """
    path = experiment_folder(name) / "results" / scale / "cost.json"
    write_json(path, content)
    return path
