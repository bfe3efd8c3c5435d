import io
import zipfile

import numpy as np
import pytest

from rssm.errors import DataError
from rssm.storage.npy import map_npy, read_npz

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)


def save(path, header, version=(1, 0)):
    text = header.encode("latin1")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY" + bytes(version) + len(text).to_bytes(2, "little") + text + VALUES.tobytes())
    return path


def header(shape="(4, 3)", descr="'<f4'", fortran="False"):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def test_plain_arrays_are_mapped(tmp_path):
    for name, array in {"c": VALUES, "fortran": np.asfortranarray(VALUES), "none": VALUES[:0]}.items():
        np.save(tmp_path / f"{name}.npy", array)
        found = map_npy(tmp_path / f"{name}.npy")
        assert np.array_equal(found, array)
        assert found.dtype == array.dtype
    assert isinstance(map_npy(tmp_path / "c.npy"), np.memmap)


@pytest.mark.parametrize(
    "text",
    [
        header("(-4, 3)"),
        header("(4, -3)"),
        header("(5, 3)"),
        header("(3, 3)"),
        header("(9223372036854775807, 9223372036854775807)"),
        header("(" + "9" * 400 + ",)"),
        header("(4.0, 3)"),
        header("(True, 12)"),
        header("4"),
        header("'x'"),
        header(descr="'|O'"),
        header(descr="'<f4, <f4'"),
        header(descr="[('a', '<f4')]"),
        header(descr="'<V0'"),
        header(descr="'nonsense'"),
        header(descr="7"),
        header(fortran="3"),
        "(" * 3_000,
        "[" * 200 + "]" * 200,
        "{'descr': '<f4'",
        "__import__('os')",
        "\x00",
        "1L, (" * 20,
        "",
    ],
)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0), (9, 9)], ids=str)
def test_a_header_that_lies_is_one_line(tmp_path, text, version):
    path = save(tmp_path / "features.npy", text, version=version)
    with pytest.raises(DataError) as caught:
        map_npy(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: short or not a plain .npy array (")
    assert "\n" not in line
    assert len(line) < 400 + len(str(path))


def test_the_tests_own_header_is_a_good_one(tmp_path):
    assert np.array_equal(map_npy(save(tmp_path / "a.npy", header())), VALUES)


def pack(path, arrays, **settings):
    with zipfile.ZipFile(path, "w", **settings) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{name}.npy", buffer.getvalue())
    return path


def check_refused(path, largest=10**6):
    with pytest.raises(DataError) as caught:
        read_npz(path, ("a", "b"), largest, "an archive")
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "expected an archive" in line
    assert "\n" not in line
    return line


def test_an_archive_gives_what_is_wanted_and_there(tmp_path):
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = pack(tmp_path / "a.npz", {"a": VALUES, "other": VALUES}, compression=compression)
        found = read_npz(path, ("a", "b"), 10**6, "an archive")
        assert list(found) == ["a"]
        assert np.array_equal(found["a"], VALUES)
        found["a"][0] = 1  # one's own


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path):
    path = pack(tmp_path / "a.npz", {"a": np.zeros(10**6, np.uint8)}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10_000
    assert "it unpacks to 1,000,128 bytes, expected at most 1,000,000" in check_refused(path)


def test_an_encrypted_archive_and_other_compressions_are_refused(tmp_path):
    whole = pack(tmp_path / "a.npz", {"a": VALUES}).read_bytes()
    local, central = whole.index(b"PK\x03\x04"), whole.index(b"PK\x01\x02")
    encrypted = bytearray(whole)
    encrypted[local + 6] |= 1
    encrypted[central + 8] |= 1
    (tmp_path / "encrypted.npz").write_bytes(encrypted)
    assert "a is encrypted" in check_refused(tmp_path / "encrypted.npz")
    unknown = bytearray(whole)
    unknown[local + 8] = unknown[central + 10] = 99
    (tmp_path / "unknown.npz").write_bytes(unknown)
    assert "a is packed by method 99" in check_refused(tmp_path / "unknown.npz")
    assert "packed by method" in check_refused(pack(tmp_path / "l.npz", {"a": VALUES}, compression=zipfile.ZIP_LZMA))


def test_an_archive_of_many_members_or_of_one_name_twice_is_refused(tmp_path):
    many = pack(tmp_path / "many.npz", {f"x{i}": VALUES for i in range(65)})
    assert "65 members, expected at most 64" in check_refused(many)
    with zipfile.ZipFile(tmp_path / "two.npz", "w") as archive:
        archive.writestr("a.npy", b"")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", b"")
    assert "a is there twice" in check_refused(tmp_path / "two.npz")


def test_every_flipped_bit_of_an_array_is_seen(tmp_path):
    path = pack(tmp_path / "a.npz", {"a": VALUES})
    whole = path.read_bytes()
    begin = whole.index(b"\x93NUMPY")
    for place in range(begin, begin + 128 + VALUES.nbytes):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert f"{path}: a: expected" in check_refused(path)


def test_a_member_that_is_another_s_size_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        buffer = io.BytesIO()
        np.save(buffer, VALUES)
        archive.writestr("a.npy", buffer.getvalue() + b"more")
    assert "expected 176 as its header says" in check_refused(tmp_path / "a.npz")
