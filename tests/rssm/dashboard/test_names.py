import pytest

from rssm.dashboard.names import AGENT, IMAGINED, LOSSES, SYSTEM, final_key, job_of, shown


@pytest.mark.parametrize(
    ("metric", "key", "axis", "best"),
    [
        ("openloop/mse_k5", f"{IMAGINED}/mse_k5", "update", "min"),
        ("events/serve", f"{IMAGINED}/event_serve", "update", "min"),
        ("calibration/ratio_k0", f"{IMAGINED}/calibration_ratio_k0", "update", "last"),
        ("imagination/error_k0", f"{IMAGINED}/imagined_error_k0", "env_steps", "min"),
        ("imagination/reward", f"{IMAGINED}/imagined_reward", "env_steps", "last"),
        ("real/reward", f"{IMAGINED}/real_reward", "env_steps", "last"),
        ("real/sampled_score", f"{AGENT}/sampled_score", "env_steps", "max"),
        ("real/score_error", f"{AGENT}/score_error", "env_steps", "last"),
        ("train/entropy", f"{AGENT}/entropy", "update", "last"),
        ("train/loss", f"{LOSSES}/loss", "update", "min"),
        ("world/loss", f"{LOSSES}/world_loss", "update", "min"),
        ("world/learning_rate", f"{SYSTEM}/world_learning_rate", "update", "last"),
        ("train/actor_gradient_norm", f"{SYSTEM}/actor_gradient_norm", "update", "last"),
    ],
)
def test_a_metric_has_its_section_axis_and_summary(metric, key, axis, best):
    found = shown(metric, real_steps=True)
    assert (found.key, found.axis, found.best) == (key, axis, best)
    assert shown(metric).axis == "update"  # where no real steps are taken


def test_a_metric_of_no_family_is_refused():
    with pytest.raises(ValueError, match=r"^metric: expected one of .* before its name, got loss$"):
        shown("loss")


def test_finals_stand_in_the_summary():
    assert final_key("summary/openloop/mse_k5") == "final/openloop/mse_k5"


@pytest.mark.parametrize(
    ("run", "seed", "job"),
    [
        ("wm-3", 3, "wm"),
        ("wm_seed3", 3, "wm"),
        ("wm-s3", 3, "wm"),
        ("wm-3", 0, "wm-3"),
        ("size-13", 3, "size-13"),
        ("wm", 0, "wm"),
        ("-1", 1, "-1"),
    ],
)
def test_seeds_of_a_job_are_one_group(run, seed, job):
    assert job_of(run, seed) == job
