"""A key is its column, or the text of several."""

from __future__ import annotations

import pyarrow as pa

from spark_jobs.storage.keys import key_array, key_text


def test_one_column_is_its_own_key_and_several_make_a_text_without_the_null_parts() -> None:
    data = pa.table({"a": ["x|y", None, None], "b": pa.array([1, 2, None], pa.int32())})
    assert key_array(data, ["b"]) == pa.array([1, 2, None], pa.int32())
    assert key_array(data, ["a", "b"]).to_pylist() == ["x\\|y|1", "2", ""]
    assert key_text(data, ["b"]).to_pylist() == ["1", "2", None]
