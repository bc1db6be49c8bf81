import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from lossatlas.claims import (
    Arm,
    Paper,
    Verdict,
    caption,
    latex,
    markdown,
    rows,
    table,
    to_json,
    verdicts_from_json,
)

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
    arms=(
        Arm(label="batch size 8192", mean=11.14, sd=0.3, paper=11.07),
        Arm(label="batch size 128", mean=7.44, sd=0.2, paper=7.37),
    ),
    paper=Paper(first=11.07, second=7.37, source="Li et al. 2018, Fig. 2a"),
    corrected="holds",
)
FAILS = replace(HOLDS, id="L-F2b", outcome="fails", corrected="cannot tell", paper=None, arms=())
OPEN = replace(
    HOLDS,
    id="L-F3 [x]",
    outcome="cannot tell",
    corrected="cannot tell",
    estimate=np.nan,
    interval=(np.nan, np.nan),
    p_value=np.nan,
    seeds=3,
    note="3 usable pairs, at least 5 are needed",
)
ALL = [HOLDS, FAILS, OPEN]


def printed(verdicts: list[Verdict], width: int, *, color: bool = False) -> str:
    stream = StringIO()
    system = "standard" if color else None
    Console(file=stream, width=width, force_terminal=color, color_system=system).print(table(verdicts))
    return stream.getvalue()


def test_the_table_has_a_row_a_claim_with_reproduced_and_printed_numbers() -> None:
    text = printed(ALL, 130)
    row = next(line for line in text.splitlines() if "L-F2a (iii)" in line)
    for cell in ("holds", "3.7 [1.2, 6.2] %", "11.1±0.3", "11.07", "5"):
        assert cell in row
    assert "3 usable pairs, at least 5 are needed" in text
    assert "3 claims, each judged by its own 95 % interval" in " ".join(text.split())
    assert "fails*" in text
    assert "L-F3 [x]" in text  # brackets are no markup


def test_a_remark_is_shown_with_its_verdict_wherever_it_is_told() -> None:
    remarked = replace(FAILS, remark="The digits are [too] easy.")
    assert "The digits are [too] easy." in " ".join(printed([remarked], 130).split())
    columns, cells = rows([remarked])
    assert cells[0][columns.index("remark")] == "The digits are [too] easy."
    assert verdicts_from_json(to_json([remarked])) == [remarked]


def test_a_trend_has_an_arm_and_a_printed_number_for_each_level_and_one_setting_has_one() -> None:
    arms = tuple(Arm(label=f"depth {depth}", mean=depth / 10, sd=0.1) for depth in (20, 56, 110))
    paper = Paper(first=8.18, second=None, further=(16.44,), source="Li et al. 2018, Fig. 5")
    verdict = replace(HOLDS, arms=arms, paper=paper)
    columns, cells = rows([verdict])
    assert cells[0][columns.index("paper")] == "8.18; –; 16.44"
    assert verdicts_from_json(to_json([verdict])) == [verdict]
    columns, cells = rows([replace(verdict, arms=arms[:1])])
    assert cells[0][columns.index("paper")] == "8.18"


def test_the_outcome_is_coloured() -> None:
    text = printed(ALL, 130, color=True)
    for code, outcome in (("32", "holds"), ("31", "fails"), ("33", "cannot tell")):
        assert f"\x1b[1;{code}m{outcome}" in text


def test_the_table_fits_eighty_columns_without_losing_a_number() -> None:
    text = printed(ALL, 80)
    assert max(map(len, text.splitlines())) <= 80
    for cell in ("11.1±0.3", "11.07", "seeds", "cannot tell"):
        assert cell in text
    assert "…" not in text


def test_json_is_strict_and_says_null_where_nothing_is_known() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    content = json.loads(to_json(ALL, scale="digits"), parse_constant=refuse)
    assert content["scale"] == "digits"
    assert content["claims"][2]["estimate"] is None
    assert content["claims"][2]["interval"] == [None, None]
    assert content["claims"][0]["paper"]["source"] == "Li et al. 2018, Fig. 2a"
    assert content["claims"][0]["arms"][1] == {
        "label": "batch size 128",
        "mean": 7.44,
        "sd": 0.2,
        "paper": 7.37,
    }


def test_json_is_read_back_as_it_was_written() -> None:
    back = verdicts_from_json(to_json(ALL))
    assert back[:2] == ALL[:2]
    assert np.isnan([back[2].estimate, *back[2].interval, back[2].p_value]).all()
    assert to_json(back) == to_json(ALL)


