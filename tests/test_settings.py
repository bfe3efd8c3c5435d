"""What holds for every setting of every job, whatever it is."""

import dataclasses
import math
import random
from contextlib import contextmanager, suppress

import pytest

from agents import cli as agents_cli
from rssm.cli import jobs
from rssm.cli.job import parse
from rssm.config import Settings, group, setting
from rssm.config.keys import defaults, idle_settings, is_group, required_settings, setting_types
from rssm.config.settings import Said, fits, kinds_of, said_of, shown_number
from rssm.config.stored import from_stored
from rssm.errors import UserError
from rssm.ladder.config import RowConfig

#: all but the one that does nothing by default
JOBS = [job for job in (*jobs.JOBS.values(), *agents_cli.JOBS.values()) if job is not agents_cli.EXPORT]


def fields_of(config_class, prefix=""):
    """(dotted key, class, field, type) of every setting."""
    for field in dataclasses.fields(config_class):
        kind = kinds_of(config_class)[field.name]
        if is_group(kind):
            yield from fields_of(kind, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", config_class, field, kind


EVERY = {
    (config_class, field.name): (key, field, kind)
    for config in [*(job.config for job in JOBS), RowConfig]
    for key, config_class, field, kind in fields_of(config)
}
IDS = [f"{config_class.__name__}.{name}" for config_class, name in EVERY]


@pytest.mark.parametrize(("config_class", "name"), EVERY, ids=IDS)
def test_every_setting_says_what_it_is_and_every_number_its_range(config_class, name):
    _, field, kind = EVERY[config_class, name]
    said = said_of(field)
    assert issubclass(config_class, Settings)
    assert said.meaning
    assert not said.meaning.endswith(".")
    assert "`" not in said.meaning
    if kind in (int, float):
        assert said.low is not None or said.above is not None
        assert said.high is not None or said.below is not None
        assert said.range


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_number_outside_of_its_range_is_refused_in_one_line(job):
    """Just beyond each end, far beyond, and what is no number, for each number of each job."""
    needed = [f"--{key}={'offline' if key == 'name' else 'x'}" for key in required_settings(job.config)]
    for key, _, field, kind in fields_of(job.config):
        if kind not in (int, float):
            continue
        said, step = said_of(field), 1 if kind is int else 1e-6
        low, high = said.low if said.low is not None else said.above, said.high or said.below
        least = low - step if said.low is not None else low
        beyond = high + (step if said.high else 0) if kind is int or high < 100 else high * 1.001
        hostile = [least, beyond, -(10**40), 10**40, "nan", "inf", ".inf", "1e999", "0x1", "", " 1", "1:30"]
        for value in hostile:
            with pytest.raises(UserError) as caught:
                parse(job, [*needed, f"--{key}={value}"])
            assert str(caught.value).startswith(f"--{key}: expected "), (key, value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_any_text_is_taken_or_refused_in_one_line(job):
    """Hostile values, drawn with a fixed seed, for every setting on the command line."""
    rng = random.Random(0)
    pieces = [
        "",
        "-1",
        "0",
        "1e308",
        "9" * 400,
        "nan",
        "true",
        "null",
        "~",
        "{}",
        "[",
        "../..",
        "\0",
        "\n",
        "ä",
        "\udcff",
    ]
    for key in setting_types(job.config):
        for _ in range(6):
            text = "".join(rng.choices(pieces, k=rng.randint(1, 3)))
            with suppress(UserError), printable():
                parse(job, [f"--{key}={text}"])


@contextmanager
def printable():
    try:
        yield
    except UserError as error:
        if not str(error).isprintable():
            pytest.fail(f"not one line that can be printed: {error!r}")
        raise


def test_the_same_range_is_shown_and_checked():
    said = Said("x", above=0, high=10**9)
    assert said.range == "more than 0 to 10^9"
    assert [said.refusal(value) for value in (0, 1, 10**9, 10**9 + 1)] == ["more than 0", "", "", "at most 10^9"]
    assert Said("x", low=0, below=1).range == "0 to below 1"
    assert [shown_number(n) for n in (2**63 - 1, 65_536, 1e-6, 0.05, 10**6)] == [
        "2^63 - 1",
        "65,536",
        "1e-06",
        "0.05",
        "10^6",
    ]


@pytest.mark.parametrize("config_class", [job.config for job in JOBS] + [RowConfig], ids=lambda c: c.__name__)
def test_every_default_fits_and_every_idle_setting_exists(config_class):
    found = defaults(config_class)
    assert list(found) == list(setting_types(config_class))
    for key, _, field, kind in fields_of(config_class):
        if found[key] is not dataclasses.MISSING:
            assert not said_of(field).refusal(found[key]), key
            assert fits(found[key], kind), key
            assert not isinstance(found[key], float) or math.isfinite(found[key])
    needed = {key: "offline" if key == "name" else "x" for key in required_settings(config_class)}
    config = config_class(**needed)
    for key in config.idle():
        assert any(one == key or one.startswith(f"{key}.") for one in found), key
    assert set(idle_settings(config)) <= set(found)


@dataclasses.dataclass(frozen=True)
class Inner(Settings):
    """A group of today."""

    renamed = {"speed": ("rate",), "colour": (), "both": ("rate", "size")}  # noqa: RUF012

    rate: float = setting(0.5, "how fast", low=0, high=1)
    size: int = setting(3, "how large", low=1, high=9, before=1)
    kind: str = setting("new", "of what kind", before="old")


@dataclasses.dataclass(frozen=True)
class Outer(Settings):
    """A job of today."""

    name: str = setting("x", "of it")
    inner: Inner = group(Inner)


class TestStored:
    def test_what_a_run_names_holds_and_what_it_cannot_know_is_as_it_was_then(self):
        assert from_stored(Outer, {"name": "a", "inner": {"rate": 0.25}}) == Outer("a", Inner(0.25, 1, "old"))
        assert from_stored(Outer, dataclasses.asdict(Outer())) == Outer()

    def test_old_names_are_read(self):
        stored = {"name": "a", "inner": {"speed": 0.25, "colour": "red", "kind": "odd"}}
        assert from_stored(Outer, stored) == Outer("a", Inner(0.25, 1, "odd"))
        assert from_stored(Outer, {"name": "a", "inner": {"both": 1}}) == Outer("a", Inner(1.0, 1, "old"))

    @pytest.mark.parametrize(
        ("stored", "line"),
        [
            ({"inner": {"rate": 0.1}}, "name: missing; expected every setting, as a run writes them"),
            ({"name": "a", "inner": {}}, "inner.rate: missing"),
            ({"name": "a", "inner": {"rate": 0.1, "sise": 1}}, "inner.sise: no such setting; did you mean inner.size?"),
            ({"name": "a", "inner": {"rate": "fast"}}, "inner.rate: expected a number, got fast"),
            ({"name": "a", "inner": {"rate": 7}}, "inner.rate: expected at most 1, got 7.0"),
            ({"name": "a", "inner": 5}, "inner: expected a setting inside it, such as inner.rate"),
            (None, "expected settings by name, got nothing"),
            ([1], "expected settings by name, got [1]"),
        ],
    )
    def test_what_does_not_fit_is_refused_in_one_line(self, stored, line):
        with pytest.raises(UserError) as caught:
            from_stored(Outer, stored)
        assert str(caught.value).startswith(line)
