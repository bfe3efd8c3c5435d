import json
import re
from urllib.parse import quote

import numpy as np
import pytest
import torch

from rssm.games.pong.export.page import write_page
from rssm.model.state import State


@pytest.fixture(scope="module")
def page(tmp_path_factory, make_model, draw_starts):
    """(path of the page, model, its starts)."""
    model = make_model().eval()
    starts = draw_starts(model, 3)
    path = tmp_path_factory.mktemp("page") / "dream.html"
    write_page(path, model, starts, about="</script> of <me>")
    return path, model, starts


def test_the_page_is_whole_and_asks_for_nothing(page):
    text = page[0].read_text()
    assert not re.search(r"@[A-Z]+@", text)
    assert not re.search(r"""(src|href|@import|url)\s*[=(]""", text)
    assert "http" not in text
    assert "&lt;/script&gt; of &lt;me&gt;" in text
    assert text.count("</script>") == 5
    assert '<meta name="viewport"' in text


def test_in_a_browser_it_dreams_what_python_dreams(page, dump_dom):
    path, model, starts = page
    actions = np.repeat(np.random.default_rng(1).integers(0, 6, (3, 15)), 4, axis=1)
    jobs = [{"start": i, "actions": row.tolist()} for i, row in enumerate(actions)]
    jobs.append(jobs[0] | {"seed": 3})
    dom = dump_dom(f"{path.as_uri()}#test={quote(json.dumps(jobs))}")
    result = re.search(r'<pre id="test-result">(.*?)</pre>', dom, re.DOTALL)
    assert result is not None
    *likeliest, drawn = json.loads(result[1])
    with torch.no_grad():
        state = State.cat([start.state for start in starts])
        expected = model.imagine(state, torch.from_numpy(actions), sample=False).states.stack.numpy()
    assert np.abs(np.array(likeliest) - expected[..., -1]).max() <= 2.0
    assert drawn != likeliest[0]
    # and the page itself ran, without an agent
    assert re.search(r'id="status"[^>]*>[^<]+<', dom)
    assert re.search(r'<button id="agent"[^>]*disabled', dom)
