import pytest
from soak import judge


def samples(count=40, **change):
    """Flat ones, but for what is given: how much it grows with each sample."""
    start = {"memory_mb": 300.0, "open_files": 20.0, "threads": 9.0, "folder_mb": 2.0}
    return [
        {"seconds": float(n)} | {name: value + n * change.get(name, 0.0) for name, value in start.items()}
        for n in range(count)
    ]


def test_what_is_flat_is_found_flat_and_what_grows_is_not():
    assert all(verdict["flat"] for verdict in judge(samples()).values())
    for name, growth in (("memory_mb", 0.5), ("open_files", 0.2), ("threads", 0.2)):
        found = judge(samples(**{name: growth}))
        assert [what for what, verdict in found.items() if not verdict["flat"]] == [name]


def test_a_folder_may_grow_but_not_faster_and_faster():
    assert judge(samples(folder_mb=3.0))["folder_mb"]["flat"]
    bent = [sample | {"folder_mb": sample["seconds"] ** 2} for sample in samples()]
    assert not judge(bent)["folder_mb"]["flat"]


def test_too_few_samples_say_nothing():
    with pytest.raises(SystemExit, match="at least four samples"):
        judge(samples(3))
