import json

from rssm.layout import Layout


def test_sizes_follow_from_the_layout():
    layout = Layout(("a", "total", "b", "event"), ("left", "right"), counters=((1, 3),))
    assert (layout.num_features, layout.num_actions, layout.obs_size) == (4, 2, 16)
    assert layout.totals == (1,)
    assert layout.seen == (0, 2, 3)
    assert json.loads(json.dumps(layout.to_dict())) == layout.to_dict()
