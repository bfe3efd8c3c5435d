from dataclasses import dataclass, field

from rssm.config.rerun import command_of


@dataclass(frozen=True)
class Inner:
    size: int = 3
    rate: float = 0.5


@dataclass(frozen=True)
class Job:
    name: str
    on: bool = False
    text: str = ""
    inner: Inner = field(default_factory=Inner)
    hidden: Inner = field(default_factory=Inner)


def test_what_must_be_given_and_what_is_not_as_by_default():
    assert command_of("job.py", Job("a")) == "python job.py --name a"
    job = Job("a", on=True, text="b c", inner=Inner(rate=1e-4), hidden=Inner(size=9))
    assert command_of("job.py", job) == (
        "python job.py --name a --on=true --text 'b c' --inner.rate 0.0001 --hidden.size 9"
    )


def test_some_settings_are_unsaid_and_some_come_first_in_any_case():
    job = Job("a", text="x", inner=Inner(size=4, rate=2.0), hidden=Inner(size=9))
    unsaid = ("hidden", "inner.size")
    assert command_of("job.py", job, unsaid, {"text": "SEED"}) == "python job.py --text SEED --name a --inner.rate 2.0"
