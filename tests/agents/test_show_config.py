import pytest

from agents.show_config import ExportConfig, PlayDreamConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"scale": 11}, "scale: expected at most 10"), ({"seed": -1}, "seed: "), ({"threads": -1}, "threads: ")],
)
def test_what_cannot_be_played_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        PlayDreamConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "html: expected --html FILE, --onnx FILE or both"),
        ({"html": "x", "starts": 0}, "starts: expected at least 1"),
        ({"html": "x", "seed": -1}, "seed: "),
    ],
)
def test_what_cannot_be_exported_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ExportConfig(**settings)
