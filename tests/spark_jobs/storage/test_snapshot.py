"""A table that asks for more than is done here is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.tables_with_a_key import log_of, put, table_with_a_key

from spark_jobs.storage.delta_log import put_if_absent
from spark_jobs.storage.snapshot import DeltaLogError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"protocol": {"writerFeatures": ["deletionVectors", "rowTracking"]}}, "rowTracking"),
        ({"metaData": {"configuration": {"delta.appendOnly": "true"}}}, "delta.appendOnly"),
        ({"protocol": {"minReaderVersion": 1, "minWriterVersion": 4, "writerFeatures": None}}, "writer version 4"),
    ],
)
def test_a_table_that_asks_for_more_than_is_done_here_is_refused(
    tmp_path: Path, changes: dict[str, dict[str, object]], says: str
) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a"})
    now = log_of(table)
    as_now = {"protocol": now.protocol, "metaData": now.metadata}
    (kind,) = changes
    asked = {name: value for name, value in {**as_now[kind], **changes[kind]}.items() if value is not None}
    if "minReaderVersion" in changes[kind]:
        asked.pop("readerFeatures")
    put_if_absent(table.path, 2, [{kind: asked}])
    with pytest.raises(DeltaLogError, match=says):
        put(table, 1, {1: "b"})
