"""numpy's files from elsewhere: what they say of themselves is held against their size before anything is unpacked.

Only plain arrays are read, never pickles. Archives are read with limits on their members and their size.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from rssm.errors import DataError
from rssm.storage.shape import shown_reason

#: characters of an array's header; those of plain arrays have less than 128
_LONGEST_HEADER = 4_096
_MOST_MEMBERS = 64
#: what a damaged or hostile header or archive makes numpy and zipfile raise
_BROKEN = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    SyntaxError,
    RecursionError,
    MemoryError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Header:
    """What an array's file says before its values."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    #: bytes before the values
    begin: int

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.begin + math.prod(self.shape) * self.dtype.itemsize


def map_npy(path: Path) -> Array:
    """An array's file, mapped read-only into memory.

    Raises:
        DataError: it cannot be read, or is not of the size that its header says; the line names the file.
    """
    try:
        with path.open("rb") as file:
            header = _read_header(file, path.stat().st_size)
        order: Any = "F" if header.fortran else "C"
        if math.prod(header.shape) == 0:
            return np.zeros(header.shape, header.dtype)  # nothing can be mapped
        return np.memmap(path, header.dtype, "r", header.begin, header.shape, order)
    except _BROKEN as error:
        raise DataError(f"{path}: short or not a plain .npy array ({shown_reason(error)})") from None


def read_npz(path: Path, names: Collection[str], largest: int, what: str) -> dict[str, Array]:
    """Those arrays of an archive that are there, checked against the archive's checksums.

    Args:
        path: the archive.
        names: of the arrays that are wanted.
        largest: bytes that they may unpack to.
        what: it should be, for the message.

    Raises:
        DataError: there is no such file, it is damaged, encrypted, packed in another way, too large, or holds anything
            else than plain arrays; the line names the file and, where one is to blame, the array.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected {what}")
    name = ""
    arrays: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = _check_members(archive, names, largest)
            for name, member in members.items():
                with archive.open(member) as file:
                    arrays[name] = _read_array(file, member.file_size)
    except _BROKEN as error:
        where = f"{path}: {name}" if name else str(path)
        raise DataError(f"{where}: expected {what}, it cannot be read ({shown_reason(error)})") from None
    return arrays


def _check_members(archive: zipfile.ZipFile, names: Collection[str], largest: int) -> dict[str, zipfile.ZipInfo]:
    """The members that are wanted, by the arrays' names; all is known from the archive's directory."""
    found = archive.infolist()
    if len(found) > _MOST_MEMBERS:
        raise ValueError(f"{len(found)} members, expected at most {_MOST_MEMBERS}")
    members: dict[str, zipfile.ZipInfo] = {}
    for member in found:
        name = member.filename.removesuffix(".npy")
        if name not in names:
            continue
        if name in members:
            raise ValueError(f"{name} is there twice")
        if member.flag_bits & 1:
            raise ValueError(f"{name} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is packed by method {member.compress_type}, expected stored or deflated")
        members[name] = member
    size = sum(member.file_size for member in members.values())
    if size > largest:
        raise ValueError(f"it unpacks to {size:,} bytes, expected at most {largest:,}")
    return members


def _read_array(file: IO[bytes], size: int) -> Array:
    header = _read_header(file, size)
    values = file.read(size - header.begin + 1)  # to the end, where the checksum is looked at
    if len(values) != size - header.begin:
        raise ValueError("it is shorter than it says")
    array = np.frombuffer(values, header.dtype).copy()
    return array.reshape(header.shape, order="F" if header.fortran else "C")


def _read_header(file: IO[bytes], size: int) -> Header:
    """The header of an array whose file has this many bytes.

    Raises:
        ValueError: it says something that cannot be; or another of ``_BROKEN``.
    """
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format {version[0]}.{version[1]}, expected 1.0 or 2.0")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file, max_header_size=_LONGEST_HEADER)
    if dtype.hasobject or dtype.itemsize == 0 or dtype.names is not None or dtype.subdtype is not None:
        raise ValueError(f"values of type {dtype}, expected plain ones")
    if any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"shape {shape}, expected whole numbers from 0")
    header = Header(shape, fortran, dtype, file.tell())
    if header.size != size:
        raise ValueError(f"{size:,} bytes, expected {header.size:,} as its header says")
    return header
