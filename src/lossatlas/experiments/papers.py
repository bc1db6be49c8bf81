"""Experiments by what they show: a figure, a table or a section of a paper, as a reader of the paper asks for it.

What an experiment shows stands in its YAML, ``experiment.shows: {li2018: [figure 7]}``: a key is the first author's
name and the year, or a word, "lecture", for what has none. What the paper is called is read from ``experiment.source``
of those that show it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lossatlas.choices import nearest
from lossatlas.experiments.catalogue import Listed

_PAPER = re.compile(r"\s*(?P<author>[^\d()]*?)[\s,(]*(?P<year>\d{4})\)?[\s,:]*(?P<part>.*)", re.DOTALL)
_CITED = re.compile(r"(?:^|[;,]) *([^;,()]*\d{4} \([^()]*\))")
_WORDS = {
    "fig": "figure",
    "figs": "figure",
    "tab": "table",
    "eq": "equation",
    "sec": "section",
    "§": "section",
}


@dataclass(frozen=True)
class Shown:
    """What an experiment shows of a paper.

    Parameters
    ----------
    paper : str
        Its key: "li2018".
    part : str
        "figure 7"; "" where the experiment is about the paper as a whole.
    experiment : Listed
        The one that shows it.
    """

    paper: str
    part: str
    experiment: Listed

    def __str__(self) -> str:
        return f"{self.paper} {self.part}".strip()


def all_shown(experiments: Iterable[Listed]) -> list[Shown]:
    """What ``experiments`` show, by paper; within one figures come first, then tables, then the rest, by number.

    Parameters
    ----------
    experiments : iterable of Listed
        As the catalogue has them.

    Returns
    -------
    list of Shown
        One for each experiment and part.
    """
    shown = [
        Shown(paper, part, experiment)
        for experiment in experiments
        for paper, parts in experiment.shows.items()
        for part in parts or ("",)
    ]
    return sorted(shown, key=lambda one: (one.paper, *_place(one.part), one.experiment.name))


def _place(part: str) -> tuple[int, str, list[int]]:
    kind, _, number = part.partition(" ")
    rank = {"figure": 0, "table": 1, "": 3}.get(kind, 2)  # what is of the whole paper comes last
    return rank, kind, [int(n) for n in re.findall(r"\d+", number)]


def citations(shown: Iterable[Shown]) -> dict[str, str]:
    """What each paper is called: the first words on it in the sources of those that show it; else its key.

    >>> depth = Listed("depth", "", "", "Li et al. 2018 (arXiv:1712.09913), figure 5", shows={"li2018": ("figure 5",)})
    >>> citations(all_shown([depth]))
    {'li2018': 'Li et al. 2018 (arXiv:1712.09913)'}
    """
    shown = list(shown)
    found = {one.paper: one.paper for one in shown}
    for one in shown:
        cited = [
            text for text in _CITED.findall(one.experiment.source) if _parsed(text)[0] == _plain(one.paper)
        ]
        if cited and found[one.paper] == one.paper:
            found[one.paper] = cited[0].strip()
    return found


def asked_for(text: str, shown: Sequence[Shown]) -> list[Shown]:
    """Those of ``shown`` that ``text`` names: a paper, or a figure, a table or a section of it.

    Parameters
    ----------
    text : str
        "li2018 figure 7", "Li et al. 2018, Fig. 7", "garipov2018". A letter behind a number names a panel.
    shown : sequence of Shown
        What there is.

    Returns
    -------
    list of Shown
        In their order; none if ``text`` names neither a year nor a key, so that no paper is meant.

    Raises
    ------
    ValueError
        For a paper, or a part of one, that nobody shows, with the nearest that somebody does.

    Examples
    --------
    >>> depth = Listed("depth", "", "", "", shows={"li2018": ("figure 1", "figure 5")})
    >>> [str(one) for one in asked_for("Li et al. (2018), Fig. 5b", all_shown([depth]))]
    ['li2018 figure 5']
    >>> asked_for("li2018 figure 6", all_shown([depth]))
    Traceback (most recent call last):
    ValueError: li2018 figure 6: no experiment shows it; of li2018 there are figure 1, figure 5
    """
    first, _, rest = text.partition(" ")
    if any(one.paper == first for one in shown):
        author_and_year, part = _plain(first), _part(rest)
    else:
        author_and_year, part = _parsed(text)
    if not author_and_year:
        return []
    of_paper = [one for one in shown if _plain(one.paper) == author_and_year]
    if not of_paper:
        papers = dict.fromkeys(one.paper for one in shown)
        raise ValueError(f"{text}: no experiment is about such a paper; {nearest(author_and_year, papers)}")
    if not part:
        return of_paper
    for named in (part, re.sub(r"(?<=\d)[a-z]+$", "", part)):
        if found := [one for one in of_paper if one.part == named]:
            return found
    parts = dict.fromkeys(one.part for one in of_paper if one.part)
    told = f"there are {', '.join(parts)}" if parts else "no figure is told apart"
    raise ValueError(f"{text}: no experiment shows it; of {of_paper[0].paper} {told}")


def _parsed(text: str) -> tuple[str, str]:
    """Key of a paper without its signs, and the part of it; two empty words where no year is named.

    >>> _parsed("von Bachmann 2021, Fig. 4.11"), _parsed("Fort & Jastrzebski 2019"), _parsed("sharpness")
    (('vonbachmann2021', 'figure 4.11'), ('fort2019', ''), ('', ''))
    """
    match = _PAPER.fullmatch(text)
    if match is None or not match["author"]:
        return "", ""
    first = re.split(r"&|\band\b|\bet al\b", match["author"].lower())[0]
    return _plain(first + match["year"]), _part(match["part"])


def _part(text: str) -> str:
    """A part of a paper as `Shown` has it.

    >>> _part("Fig. 7."), _part(", Table 1")
    ('figure 7', 'table 1')
    """
    words = re.findall(r"[a-z§]+|\d[\w.]*", text.lower())
    return " ".join(_WORDS.get(word, word) for word in words).rstrip(".")


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())