def test_the_caption_hides_no_claim_and_no_condition() -> None:
    assert caption(ALL) == (
        "Holds (1): L-F2a (iii).\n"
        "Fails (1): L-F2b*.\n"
        "Cannot tell (1): L-F3 [x].\n"
        "3 to 5 seeds. 3 claims, each judged by its own 95 % interval over seeds; if there were nothing to see, "
        "about 0.15 would be decided by chance. * not decided if all claims are to hold at once (Holm)."
    )
    assert caption([]) == "No claims were judged."


def test_ids_with_commas_can_be_told_apart_in_the_caption() -> None:
    two = [replace(HOLDS, id="G-F2 chain, fall"), replace(HOLDS, id="tempered, chain")]
    assert caption(two).startswith("Holds (2): G-F2 chain, fall · tempered, chain.\n")


def test_a_table_for_a_paper_has_a_row_a_claim_and_nothing_that_latex_cannot_set() -> None:
    told = latex([replace(HOLDS, text="5 % less_loss & more", remark="α ≥ 1"), *ALL])
    assert told.isascii()
    assert told.count("Without weight decay, small batches generalise better") == len(ALL)
    assert r"5 \% less\_loss \& more" in told
    assert r"\toprule" in told


def test_rows_are_plain_values_under_their_columns() -> None:
    columns, cells = rows(ALL)
    first, last = (dict(zip(columns, row, strict=True)) for row in (cells[0], cells[2]))
    assert first["reproduced"] == "batch size 8192: 11.1±0.3; batch size 128: 7.44±0.2"
    assert first["paper"] == "11.07; 7.37"
    assert (first["low"], first["high"], first["if all hold at once"]) == (1.2, 6.2, "holds")
    assert last["estimate"] is None
    assert {type(cell) for row in cells for cell in row} <= {str, int, float, type(None)}


def test_an_arm_without_a_label_is_its_number_alone() -> None:
    columns, cells = rows([replace(HOLDS, arms=(Arm(label="", mean=0.0, sd=0.0),))])
    assert cells[0][columns.index("reproduced")] == "0±0"


@pytest.mark.parametrize(("number", "said"), [(1, "1 claim, each"), (2, "2 claims, each")])
def test_one_claim_is_no_claims(number: int, said: str) -> None:
    assert caption(number * [HOLDS]).splitlines()[-1].startswith(f"{HOLDS.seeds} seeds. {said}")


def test_a_number_read_off_a_picture_is_marked_and_a_missing_one_is_a_dash() -> None:
    paper = Paper(first=158, second=None, source="Fig. 2b", approximate=True)
    columns, cells = rows([replace(HOLDS, paper=paper)])
    assert cells[0][columns.index("paper")] == "≈158; –"


@pytest.mark.parametrize("verdict", ALL)
def test_a_claim_without_arms_or_interval_still_has_a_row(verdict: Verdict) -> None:
    assert verdict.id in printed([verdict], 130)


# In Markdown


def table_of(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_a_row_has_what_the_verdict_has_with_its_remark_and_a_star() -> None:
    cells = table_of(markdown([HOLDS, replace(FAILS, remark="The digits are too easy.")]))
    assert cells[0] == ["claim", "", "verdict", "estimate", "reproduced", "paper"]
    assert cells[2] == [
        "L-F2a (iii)",
        "Without weight decay, small batches generalise better",
        "**holds**",
        "3.7 [1.2, 6.2] %",
        "batch size 8192: 11.1 ± 0.3<br>batch size 128: 7.44 ± 0.2",
        "11.07<br>7.37",
    ]
    assert cells[3][1].endswith("generalise better<br>*The digits are too easy.*")
    assert cells[3][2] == "**fails***"
    assert cells[3][4:] == ["–", "–"]


def test_the_only_arm_of_a_claim_on_all_cells_has_no_label_to_stand_behind() -> None:
    cells = table_of(markdown([replace(HOLDS, arms=(Arm(label="", mean=0.0, sd=0.0),), paper=None)]))
    assert cells[2][4] == "0 ± 0"


def test_bars_in_a_sentence_do_not_end_its_cell() -> None:
    text = markdown([replace(HOLDS, text="At every |α| >= 0.3")])
    assert "| At every \\|α\\| >= 0.3 |" in text


def test_the_conditions_stand_below_the_table() -> None:
    assert (
        markdown([HOLDS])
        .splitlines()[-1]
        .startswith("1 claim, each judged by its own 95 % interval over seeds")
    )
