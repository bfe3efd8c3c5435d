import json

import pytest

from rssm.errors import UserError
from rssm.storage.shape import (
    COUNT,
    FLAG,
    NUMBER,
    POSITIVE,
    TEXT,
    WHOLE,
    ListOf,
    MapOf,
    Maybe,
    Record,
    Unless,
    misfit,
    parse_json,
    read_json,
)

SHAPE = Record(
    {"name": TEXT, "steps": ListOf(NUMBER, 2)},
    {"by_game": MapOf(Record({"games": COUNT})), "seed": Maybe(WHOLE), "floor": Unless("skipped", Record({"x": FLAG}))},
)
WHOLE_ONE = {"name": "a", "steps": [1, 2.5], "by_game": {"pong": {"games": 3}}, "seed": None, "floor": {"x": True}}


def test_what_fits_is_taken_with_whatever_else_is_there():
    assert misfit(WHOLE_ONE | {"more": [{}]}, SHAPE) is None
    assert misfit({"name": "a", "steps": (0, 1)}, SHAPE) is None  # as torch keeps them
    assert misfit({"name": "a", "steps": [0, 1], "floor": {"skipped": "no games"}}, SHAPE) is None


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"name": 3}, "name: expected text on one line, got 3"),
        ({"name": "a\nb"}, r"name: expected text on one line, got the text a\nb"),
        ({"steps": [1]}, "steps: expected 2 values, got 1"),
        ({"steps": {}}, "steps: expected a list, got 0 names"),
        ({"steps": [1, None]}, "steps[1]: expected a finite number, got null"),
        ({"steps": [1, True]}, "steps[1]: expected a finite number, got true"),
        ({"steps": [1, 1e200]}, "steps[1]: expected a finite number, got 1e+200"),
        ({"by_game": {"pong": {"games": -1}}}, "by_game.pong.games: expected a whole number from 0, got -1"),
        ({"by_game": {"pong": {}}}, "by_game.pong.games: missing"),
        ({"by_game": [1]}, "by_game: expected names with values, got 1 values"),
        ({"seed": 2**70}, "seed: expected a whole number, got a number of more than 64 bits"),
        ({"floor": {"skipped": 1}}, "floor.skipped: expected text on one line, got 1"),
        ({"floor": {}}, "floor.x: missing"),
    ],
)
def test_what_does_not_fit_is_named_by_its_key(change, line):
    assert misfit(WHOLE_ONE | change, SHAPE) == line


def test_a_deviation_is_above_nothing():
    assert misfit(0.0, POSITIVE, "std") == "std: expected a finite number above 0, got 0.0"
    assert misfit(1e-9, POSITIVE) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "it cannot be read (Expecting property name"),
        (b"", "it cannot be read (Expecting value"),
        (b"\xff{}", "it cannot be read ('utf-8' codec"),
        (b"[1]", "a JSON object, got 1 values"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1, "a": 2}', "a is given twice"),
        (b'{"a": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"a": 1' + b"0" * 10_000 + b"}", "it cannot be read (Exceeds the limit"),
        (b'{"a": 1e999}', "a: expected a finite number"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, content, reason):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_json(path, "a result", Record({"a": NUMBER}))
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert reason in line
    assert "\n" not in line


def test_a_folder_or_nothing_in_a_file_s_place_is_one_line(tmp_path):
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(UserError, match=r"expected a result, it cannot be read \((is a directory|no such file)"):
            read_json(path, "a result", Record())


def test_what_is_read_is_what_was_written(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(WHOLE_ONE))
    assert read_json(tmp_path / "a.json", "a result", SHAPE) == WHOLE_ONE
    assert parse_json('[1, 2.0, "x"]') == [1, 2.0, "x"]
