import dataclasses
import json

import pytest

from rssm.data.dataset import Dataset
from rssm.errors import DataError, UserError
from rssm.jobs.data_sets import open_datasets, open_others, open_test_sets, split_episodes


def moved(job, tmp_path, **changed):
    """The job with folders of its own."""
    data = dataclasses.replace(
        job.data,
        train=str(tmp_path / "train"),
        heldout=str(tmp_path / "heldout"),
        others=dataclasses.replace(job.data.others, path=str(tmp_path / "others")),
        test=dataclasses.replace(job.data.test, path=str(tmp_path / "test")),
    )
    return dataclasses.replace(job, data=dataclasses.replace(data, **changed))


def test_no_game_is_in_two_sets(tiny_job, tmp_path):
    job = moved(tiny_job, tmp_path)
    train, heldout = open_datasets(job)
    others = open_others(job, train)
    main, unseen = open_test_sets(job, train)
    sets = [train, heldout, others, main, unseen]
    seeds = [seed for dataset in sets for seed in dataset.meta["episode_seeds"]]
    assert len(set(seeds)) == len(seeds)
    assert [len(dataset.episodes) for dataset in sets] == [6, 3, 4, 3, 2]
    assert set(train.players) == set(heldout.players) == set(main.players) == {"tracking epsilon=0.5"}
    assert others.players == ["random", "sweeping"] * 2
    assert unseen.players == ["random", "sweeping"]
    assert [dataset.env.noop_max for dataset in sets] == [30, 30, 120, 30, 120]
    assert sorted(path.name for path in (tmp_path / "test").iterdir()) == ["main", "others"]


def test_a_set_with_a_training_game_is_refused(tiny_job, tmp_path):
    job = moved(tiny_job, tmp_path)
    open_datasets(job)
    meta = json.loads((tmp_path / "heldout" / "meta.json").read_text())
    meta["episode_seeds"][1] = json.loads((tmp_path / "train" / "meta.json").read_text())["episode_seeds"][2]
    (tmp_path / "heldout" / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(DataError, match=r"heldout: .*train, but episode 1 has the seed of its episode 2"):
        open_datasets(job)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "main").symlink_to(tmp_path / "train")
    steps = dataclasses.replace(job.data.test, seed=job.data.train_seed, games=6)
    same = dataclasses.replace(job, data=moved(tiny_job, tmp_path, train_seed=77, test=steps).data)
    with pytest.raises(DataError, match=r"main: expected none of the games of .*train"):
        open_test_sets(same, Dataset.open(tmp_path / "train"))


def test_other_players_can_be_left_out(tiny_job, tmp_path):
    none = dataclasses.replace(tiny_job.data.others, games=0)
    assert open_others(moved(tiny_job, tmp_path, others=none), None) is None
    assert list(tmp_path.iterdir()) == []


def test_the_validation_games_are_of_every_player_in_proportion(tiny_job, tmp_path):
    players = "50% tracking, 30% random, 20% sweeping"
    job = moved(tiny_job, tmp_path, players=players, train_steps=2_500, validation_steps=100)
    train, _ = open_datasets(job)
    learned, validation = split_episodes(train, 100)
    played = dict.fromkeys(train.players, 0)
    for player, rows in zip(train.players, train.episodes, strict=True):
        if rows in validation:
            played[player] += rows.stop - rows.start
    assert played == {"tracking epsilon=0.5": 50, "random": 30, "sweeping": 20}
    assert sum(rows.stop - rows.start for rows in learned) == 2_400


def test_the_data_of_an_older_version_are_opened_for_one_player(tiny_job, tmp_path):
    job = moved(tiny_job, tmp_path)
    open_datasets(job)
    path = tmp_path / "train" / "meta.json"
    meta = json.loads(path.read_text())
    del meta["episode_players"]
    path.write_text(json.dumps(meta))
    train, _ = open_datasets(job)
    assert set(train.players) == {"tracking epsilon=0.5"}
    with pytest.raises(UserError, match=r"train: policy: expected .*mixture.*, but the data set there has .*tracking"):
        open_datasets(moved(tiny_job, tmp_path, players="50% tracking, 50% random"))
