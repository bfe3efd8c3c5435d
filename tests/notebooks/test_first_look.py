import os
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "first_look.ipynb"
REASON = "expected: pip install 'pong-rssm[dev]'"

nbformat = pytest.importorskip("nbformat", reason=REASON)
nbclient = pytest.importorskip("nbclient", reason=REASON)
pytest.importorskip("ipykernel", reason=REASON)


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def text(cell):
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def test_the_notebook_is_kept_without_outputs(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)
    assert NOTEBOOK.stat().st_size < 20_000


def test_the_notebook_runs_from_the_top(notebook, model_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("RSSM_RUN", str(model_folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(NOTEBOOK.parents[1]), os.environ.get("PYTHONPATH", "")]))
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "weights; no agent" in text(cells[0])
    errors = [float(number) for number in text(cells[3]).rpartition("[")[2].rstrip("]\n").split(",")]
    assert len(errors) == 6
    assert all(error > 0 for error in errors)
    pictures = [output for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2
    assert text(cells[5]).count(" points") == 6
    assert "best: " in text(cells[5])
