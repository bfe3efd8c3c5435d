from rssm.seeds import Stream, derived_seed, episode_seed


def test_every_piece_of_work_has_a_seed_of_its_own():
    seeds = [derived_seed(seed, stream, number) for seed in range(3) for stream in Stream for number in range(3)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert derived_seed(1, Stream.GAMES, 2) == derived_seed(1, Stream.GAMES, 2)


def test_the_seeds_of_what_is_on_disk_stay():
    assert [episode_seed(1, 0), episode_seed(2, 7)] == [3630251794869490, 6254164789607811]
    assert derived_seed(0, Stream.WORLD_CHUNKS, 3) == 8237334977556795
