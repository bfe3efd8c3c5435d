from pathlib import Path

import pytest

from rssm.errors import UserError
from rssm.ladder.rows import choose_rows, read_rows

PRESETS = Path(__file__).resolve().parents[3] / "configs" / "ladder"
#: every attempt and idea of the notes
EXPECTED = {
    "deltas", "two_step", "attempt_1", "attempt_2", "attempt_3", "autoregressive", "attempt_4", "more_data", "longer",
    "ball_3", "consistency", "residual_015", "residual_020", "residual_030", "residual_050", "ensemble", "capacity",
    "curriculum", "rssm", "mix", "gru", "lstm", "diffusion", "attempt_2_fault", "dreamer", "persistence",
    "constant_velocity",
}  # fmt: skip


def test_the_ladder_has_a_row_for_everything_in_the_notes():
    rows = read_rows(PRESETS)
    assert set(rows) >= EXPECTED
    assert len({row.config.notes_name for row in rows.values()}) == len(rows)


def test_a_preset_names_only_what_it_changes():
    rows = read_rows(PRESETS)
    for row in rows.values():
        default = choose_rows(rows, "rssm" if row.config.family == "rssm" else "attempt_4")[0].config
        for key, value in row.changes.items():
            there = default
            for part in key.split("."):
                there = getattr(there, part)
            # some say again what explains them: teacher forcing that decays to 0
            assert there != value or key == "baseline.rollout.truth_end", f"{row.name}: {key}"


def test_the_schedule_fault_is_attempt_2_but_for_its_schedule():
    rows = read_rows(PRESETS)
    fault, attempt = (dict(rows[name].changes) for name in ("attempt_2_fault", "attempt_2"))
    for key in ("decay_updates", "final_learning_rate", "warmup"):
        assert fault.pop(f"baseline.fit.{key}") in (0, 100)
    rates = [parts.pop("baseline.fit.learning_rate", None) for parts in (fault, attempt)]
    assert rates[0] == rates[1]
    assert fault == attempt


def test_rows_are_chosen_by_name_in_the_order_asked_for():
    rows = read_rows(PRESETS)
    assert [row.name for row in choose_rows(rows, "lstm, gru,lstm")] == ["lstm", "gru"]
    assert [row.name for row in choose_rows(rows, "")] == list(rows)


def test_an_unknown_row_is_one_line():
    with pytest.raises(UserError, match=r"^rows: no row attempt4 among .*; did you mean attempt_4\?$"):
        choose_rows(read_rows(PRESETS), "gru,attempt4")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("family: rssm", "one.yaml: notes_name: missing; expected what the notes call this row"),
        ("notes_name: x\nbaseline: {network: {scale: 0}}", "one.yaml: baseline.network.scale: expected at least 1"),
        ("notes_name: x\nbaseline: {network: {width: 9}}", "one.yaml: baseline.network.width: no such setting"),
        (
            "notes_name: x\nrssm: {model: {deter: 9}}",
            "one.yaml: rssm.model.deter: expected family: rssm with it, got family: baseline",
        ),
        (
            "notes_name: x\nbaseline: {network: {kind: diffusion}}",
            "one.yaml: baseline.network.output: diffusion needs change",
        ),
    ],
)
def test_a_preset_that_does_not_fit_is_one_line(tmp_path, text, message):
    (tmp_path / "one.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        read_rows(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_presets_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"^presets: expected a folder with a YAML file per row"):
        read_rows(tmp_path)


def test_another_learning_rate_changes_nothing_else():
    row = read_rows(PRESETS)["gru"].with_learning_rate(0.5)
    assert row.config.baseline.fit.learning_rate == row.config.rssm.train.learning_rate == 0.5
    assert row.config.baseline.network.kind == "gru"
