import pytest

from rssm.errors import UserError
from rssm.tracking.metrics_file import METRICS_FILE, MetricsFile, read_metrics

DAMAGED = [
    (b"{oops", "expected a JSON object"),
    (b'{"update": 1, "train/loss": NaN}', "expected a JSON object (NaN is no number)"),
    (b'{"update": 1, "update": 2}', "expected a JSON object (update is given twice)"),
    (b"\xff\xfe", "expected a JSON object"),
    (b"[" * 100_000, "expected a JSON object (nested too deeply)"),
    (b"", "expected a JSON object"),
    (b"[1]", "expected names with values, got 1 values"),
    (b'{"train/loss": 1}', "update: missing"),
    (b'{"update": "x"}', "update: expected a finite number, got the text x"),
    (b'{"update": -1}', "update: expected a whole number from 0, got -1"),
    (b'{"update": null}', "update: expected a whole number from 0, got null"),
    (b'{"update": 1, "train/loss": "high"}', "train/loss: expected a finite number, got the text high"),
]


@pytest.fixture
def damaged(tmp_path):
    def write(line):
        path = tmp_path / METRICS_FILE
        path.write_bytes(b'{"update": 1}\n' + line + b'\n{"update": 2}\n')
        return path, path.read_bytes()

    return write


@pytest.mark.parametrize(("line", "message"), DAMAGED, ids=range(len(DAMAGED)))
def test_damage_before_the_last_line_is_refused_and_left_alone(damaged, line, message):
    path, before = damaged(line)
    for read in (lambda: MetricsFile(path, resume_update=2), lambda: read_metrics(path)):
        with pytest.raises(UserError) as caught:
            read()
        assert str(caught.value).startswith(f"{path}: line 2: {message}")
        assert "\n" not in str(caught.value)
        assert path.read_bytes() == before


def test_a_line_of_numbers_and_nulls_goes_on_as_it_stands(damaged):
    path, before = damaged(b'{"update":2,  "train/loss": 1e3, "train/none": null}')
    MetricsFile(path, resume_update=2).close()
    assert path.read_bytes() == before


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / METRICS_FILE
    file = MetricsFile(path)
    file.write({"train/loss": 0.1, "train/gone": float("nan")}, 3)
    assert read_metrics(path) == [{"update": 3, "train/loss": 0.1, "train/gone": None}]
    file.close()
    assert file.closed
