"""No published figure without the code that made it."""

import re
from pathlib import Path

import pytest

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
ROWS = [line.split(" | ") for line in (RESULTS / "README.md").read_text().splitlines() if line.startswith("| ")][1:]
COMMIT = re.compile(r"\b[0-9a-f]{7}\b.*\(20\d\d-\d\d-\d\d\)")


@pytest.mark.parametrize("page", sorted(path.name for path in RESULTS.glob("*.md") if path.name != "README.md"))
def test_every_page_is_listed_with_the_code_that_made_it_or_names_it_itself(page):
    (row,) = [row for row in ROWS if f"({page})" in row[0]]
    assert COMMIT.search(row[-1]) or re.search(r"code of [0-9a-f]{7}", (RESULTS / page).read_text())


def test_pictures_belong_to_a_page_or_are_listed_with_theirs():
    pages = " ".join(path.read_text() for path in RESULTS.glob("*.md"))
    for picture in (*RESULTS.glob("*.png"), *RESULTS.glob("*.gif")):
        assert picture.name in pages
