from dataclasses import dataclass, field
from typing import Literal

import pytest

from rssm.config import EvaluateConfig, TrainConfig, WorldModelConfig
from rssm.config_file import build, check_key, dump_config, load_config, read_settings, save_config, setting_types
from rssm.errors import UserError


@dataclass(frozen=True)
class Inner:
    rate: float = 1e-3
    kind: Literal["soft", "hard"] = "soft"
    count: int = 3


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=Inner)


def refusal(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_settings(path, Outer)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_keys_are_dotted_and_in_order():
    assert setting_types(Outer) == {
        "name": str,
        "inner.rate": float,
        "inner.kind": Literal["soft", "hard"],
        "inner.count": int,
    }


def test_only_named_settings_are_read(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("inner: {rate: 3e-4, count: 7}\n")
    assert read_settings(path, Outer) == {"inner.rate": 3e-4, "inner.count": 7}


@pytest.mark.parametrize(
    ("text", "value"), [("3e-4", 3e-4), ("1E3", 1000.0), ("2", 2.0), (".5", 0.5), ("-1.5e+2", -150.0)]
)
def test_numbers_as_people_write_them(tmp_path, text, value):
    path = tmp_path / "c.yaml"
    path.write_text(f"inner: {{rate: {text}}}\n")
    settings = read_settings(path, Outer)
    assert settings == {"inner.rate": value}
    assert type(settings["inner.rate"]) is float


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inner: {rte: 1}", "inner.rte: no such setting; did you mean inner.rate?"),
        ("count: 1", "count: no such setting; did you mean inner.count?"),
        ("qqqqqq: 1", "qqqqqq: no such setting; --help lists them"),
        ("inner: {count: many}", "inner.count: expected a whole number, got many"),
        ("inner: {count: 1.5}", "inner.count: expected a whole number, got 1.5"),
        ("inner: {count: true}", "inner.count: expected a whole number, got True"),
        ("inner: {count: }", "inner.count: expected a whole number, got nothing"),
        ("inner: {rate: fast}", "inner.rate: expected a number, got fast"),
        ("inner: {rate: .nan}", "inner.rate: expected a number, got nan"),
        ("inner: {kind: hrd}", "inner.kind: expected soft or hard, got hrd; did you mean hard?"),
        ("name: 2026", "name: expected text in quotes, got 2026"),
        ("name: [a]", "name: expected text, got ['a']"),
        ("inner: 5", "inner: expected 'key: value' lines below it, got 5"),
        ("inner:", "inner: expected 'key: value' lines below it, got nothing"),
        ("- 1", "expected 'key: value' lines, got [1]"),
        ("", "expected 'key: value' lines, got nothing"),
        ("name: a\nname: b", "line 2: name is given twice"),
        ("inner:\n  count: 1\n  count: 2", "line 3: count is given twice"),
        ("inner: {count: 1}\ninner.count: 2", "inner.count is given twice"),
        ("inner: {", "line 1: "),
    ],
)
def test_refusals_name_file_key_and_expectation(tmp_path, text, message):
    said = refusal(tmp_path, text)
    assert said.startswith(message)
    if not message.endswith(" "):
        assert said == message


@pytest.mark.parametrize("value", ["many", "true", "1.5", "auto: 1"])
def test_a_number_or_a_word(tmp_path, value):
    path = tmp_path / "a.yaml"
    path.write_text("workers: auto")
    assert read_settings(path, WorldModelConfig) == {"workers": "auto"}
    path.write_text("workers: 4")
    assert read_settings(path, WorldModelConfig) == {"workers": 4}
    path.write_text(f"workers: {{{value}}}" if ":" in value else f"workers: {value}")
    with pytest.raises(UserError, match="workers: expected a whole number or auto, got"):
        read_settings(path, WorldModelConfig)


def test_a_missing_file_and_a_binary_file_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml: No such file or directory; expected a YAML file"):
        read_settings(tmp_path / "none.yaml", Outer)
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"b\.yaml: not UTF-8 text"):
        read_settings(tmp_path / "b.yaml", Outer)


def test_a_group_is_no_setting():
    with pytest.raises(UserError, match=r"^--inner: expected a setting inside it, such as inner\.rate$"):
        check_key("inner", setting_types(Outer), where="--")


def test_a_value_that_the_dataclass_refuses_is_named_with_its_group_and_place():
    with pytest.raises(UserError, match=r"^--train\.updates: expected at least 1, got 0$"):
        build(WorldModelConfig, {"train.updates": 0}, {"train.updates": "--"})


@pytest.mark.parametrize(
    "config",
    [
        WorldModelConfig(),
        WorldModelConfig(
            run="3e-4", device="on", train=TrainConfig(learning_rate=1 / 3, weight_decay=1e-17, clip=float("inf"))
        ),
        WorldModelConfig(workers=3, run="2026", device="ä: 'x' \"y\" #z"),
        EvaluateConfig(run="null"),
    ],
)
def test_a_saved_config_comes_back_equal(tmp_path, config):
    path = tmp_path / "config.yaml"
    save_config(config, path)
    assert load_config(path, type(config)) == config
    assert path.read_text() == dump_config(config)
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.yaml"]


def test_a_saved_config_must_be_whole(tmp_path):
    path = tmp_path / "config.yaml"
    lines = dump_config(WorldModelConfig()).splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("  warmup:")))
    with pytest.raises(UserError, match=r"config\.yaml: train\.warmup: missing"):
        load_config(path, WorldModelConfig)
