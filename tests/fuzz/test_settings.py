"""Any value of any setting of any job is either taken as it is written, or refused in one line that names it."""

import contextlib
import io
import time
from dataclasses import asdict

import pytest
import yaml
from hostile import check_line, sample, texts
from hypothesis import given
from hypothesis import strategies as st

from agents import cli as agents_cli
from rssm.cli import jobs
from rssm.cli.job import parse
from rssm.config.keys import flat_settings, required_settings, setting_types
from rssm.config.yaml_file import dump_config, read_settings
from rssm.errors import UserError

JOBS = [*jobs.JOBS.values(), *agents_cli.JOBS.values()]
SETTINGS = [(job, key) for job in JOBS for key in setting_types(job.config)]
#: CPU seconds; what takes longer would be felt
LONGEST = 5.0


@pytest.fixture(scope="module")
def settings_file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "settings.yaml"


def asked(job, words):
    """What a command line comes to; everything that it needs and does not say is "x"."""
    said = {word[2:].partition("=")[0] for word in words}
    required = [*required_settings(job.config), *(["html"] if job is agents_cli.EXPORT else [])]
    needed = [f"--{key}=x" for key in required if key not in said]
    begin = time.process_time()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return parse(job, [*words, *needed])
    finally:
        assert time.process_time() - begin < LONGEST


def check_meaning(config, text, key, path):
    """What was taken is what was written, and stays it when it is stored and read back."""
    settings = dict(flat_settings(asdict(config)))
    value = settings[key]
    if isinstance(value, bool):
        assert text.lower() == str(value).lower()
    elif isinstance(value, int | float):
        assert value == float(text.replace("_", ""))
    else:
        assert value == text
    path.write_text(dump_config(config), encoding="utf-8")
    assert settings == read_settings(path, type(config))


@sample(150)
@given(which=st.sampled_from(SETTINGS), text=texts)
def test_a_value_on_the_command_line(which, text, settings_file, tried):
    job, key = which
    try:
        config = asked(job, [f"--{key}={text}"])
    except UserError as error:
        check_line(error, key)
        tried["values on the command line refused"] += 1
    else:
        check_meaning(config, text, key, settings_file)
        tried["values on the command line taken"] += 1


@sample(40)
@given(data=st.data())
def test_several_at_once(data, tried):
    job = data.draw(st.sampled_from(JOBS))
    keys = data.draw(st.lists(st.sampled_from(list(setting_types(job.config))), min_size=2, max_size=4, unique=True))
    try:
        asked(job, [f"--{key}={data.draw(texts)}" for key in keys])
    except UserError as error:
        check_line(error, *keys)
        tried["several values refused"] += 1
    else:
        tried["several values taken"] += 1


@sample(30)
@given(job=st.sampled_from(JOBS), words=st.lists(texts, max_size=4))
def test_any_words(job, words, tried):
    try:
        asked(job, words)
    except UserError as error:
        check_line(error, "")
        tried["command lines refused"] += 1
    else:
        tried["command lines taken"] += 1


@sample(100)
@given(which=st.sampled_from(SETTINGS), text=texts, quoted=st.booleans())
def test_a_value_in_a_file(which, text, quoted, settings_file, tried):
    job, key = which
    written = yaml.safe_dump(text, default_style='"', width=10**6, allow_unicode=True).strip() if quoted else text
    content = f"{key}: {written}\n".encode("utf-8", "surrogatepass")
    settings_file.write_bytes(content)
    begin = time.process_time()
    try:
        found = read_settings(settings_file, job.config)
    except UserError as error:
        check_line(error, str(settings_file))
        tried["values in files refused"] += 1
    else:
        if quoted and key in found:
            assert found[key] == text
        tried["values in files taken"] += 1
    assert time.process_time() - begin < LONGEST


@sample(30)
@given(job=st.sampled_from(JOBS), lines=st.lists(texts | st.just("env: "), max_size=5), cut=st.integers(0, 40))
def test_any_file(job, lines, cut, settings_file, tried):
    settings_file.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass")[cut:])
    try:
        asked(job, [f"--config={settings_file}"])
    except UserError as error:
        check_line(error, str(settings_file), "--")
        tried["files of settings refused"] += 1
    else:
        tried["files of settings taken"] += 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "env: {id: ", "? "])
@pytest.mark.parametrize("depth", [400, 3_000, 100_000])
def test_nesting_is_refused_in_one_line(opening, depth, settings_file):
    settings_file.write_text(opening * depth)
    with pytest.raises(UserError) as caught:
        asked(jobs.TRAIN_WM, [f"--config={settings_file}"])
    check_line(caught.value, str(settings_file))


def test_presets_that_build_on_each_other_without_end_are_refused_in_one_line(tmp_path):
    for number in range(300):
        (tmp_path / f"p{number}.yaml").write_text(f"based_on: p{number + 1}.yaml\n")
    with pytest.raises(UserError) as caught:
        asked(jobs.TRAIN_WM, [f"--config={tmp_path / 'p0.yaml'}"])
    check_line(caught.value, str(tmp_path))
