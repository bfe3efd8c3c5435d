import pytest

from rssm.baselines.config import BaselineConfig, ErrorConfig, NetworkConfig, RolloutConfig
from rssm.errors import UserError


def test_numbers_are_read_from_text():
    assert ErrorConfig().weights(14) == (1.0,) * 14
    assert ErrorConfig(feature_weights="1, 2").weights(2) == (1.0, 2.0)
    assert RolloutConfig().weights == (1.0,)
    assert RolloutConfig(step_weights="1, 0.8,0.6").weights == (1.0, 0.8, 0.6)


def test_there_is_a_weight_for_each_feature():
    with pytest.raises(UserError) as caught:
        ErrorConfig(feature_weights="1, 2").weights(14)
    assert str(caught.value) == "error.feature_weights: expected 14 numbers, one per feature, got 2"


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        (ErrorConfig, {"feature_weights": "1, x"}, "feature_weights: expected numbers separated by commas, got 1, x"),
        (ErrorConfig, {"feature_weights": "-1," * 14}, "feature_weights: expected numbers from 0"),
        (RolloutConfig, {"step_weights": ""}, "step_weights: expected 1 to 6 numbers, got 0"),
        (RolloutConfig, {"step_weights": "1,1,1,1,1,1,1"}, "step_weights: expected 1 to 6 numbers, got 7"),
        (RolloutConfig, {"step_weights": "1,1", "curriculum": "1,3"}, "curriculum: expected whole numbers from 1 to 2"),
        (RolloutConfig, {"truth_end": 1.5}, "truth_end: expected at most 1, got 1.5"),
        (NetworkConfig, {"members": 0}, "members: expected at least 1, got 0"),
    ],
)
def test_a_wrong_value_is_named(config, settings, message):
    with pytest.raises(ValueError, match="expected") as caught:
        config(**settings)
    assert str(caught.value).startswith(message)


def test_diffusion_refuses_what_it_would_ignore():
    with pytest.raises(ValueError, match=r"^network.output: diffusion needs change"):
        BaselineConfig(network=NetworkConfig(kind="diffusion"))
    with pytest.raises(ValueError, match=r"^network.kind: diffusion trains on single steps"):
        BaselineConfig(NetworkConfig(kind="diffusion", output="change"), rollout=RolloutConfig("1, 1"))


def test_a_curriculum_shares_the_training_in_equal_parts():
    rollout = RolloutConfig(step_weights="1,1,1,1,1,1", curriculum="1,2,4,6")
    shares = [0.0, 0.24, 0.25, 0.49, 0.5, 0.74, 0.75, 0.999]
    assert [rollout.length(share) for share in shares] == [1, 1, 2, 2, 4, 4, 6, 6]
    assert RolloutConfig(step_weights="1,1").length(0.0) == 2


def test_teacher_forcing_decays_as_the_notes_printed_it():
    rollout = RolloutConfig(step_weights="1,1", truth_start=0.5, truth_end=0.0)
    assert [f"{rollout.truth(epoch / 100):.3f}" for epoch in (0, 9, 99)] == ["0.500", "0.455", "0.005"]


def test_only_networks_with_a_memory_start_from_several_steps():
    assert BaselineConfig().context == 1
    assert BaselineConfig(NetworkConfig(kind="lstm")).context == 32
