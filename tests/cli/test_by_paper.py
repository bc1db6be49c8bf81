"""What is shown of which paper, as a reader of the paper asks for it."""

import pytest
from typed import type_here

from lossatlas.experiments.catalogue import Listed, catalogue
from lossatlas.experiments.papers import all_shown, asked_for, citations
from lossatlas.experiments.publishing import fill_sections, index_by_paper, index_sections
from lossatlas.runs.composition.search_path import config_folder

SHOWN = all_shown(catalogue())
DEPTH = Listed("depth", "", "", "", shows={"li2018": ("figure 10", "figure 5", "table 1"), "mine2020": ()})


@pytest.mark.parametrize(
    ("text", "experiments"),
    [
        ("li2018 figure 7", "convexity"),
        ("Li et al. 2018, Fig. 7", "convexity"),
        ("Li et al. (2018), figure 7", "convexity"),
        ("li2018 figure 2a", "sharpness"),
        ("garipov2018 table 2", "mode_connectivity"),
        ("Huang et al. 2017, figure 6", "snapshot_diversity"),
        ("von Bachmann 2021, figure 4.13", "distance_cost"),
        ("Fort & Jastrzebski 2019", "tunnels low_loss_surface wedges"),
        ("Loshchilov and Hutter 2017 Table 2", "warm_restarts"),
        ("lecture section 1.3", "optimizers"),
    ],
)
def test_a_figure_is_found_as_readers_write_it(text: str, experiments: str) -> None:
    assert {one.experiment.name for one in asked_for(text, SHOWN)} == set(experiments.split())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("li2019", "li2019: no experiment is about such a paper; did you mean li2018?"),
        (
            "draxler2018 figure 1",
            "draxler2018 figure 1: no experiment shows it; of draxler2018 there are section 4.3",
        ),
        (
            "fort2019 figure 1",
            "fort2019 figure 1: no experiment shows it; of fort2019 no figure is told apart",
        ),
    ],
)
def test_what_nobody_shows_is_told_with_what_there_is(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        asked_for(text, SHOWN)


def test_a_word_without_a_year_is_no_paper() -> None:
    assert asked_for("sharpness", SHOWN) == []


def test_every_experiment_shows_something_of_a_paper_that_has_a_name() -> None:
    assert [experiment.name for experiment in catalogue() if not experiment.shows] == []
    unnamed = [paper for paper, called in citations(SHOWN).items() if paper == called]
    assert unnamed == ["lecture", "notes"]


def test_figures_come_first_by_number_and_what_has_none_last() -> None:
    assert [str(one) for one in all_shown([DEPTH])] == [
        "li2018 figure 5",
        "li2018 figure 10",
        "li2018 table 1",
        "mine2020",
    ]
    table = index_by_paper([DEPTH])
    assert table.splitlines()[0] == "## li2018"  # without a source it is called by its key
    assert "| as a whole | [depth](depth/README.md) |" in table


def test_the_page_of_papers_is_current() -> None:
    page = (config_folder() / "experiment" / "papers.md").read_text(encoding="utf-8")
    assert "<!-- papers -->" in page
    assert fill_sections(page, index_sections(config_folder() / "experiment")) == page


def test_a_figure_is_typed_in_place_of_an_experiment() -> None:
    listed = type_here("reproduce", "--list", "garipov2018", "figure", "2")
    assert "curve_ensemble" in listed.out
    assert "mode_connectivity" not in listed.out
    several = type_here("reproduce", "garipov2018")
    assert several.complaint == (
        "garipov2018: shown by mode_connectivity, curve_ensemble, fge, mode_width; type the one that you mean"
    )
    named = type_here("reproduce", "von bachmann 2021 figure 4.13", "--no-train", "epoch=1")
    assert named.complaint == "epoch: no such key; did you mean epochs?"  # composed as the experiment is
    assert (listed.status, several.status, named.status) == (0, 1, 1)
