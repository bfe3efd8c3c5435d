from agents.report.along import mean_curve, steps_to


def test_the_mean_curve_goes_where_all_seeds_have_been():
    first, second = [(0, 0.0), (10, 10.0), (30, 10.0)], [(5, 1.0), (15, 3.0), (20, 3.0)]
    # at 5: (5 + 1) / 2; at 10: (10 + 2) / 2; at 15 and 20: (10 + 3) / 2
    assert mean_curve([first, second]) == [(5, 3.0), (10, 6.0), (15, 6.5), (20, 6.5)]
    assert mean_curve([first]) == first
    assert mean_curve([[(5, 1.0)], [(6, 2.0)]]) == []


def test_when_a_score_was_first_reached():
    curve = [(5, 3.0), (10, 6.0), (15, 2.0)]
    assert steps_to(curve, 6.0) == 10
    assert steps_to(curve, 6.1) is None
