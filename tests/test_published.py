"""No published figure without the code that made it."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from agents.cli import TRAIN_AGENT
from rssm.cli.job import parse
from rssm.training.run_folder import difference

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
ROWS = [line.split(" | ") for line in (RESULTS / "README.md").read_text().splitlines() if line.startswith("| ")][1:]
AGENTS = json.loads((RESULTS / "agent.json").read_text())
COMMIT = re.compile(r"\b[0-9a-f]{7}\b.*\(20\d\d-\d\d-\d\d\)")


@pytest.mark.parametrize("page", sorted(path.name for path in RESULTS.glob("*.md") if path.name != "README.md"))
def test_every_page_is_listed_with_the_code_that_made_it_or_names_it_itself(page):
    (row,) = [row for row in ROWS if f"({page})" in row[0]]
    assert COMMIT.search(row[-1]) or re.search(r"code of [0-9a-f]{7}", (RESULTS / page).read_text())


@pytest.mark.parametrize("name", [name for name, job in AGENTS.items() if "settings" in job])
def test_an_agent_s_command_has_the_settings_that_its_figures_were_made_with(name):
    job = AGENTS[name]
    script, *words = job["command"].partition(",")[0].replace("SEED", "0").split()[1:]
    assert script == "scripts/train_agent.py"
    config = parse(TRAIN_AGENT, words)
    assert difference(asdict(config), job["settings"], free=("seed",)) is None


def test_pictures_belong_to_a_page_or_are_listed_with_theirs():
    pages = " ".join(path.read_text() for path in RESULTS.glob("*.md"))
    for picture in (*RESULTS.glob("*.png"), *RESULTS.glob("*.gif")):
        assert picture.name in pages
