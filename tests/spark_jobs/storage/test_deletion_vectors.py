"""Deletion vectors: the bytes are Delta's, and what is not as it was written is not believed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.storage.deletion_vectors import (
    DeletionVectorError,
    bitmap,
    positions,
    read_vector,
    vector_file,
    write_vectors,
    z85_decode,
    z85_encode,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pyroaring import BitMap64

#: A file that Spark 4.2 with Delta 4.4 wrote for the rows 3, 5, 7 and 900 of a file of 1,000, and what it put into the log.
OF_SPARK = bytes.fromhex(
    "0100000028d1d339640100000000000000000000003a3000000100000000000300100000000300050007008403 3f1b29fa".replace(
        " ", ""
    )
)
SPARKS_WORD = {
    "storageType": "u",
    "pathOrInlineDv": "y0@i7]cl!9T/!p0)gQ^2",
    "offset": 1,
    "sizeInBytes": 40,
    "cardinality": 4,
}
#: The same rows within the log.
INLINE = {
    "storageType": "i",
    "pathOrInlineDv": z85_encode(OF_SPARK[5:45]),
    "sizeInBytes": 40,
    "cardinality": 4,
}
#: The protocol's example: a form of old that the protocol's own text does not describe.
OF_OLD = {**INLINE, "pathOrInlineDv": "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", "cardinality": 6}


def vector(*rows: int) -> BitMap64:
    return bitmap(np.array(rows, np.int64))


def test_a_vector_is_written_byte_for_byte_as_spark_writes_it(tmp_path: Path) -> None:
    described = write_vectors(tmp_path, {"a.parquet": vector(3, 5, 7, 900)})["a.parquet"]
    assert vector_file(tmp_path, described).read_bytes() == OF_SPARK
    assert {**described, "pathOrInlineDv": ""} == {**SPARKS_WORD, "pathOrInlineDv": ""}


def test_a_vector_that_spark_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "deletion_vector_69d2938c-f323-4854-adae-9f59ed132531.bin").write_bytes(OF_SPARK)
    assert list(read_vector(tmp_path, SPARKS_WORD)) == [3, 5, 7, 900]


def test_a_vector_within_the_log_is_read(tmp_path: Path) -> None:
    assert list(read_vector(tmp_path, INLINE)) == [3, 5, 7, 900]


def test_a_vector_at_an_absolute_place_is_read(tmp_path: Path) -> None:
    described = write_vectors(tmp_path, {"a": vector(1, 2)})["a"]
    placed = {**described, "storageType": "p", "pathOrInlineDv": vector_file(tmp_path, described).as_uri()}
    assert list(read_vector(tmp_path / "elsewhere", placed)) == [1, 2]


def test_a_vector_in_a_folder_of_its_own_is_found_there(tmp_path: Path) -> None:
    name = uuid.UUID("d2c639aa-8816-431a-aaf6-d3fe2512ff61")
    told = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^"}
    assert vector_file(tmp_path, told) == tmp_path / "ab" / f"deletion_vector_{name}.bin"
    assert z85_encode(name.bytes) == "^-aqEH.-t@S}K{vb[*k^"


@given(rows=st.lists(st.sets(st.integers(0, 2**34), min_size=1, max_size=50), min_size=1, max_size=4))
def test_vectors_of_one_file_come_back_each_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[set[int]]
) -> None:
    root = tmp_path_factory.mktemp("vectors")
    described = write_vectors(root, {f"{n}": vector(*each) for n, each in enumerate(rows)})
    assert [positions(read_vector(root, described[f"{n}"])).tolist() for n in range(len(rows))] == [
        sorted(each) for each in rows
    ]
    assert len(list(root.iterdir())) == 1


@given(st.binary(max_size=40).map(lambda data: data[: len(data) // 4 * 4]))
def test_base_85_gives_back_what_it_took(data: bytes) -> None:
    assert z85_decode(z85_encode(data)) == data


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data[:-1], "not as it was written"),
        (lambda data: data[:20] + b"\x07" + data[21:], "not as it was written"),
        (lambda data: b"", "not as it was written"),
    ],
)
def test_a_file_that_changed_is_refused(tmp_path: Path, spoil: object, says: str) -> None:
    described = write_vectors(tmp_path, {"a": vector(1, 2)})["a"]
    path = vector_file(tmp_path, described)
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DeletionVectorError, match=says):
        read_vector(tmp_path, described)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    described = write_vectors(tmp_path, {"a": vector(1, 2)})["a"]
    path = vector_file(tmp_path, described)
    path.unlink()
    with pytest.raises(DeletionVectorError, match=path.name):
        read_vector(tmp_path, described)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"cardinality": 5}, "4 rows"), (OF_OLD, "form that is not known")],
)
def test_a_vector_that_is_not_what_the_log_says_is_refused(tmp_path: Path, wrong: dict[str, object], says: str) -> None:
    with pytest.raises(DeletionVectorError, match=says):
        read_vector(tmp_path, {**INLINE, **wrong})
