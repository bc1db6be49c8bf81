from dataclasses import replace

from lossatlas.claims import Arm, Paper, Verdict, markdown

HOLDS = Verdict(
    id="L-F2a (iii)",
    text="Without weight decay, small batches generalise better",
    outcome="holds",
    statistic="mean difference of test error",
    units="%",
    estimate=3.7,
    interval=(1.2, 6.2),
    confidence=0.95,
    against=0.0,
    p_value=0.01,
    seeds=5,
    arms=(Arm(label="batch size 8192", mean=11.14, sd=0.3), Arm(label="batch size 128", mean=7.44, sd=0.2)),
    paper=Paper(first=11.07, second=7.37, source="Li et al. 2018, Fig. 2a"),
    corrected="holds",
)
FAILS = replace(HOLDS, id="L-F2b", outcome="fails", corrected="cannot tell", paper=None, arms=())


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_a_row_has_what_the_verdict_has_with_its_remark_and_a_star() -> None:
    table = rows(markdown([HOLDS, replace(FAILS, remark="The digits are too easy.")]))
    assert table[0] == ["claim", "", "verdict", "estimate", "reproduced", "paper"]
    assert table[2] == [
        "L-F2a (iii)",
        "Without weight decay, small batches generalise better",
        "**holds**",
        "3.7 [1.2, 6.2] %",
        "batch size 8192: 11.1 ± 0.3<br>batch size 128: 7.44 ± 0.2",
        "11.07<br>7.37",
    ]
    assert table[3][1].endswith("generalise better<br>*The digits are too easy.*")
    assert table[3][2] == "**fails***"
    assert table[3][4:] == ["–", "–"]


def test_the_only_arm_of_a_claim_on_all_cells_has_no_label_to_stand_behind() -> None:
    table = rows(markdown([replace(HOLDS, arms=(Arm(label="", mean=0.0, sd=0.0),), paper=None)]))
    assert table[2][4] == "0 ± 0"


def test_bars_in_a_sentence_do_not_end_its_cell() -> None:
    text = markdown([replace(HOLDS, text="At every |α| >= 0.3")])
    assert "| At every \\|α\\| >= 0.3 |" in text


def test_the_conditions_stand_below() -> None:
    assert (
        markdown([HOLDS])
        .splitlines()[-1]
        .startswith("1 claim, each judged by its own 95 % interval over seeds")
    )
