"""An opened file: fingerprint and content are of the same bytes.

Hostile files: tests/faults/test_hostile_files_stop_nothing.py.
"""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING

from spark_jobs.landing.open_file import open_landed

if TYPE_CHECKING:
    from pathlib import Path


def test_the_fingerprint_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "1.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n"))
    with open_landed(tmp_path, [path.name]) as (content, blocks, _):
        assert content == hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        assert b"".join(blocks) == b"a\n1\n"


def test_a_file_replaced_while_it_is_read_keeps_the_content_of_its_fingerprint(tmp_path: Path) -> None:
    path, other = tmp_path / "1.csv", tmp_path / "new"
    path.write_bytes(b"old")
    other.write_bytes(b"new")
    with open_landed(tmp_path, [path.name]) as (content, blocks, _):
        other.replace(path)
        assert (content, b"".join(blocks)) == (hashlib.blake2b(b"old", digest_size=16).hexdigest(), b"old")
