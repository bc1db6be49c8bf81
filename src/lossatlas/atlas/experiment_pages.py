"""Pages of the experiments: the index with their pictures, all claims in one table, and a page for each."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lossatlas.atlas.pictures import copy_picture, write_thumbnail
from lossatlas.atlas.templates import plain, rendered, write_page
from lossatlas.claims import Verdict, rows, verdicts_from_json
from lossatlas.experiments.catalogue import AtScale, Listed, cost, experiment_folder
from lossatlas.experiments.papers import all_shown, citations
from lossatlas.files import read_json

_VERDICT = re.compile(r"<!-- verdict \w+ -->\n.*?<!-- end -->\n?", re.DOTALL)
_PICTURE = re.compile(r"!?\[([^\]]*)\]\(results/(\w+)/([\w.-]+\.(?:png|gif))\)")
_OUTCOMES = ("holds", "fails", "cannot tell")


@dataclass(frozen=True)
class Picture:
    """A picture of an experiment's page."""

    scale: str
    file: Path
    words: str  # what is seen, for those who do not see it
    size: tuple[int, int] = (0, 0)  # width and height in pixels

    @property
    def place(self) -> str:
        """Where it lies, from the experiment's page."""
        return f"results/{self.scale}/{self.file.name}"


@dataclass
class Claim:
    """A claim with what it came to at each scale."""

    id: str
    text: str
    paper: str
    at: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # scale -> a row of `rows`, and the corrected outcome


def write_experiments(
    source: Path, experiments: Sequence[Listed], results: Path | None = None
) -> list[dict[str, Any]]:
    """Write the pages of ``experiments`` below ``source``; return their part of the navigation."""
    called = citations(all_shown(experiments))
    claims = {one.name: _claims(one, results) for one in experiments}
    cards = []
    for one in experiments:
        pictures = _pictures(source, one, results)
        thumbnail = f"assets/thumbnails/{one.name}.webp" if pictures else ""
        if pictures:
            write_thumbnail(pictures[0].file, source / thumbnail)
        cards.append({"about": one, "thumbnail": thumbnail, "scales": [_told(at) for at in one.scales]})
        cards[-1]["outcomes"] = sorted({o for at in one.scales for o in _OUTCOMES if at.ids(o)})
        cards[-1]["papers"] = [called[key] for key in one.shows]
        _write_experiment(source, one, pictures, claims[one.name], results)
    index = rendered("index.md.j2", cards=cards, papers=sorted(called.values()), outcomes=_OUTCOMES)
    write_page(source / "index.md", "Experiments", index, wide=True)
    table = rendered("claims.md.j2", experiments=experiments, claims=claims, outcomes=_OUTCOMES)
    write_page(source / "claims.md", "All claims", table, wide=True)
    shown = all_shown(experiments)
    by_paper = [(called[paper], [one for one in shown if one.paper == paper]) for paper in called]
    write_page(source / "experiments" / "papers.md", "By paper", rendered("papers.md.j2", papers=by_paper))
    pages = [{plain_title(one.name): f"experiments/{one.name}/README.md"} for one in experiments]
    overview = [
        {"All experiments": "index.md"},
        {"All claims": "claims.md"},
        {"By paper": "experiments/papers.md"},
    ]
    return [{"Experiments": [*overview, *pages]}]


def plain_title(name: str) -> str:
    """A name as the navigation shows it."""
    from markupsafe import escape

    return str(escape(name))


def _told(at: AtScale) -> dict[str, Any]:
    """What a scale came to and costs, for templates."""
    counts = {outcome: len(at.ids(outcome)) for outcome in _OUTCOMES}
    words = [(outcome, _counted(outcome, count)) for outcome, count in counts.items() if count]
    return {"scale": at.scale, "counts": counts, "words": words, "seeds": at.seeds(), "cost": cost(at)}


def _counted(outcome: str, count: int) -> str:
    """How many claims came to an outcome, in words.

    >>> _counted("holds", 1), _counted("holds", 2), _counted("cannot tell", 3)
    ('1 holds', '2 hold', '3 open')
    """
    return f"{count} {'open' if outcome == 'cannot tell' else outcome if count == 1 else outcome[:-1]}"


def _results_of(one: Listed, scale: str, results: Path | None) -> Path:
    """Folder with what is shown of a scale: the user's own results where they were judged, else the published."""
    own = None if results is None else results / one.name / scale
    published = experiment_folder(one.name) / "results" / scale
    return own if own is not None and (own / "verdict.json").exists() else published


