from dataclasses import dataclass, field
from typing import Literal

import pytest

from rssm.config import EvaluateConfig, TrainConfig, WorldModelConfig
from rssm.config.yaml_file import (
    build,
    check_key,
    dump_config,
    load_config,
    read_layers,
    read_settings,
    save_config,
    setting_types,
)
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
        ("inner: {count: true}", "inner.count: expected a whole number, got true"),
        ("inner: {count: }", "inner.count: expected a whole number, got nothing"),
        ("inner: {rate: fast}", "inner.rate: expected a number, got fast"),
        ("inner: {rate: .nan}", "inner.rate: expected a number, got .nan"),
        ("inner: {kind: hrd}", "inner.kind: expected soft or hard, got hrd; did you mean hard?"),
        ("inner: {rate: .inf}", "inner.rate: expected a number, got .inf"),
        ("inner: {rate: 1e400}", "inner.rate: expected a finite number, got 1e400"),
        ("inner: {count: 1:30}", "inner.count: expected a whole number, got 1:30"),
        ("inner: {count: 010}", "inner.count: expected a whole number, got 010"),
        ("inner: {count: 0x10}", "inner.count: expected a whole number, got 0x10"),
        ("inner: {rate: 1:30.5}", "inner.rate: expected a number, got 1:30.5"),
        ('inner: {count: "3"}', 'inner.count: expected a whole number without quotes, got "3"'),
        (f"inner: {{count: {'9' * 5000}}}", f"inner.count: expected a whole number, got {'9' * 57}..."),
        ("name: [a]", "name: expected text, got [a]"),
        ("name: ~", "name: expected text in quotes, got ~"),
        ("name: null", "name: expected text in quotes, got null"),
        ("name:", "name: expected text, got nothing"),
        ("name: !secret x", "name: expected text, got !secret x"),
        ("inner: &a {rate: *a}", "inner.rate: expected a number, got &a {rate: *a}"),
        ("? [a, b]\n: 1", "[a, b]: no such setting; --help lists them"),
        ("x\x1b[2J: 1", "not YAML"),
        ('"x\\e[2J": 1', "x\\x1b[2J: no such setting; --help lists them"),
        ("name: a\n---\nname: b", "line 2: but found another document"),
        ("[" * 3000, "nested too deeply; expected groups of settings"),
        ("a: {" * 3000, "nested too deeply; expected groups of settings"),
        ("#" * 200_001, "expected a YAML file of settings, it has more than 200,000 characters"),
        ("inner: 5", "inner: expected 'key: value' lines below it, got 5"),
        ("inner:", "inner: expected 'key: value' lines below it, got nothing"),
        ("- 1", "expected 'key: value' lines, got - 1"),
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


@pytest.mark.parametrize("text", ["2026", "yes", "on", "1:30", "3e-4", "010", "2026-01-01", "'null'", '"true"'])
def test_a_text_is_read_as_it_stands(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(f"name: {text}\n")
    assert read_settings(path, Outer) == {"name": text.strip("'\"")}


def test_numbers_may_be_grouped(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("inner: {count: 1_000, rate: 10_000.5}\n")
    assert read_settings(path, Outer) == {"inner.count": 1000, "inner.rate": 10000.5}


class TestBasedOn:
    def write(self, folder, **files):
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.yaml").write_text(text)
        return folder

    def test_a_chain_is_read_from_its_end(self, tmp_path):
        folder = self.write(
            tmp_path,
            a="name: a\ninner: {rate: 1, count: 1}",
            b="based_on: a\nname: b\ninner: {count: 2}",
            c="based_on: b\nname: c",
        )
        assert read_settings(folder / "c.yaml", Outer) == {"name": "c", "inner.rate": 1.0, "inner.count": 2}
        layers = read_layers(folder / "c.yaml", Outer)
        assert [layer.path.stem for layer in layers] == ["a", "b", "c"]
        assert layers[1].settings == {"name": "b", "inner.count": 2}

    def test_a_name_is_a_preset_and_a_path_is_one_from_the_file(self, tmp_path):
        presets = self.write(tmp_path / "presets", base="name: preset")
        mine = self.write(tmp_path / "mine", base="name: beside", one="based_on: base", two="based_on: ./base.yaml")
        assert read_settings(mine / "one.yaml", Outer, presets) == {"name": "preset"}
        assert read_settings(mine / "two.yaml", Outer, presets) == {"name": "beside"}

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ({"c": "based_on: c"}, "c.yaml: based_on: goes in a circle: "),
            ({"c": "based_on: b", "b": "based_on: a", "a": "based_on: b"}, "c.yaml: based_on: goes in a circle: "),
            ({"c": "based_on: bsae", "base": "name: a"}, "no preset bsae among base, c; did you mean base?"),
            ({"c": "based_on: no/such.yaml"}, "based_on: no file "),
            ({"c": "based_on: [a]"}, "based_on: expected text, got [a]"),
            ({"c": "based_on: b", "b": "nmae: x"}, "b.yaml: nmae: no such setting; did you mean name?"),
        ],
    )
    def test_refusals(self, tmp_path, files, message):
        folder = self.write(tmp_path, **files)
        with pytest.raises(UserError) as caught:
            read_settings(folder / "c.yaml", Outer)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


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
        WorldModelConfig(run="3e-4", device="on", train=TrainConfig(learning_rate=1 / 3, weight_decay=1e-17, clip=1e9)),
        WorldModelConfig(run="2026", device="ä: 'x' \"y\" #z"),
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
