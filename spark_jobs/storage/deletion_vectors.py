"""Deletion vectors: which rows of a Parquet file are no longer in the table, as Delta writes them down.

A vector is a set of row numbers. Those of one commit share one file in the table's folder, which no one reads before a log
entry names it: written twice, the other file is swept up by VACUUM. Never changed, only followed by a newer one.
"""

from __future__ import annotations

import os
import uuid
import zlib
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap64

from spark_jobs.errors import TallyError

if TYPE_CHECKING:
    from collections.abc import Mapping


MAGIC = (1681511377).to_bytes(4, "little")
FORMAT_VERSION = b"\x01"
#: Numbers of rows in a file, counted from 0.
RowNumbers = npt.NDArray[np.int64]
#: A uuid in base 85; what stands before it is the folder.
UUID_LENGTH = 20
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_VALUES = {sign: value for value, sign in enumerate(Z85)}


class DeletionVectorError(TallyError):
    """A deletion vector that the log names cannot be read as it was written."""


def bitmap(positions: RowNumbers) -> BitMap64:
    """Return the set of these row numbers, counted from 0."""
    return BitMap64(array("Q", positions.astype(np.uint64).tobytes()))


def positions(vector: BitMap64) -> RowNumbers:
    """Return the row numbers of a set, ascending."""
    return np.frombuffer(vector.to_array(), dtype=np.uint64).astype(np.int64)


def write_vectors(root: Path, vectors: Mapping[str, BitMap64]) -> dict[str, dict[str, Any]]:
    """Write one file with the vectors of several Parquet files, to disk, and return how the log must describe each."""
    name = uuid.uuid4()
    content, described = _content(name, vectors)
    whole = root / f"deletion_vector_{name}.bin"
    try:
        with whole.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        whole.unlink(missing_ok=True)
        raise
    return described


def _content(name: uuid.UUID, vectors: Mapping[str, BitMap64]) -> tuple[bytearray, dict[str, dict[str, Any]]]:
    """Return the bytes of a file of vectors, and how the log must describe each."""
    content, described = bytearray(FORMAT_VERSION), {}
    for path, vector in vectors.items():
        data = _serialized(vector)
        described[path] = {
            "storageType": "u",
            "pathOrInlineDv": z85_encode(name.bytes),
            "offset": len(content),
            "sizeInBytes": len(data),
            "cardinality": len(vector),
        }
        content += len(data).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")
    return content, described


def read_vector(root: Path, described: Mapping[str, Any]) -> BitMap64:
    """Read the set that the log describes, wherever it is kept. Raises DeletionVectorError where its bytes have changed."""
    data = _inline(described) if described["storageType"] == "i" else _from_file(root, described)
    if data[:4] != MAGIC:
        raise DeletionVectorError(f"{root}: a deletion vector is in a form that is not known; restore it from a backup")
    vector = BitMap64.deserialize(data[4:])
    if len(vector) != described["cardinality"]:
        raise DeletionVectorError(f"{root}: a deletion vector has {len(vector)} rows, the log says otherwise")
    return vector


def vector_file(root: Path, described: Mapping[str, Any]) -> Path:
    """Return the path of a vector's file; for vectors that are not kept in the log itself."""
    location = str(described["pathOrInlineDv"])
    if described["storageType"] == "p":
        return Path(unquote(urlparse(location).path))
    folder, name = location[:-UUID_LENGTH], uuid.UUID(bytes=z85_decode(location[-UUID_LENGTH:]))
    return root / folder / f"deletion_vector_{name}.bin"


def _serialized(vector: BitMap64) -> bytes:
    vector.run_optimize()
    return bytes(MAGIC + vector.serialize())


def _inline(described: Mapping[str, Any]) -> bytes:
    return z85_decode(described["pathOrInlineDv"])[: described["sizeInBytes"]]


def _from_file(root: Path, described: Mapping[str, Any]) -> bytes:
    path, size = vector_file(root, described), described["sizeInBytes"]
    try:
        with path.open("rb") as file:
            file.seek(described.get("offset") or 0)
            found = file.read(size + 8)
    except FileNotFoundError:
        raise DeletionVectorError(f"{path} is gone, and the log names it; restore it from a backup") from None
    data = found[4:-4]
    length, checksum = int.from_bytes(found[:4], "big"), int.from_bytes(found[-4:], "big")
    if len(found) != size + 8 or length != size or zlib.crc32(data) != checksum:
        raise DeletionVectorError(f"{path} is not as it was written; restore it from a backup")
    return data


def z85_encode(data: bytes) -> str:
    """Spell bytes, a multiple of four, as text in ZeroMQ's base 85."""
    signs = []
    for start in range(0, len(data), 4):
        value = int.from_bytes(data[start : start + 4], "big")
        signs += [Z85[value // 85**power % 85] for power in (4, 3, 2, 1, 0)]
    return "".join(signs)


def z85_decode(text: str) -> bytes:
    """Return the bytes that :func:`z85_encode` spelled."""
    data = bytearray()
    for start in range(0, len(text), 5):
        value = 0
        for sign in text[start : start + 5]:
            value = value * 85 + _VALUES[sign]
        data += value.to_bytes(4, "big")
    return bytes(data)