def _pictures(source: Path, one: Listed, results: Path | None) -> list[Picture]:
    """Copy an experiment's pictures; return them, that of its page's top first."""
    page = experiment_folder(one.name) / "README.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    words = {(scale, file): said for said, scale, file in _PICTURE.findall(text)}
    order = [*words, ("digits", "figure.png")]
    found = []
    for at in one.scales:
        folder = _results_of(one, at.scale, results)
        for file in sorted([*folder.glob("*.png"), *folder.glob("*.gif")]):
            said = " ".join(words.get((at.scale, file.name), "").split())
            said = said or f"{file.stem.replace('_', ' ')} of {one.name} at scale {at.scale}"
            place = source / "experiments" / one.name / "results" / at.scale / file.name
            found.append(Picture(at.scale, file, said, copy_picture(file, place)))
    known = {key: number for number, key in enumerate(dict.fromkeys(order))}
    return sorted(found, key=lambda one: known.get((one.scale, one.file.name), len(known)))


def _claims(one: Listed, results: Path | None) -> list[Claim]:
    """The claims of an experiment, in their order, with what they came to at each scale that was judged."""
    found: dict[str, Claim] = {}
    for at in one.scales:
        file = _results_of(one, at.scale, results) / "verdict.json"
        verdicts = verdicts_from_json(file.read_text(encoding="utf-8")) if read_json(file) else []
        columns, values = rows(verdicts)
        for verdict, row in zip(verdicts, values, strict=True):
            told = dict(zip(columns, row, strict=True))
            claim = found.setdefault(verdict.id, Claim(verdict.id, verdict.text, told["paper"]))
            claim.at[at.scale] = {
                **told,
                "corrected": verdict.corrected or verdict.outcome,
                "arms": _arms(verdict),
            }
    return list(found.values())


def _arms(verdict: Verdict) -> list[dict[str, Any]]:
    numbers = [verdict.paper.number(k) if verdict.paper else None for k in range(len(verdict.arms))]
    about = "≈" if verdict.paper and verdict.paper.approximate else ""
    return [
        {"label": arm.label, "mean": arm.mean, "sd": arm.sd, "paper": None if n is None else f"{about}{n:g}"}
        for arm, n in zip(verdict.arms, numbers, strict=True)
    ]


def _write_experiment(
    source: Path, one: Listed, pictures: Sequence[Picture], claims: Sequence[Claim], results: Path | None
) -> None:
    folder, target = experiment_folder(one.name), source / "experiments" / one.name
    target.mkdir(parents=True, exist_ok=True)
    scales = [at.scale for at in one.scales if any(at.scale in claim.at for claim in claims)]
    table = rendered("verdicts.html.j2", name=one.name, claims=claims, scales=scales, outcomes=_OUTCOMES)
    facts = rendered("facts.html.j2", about=one, scales=[_told(at) for at in one.scales])
    if (folder / "README.md").exists():
        body = _with_facts((folder / "README.md").read_text(encoding="utf-8"), facts, table)
    else:
        body = rendered("bare_experiment.md.j2", about=one, title=plain(one.title or one.name), facts=facts)
        body += "".join(f"\n![{plain(shown.words)}]({shown.place})\n" for shown in pictures[:1])
        body += f"\n## Verdict\n\n{table}\n" if claims else ""
    records = {}
    for at in one.scales:
        kept = _results_of(one, at.scale, results)
        for file in ("verdict.json", "cost.json"):
            if (kept / file).exists():
                (target / "results" / at.scale).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(kept / file, target / "results" / at.scale / file)
        if verdict := read_json(kept / "verdict.json"):
            records[at.scale] = verdict
    for printed in folder.glob("*.csv"):
        shutil.copyfile(printed, target / printed.name)
    sources = [*_files(folder, "*.yaml"), *_files(folder, "*.py")]
    body += rendered(
        "experiment_end.md.j2", name=one.name, pictures=pictures, sources=sources, records=records
    )
    write_page(target / "README.md", one.name, body)


def _with_facts(page: str, facts: str, table: str) -> str:
    """An experiment's README with ``facts`` below its title and the ``table`` of claims in place of its own."""
    title, _, rest = page.partition("\n")
    rest, several = _VERDICT.subn(lambda _: "@@table@@\n", rest)
    rest = rest.replace("@@table@@", table, 1).replace("@@table@@\n", "")
    return f"{title}\n\n{facts}\n{rest}" + ("" if several else f"\n## Verdict\n\n{table}\n")


def _files(folder: Path, pattern: str) -> list[dict[str, str]]:
    return [
        {"name": file.name, "text": file.read_text(encoding="utf-8").rstrip()}
        for file in sorted(folder.glob(pattern))
    ]
