"""The site in headless Chromium: nothing complains, filters filter, surfaces turn."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from built import Built

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this machine")

WIDE, NARROW = {"width": 1300, "height": 900}, {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    software = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with playwright.sync_playwright() as started:
        one = started.chromium.launch(executable_path=CHROMIUM, args=software)
        yield one
        one.close()


class Reader:
    """A page of the site that is open, and what was complained of."""

    def __init__(self, browser: Any, built: Built, place: str, size: dict[str, int]) -> None:
        self.complaints: list[str] = []
        self.page = browser.new_page(viewport=size)
        self.page.set_default_timeout(
            120_000
        )  # surfaces are drawn by the processor, which others may keep busy
        self.page.on("console", lambda told: self._hear(told.type, told.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"file://{built.folder}/{place}")

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)


@pytest.fixture
def opened(browser: Any, built: Built) -> Iterator[Any]:
    readers: list[Reader] = []

    def start(place: str, size: dict[str, int] = WIDE) -> Any:
        readers.append(Reader(browser, built, place, size))
        return readers[-1].page

    yield start
    for reader in readers:
        reader.page.close()
        assert reader.complaints == []


def shown(page: Any, rows: str) -> list[str]:
    return page.locator(f"{rows}:not([hidden])").all_inner_texts()  # type: ignore[no-any-return]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize(
    "place", ["index.html", "claims.html", "experiments/odd/index.html", "docs/index.html"]
)
def test_a_page_fits_its_window(opened: Any, place: str, size: dict[str, int]) -> None:
    page = opened(place, size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_cards_are_filtered_by_words_and_by_outcome(opened: Any) -> None:
    page = opened("index.html")
    assert len(shown(page, ".card")) == 2
    page.fill("input[data-filter=text]", "blink low")
    assert [text.split("\n")[0] for text in shown(page, ".card")] == ["odd"]
    assert page.inner_text("[data-count]") == "1 of 2"
    page.fill("input[data-filter=text]", "no such experiment")
    assert shown(page, ".card") == []
    page.fill("input[data-filter=text]", "")
    page.select_option("select[data-filter=outcomes]", "fails")
    assert [text.split("\n")[0] for text in shown(page, ".card")] == ["odd"]


def test_a_table_sorts_by_numbers_up_and_down(opened: Any) -> None:
    page = opened("claims.html")
    heading = page.locator("#table-of-claims th button", has_text="estimate")
    rows = "[...document.querySelectorAll('#table-of-claims tbody tr')]"
    column = f"{rows}.map((row) => Number(row.cells[5].dataset.sort))"
    before = page.evaluate(column)
    heading.click()
    assert page.evaluate(column) == sorted(before) != sorted(before, reverse=True)
    heading.click()
    assert page.evaluate(column) == sorted(before, reverse=True)


def test_a_surface_turns_when_it_is_dragged(opened: Any, built: Built) -> None:
    page = opened(f"runs/{built.runs[0]}.html")
    scene = page.locator(".plot.surface").first
    scene.wait_for()
    scene.scroll_into_view_if_needed()
    eye = "document.querySelector('.plot.surface')._fullLayout.scene._scene.getCamera().eye"
    before, box = page.evaluate(eye), scene.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 20, steps=4)
    page.mouse.up()
    page.wait_for_function(f"Math.abs({eye}.x - {before['x']}) > 0.1")


def test_runs_stand_side_by_side_on_one_scale(opened: Any, built: Built) -> None:
    page = opened(f"runs/compare.html#{','.join(built.runs)}")
    page.locator(".plot.surface").nth(1).wait_for()
    tops = page.evaluate(
        "[...document.querySelectorAll('.plot.surface')].map((one) => one._fullLayout.scene.zaxis.range[1])"
    )
    assert len(tops) == 2
    assert tops[0] == tops[1]
    rows = page.locator(".comparison table tbody tr").all_inner_texts()
    assert [row.split() for row in rows if row.startswith("seed")] in (
        [["seed", "0", "1"]],
        [["seed", "1", "0"]],
    )


def test_runs_are_filtered(opened: Any, built: Built) -> None:
    page = opened("runs/index.html")
    assert page.inner_text("[data-count]") == "2 of 2"
    page.fill("input[data-filter=text]", built.runs[1][:8])
    assert page.inner_text("[data-count]") == "1 of 2"
    assert len(shown(page, "#table-of-runs tbody tr")) == 1
    assert (
        page.locator("#table-of-runs tbody th code").first.bounding_box()["height"] < 30
    )  # a fingerprint is one line


def test_the_plots_of_a_run_fill_their_places(opened: Any, built: Built) -> None:
    page = opened(f"runs/{built.runs[0]}.html")
    page.locator(".plot .main-svg").nth(3).wait_for()
    sizes = (
        "[...document.querySelectorAll('.plot:not(.surface)')].map((one) =>"
        " [one.clientWidth - one._fullLayout.width, one.clientHeight - one._fullLayout.height])"
    )
    page.wait_for_function(f"{sizes}.length > 1 && {sizes}.flat().every((size) => Math.abs(size) < 2)")


def test_ticked_runs_are_those_that_are_compared(opened: Any, built: Built) -> None:
    page = opened("runs/index.html")
    for tick in page.locator("input[data-compare]").all():
        tick.check()
    href = page.get_attribute("[data-compare-link]", "href")
    assert set(href.partition("#")[2].split(",")) == set(built.runs)
