from agents.seeds import Stream, derived_seed


def test_every_piece_of_work_has_a_seed_of_its_own():
    seeds = [derived_seed(seed, stream, number) for seed in range(3) for stream in Stream for number in range(3)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert derived_seed(1, Stream.GAMES, 2) == derived_seed(1, Stream.GAMES, 2)
