"""A table at one version, by its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import Schema

from spark_jobs.errors import TallyError

if TYPE_CHECKING:
    from collections.abc import Mapping

Action = dict[str, Any]

DELETION_VECTORS = "deletionVectors"
#: What Spark's CREATE TABLE gives a table with deletion vectors.
WRITER_FEATURES = (DELETION_VECTORS, "invariants", "appendOnly")

PROTOCOL = {
    "minReaderVersion": 3,
    "minWriterVersion": 7,
    "readerFeatures": [DELETION_VECTORS],
    "writerFeatures": list(WRITER_FEATURES),
}


class DeltaLogError(TallyError):
    """A table's log cannot be followed, or asks for what this writer cannot do."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table at one version: its live files (add actions by path), its writers' last versions, metadata and protocol."""

    path: str
    version: int
    files: Mapping[str, Action]
    writers: Mapping[str, int]
    metadata: Action
    protocol: Action

    @property
    def configuration(self) -> Mapping[str, str]:
        """Return the table's properties."""
        return self.metadata.get("configuration") or {}

    @property
    def schema(self) -> pa.Schema:
        """Return the table's columns, in Arrow's types."""
        return pa.schema(Schema.from_json(self.metadata["schemaString"]))

    def has(self, writer: str, version: int) -> bool:
        """True if ``writer`` has committed ``version``, or a later one."""
        return self.writers.get(writer, -1) >= version

    def require(self, *, to_write: bool) -> None:
        """Raise DeltaLogError where the table asks for more than is done here, such as a constraint that must be checked."""
        features = set(self.protocol.get("readerFeatures") or ())
        if to_write:
            features |= set(self.protocol.get("writerFeatures") or ())
        beyond = sorted(features - set(WRITER_FEATURES))
        if to_write and 2 < self.protocol.get("minWriterVersion", 0) < 7:
            beyond.append(f"writer version {self.protocol['minWriterVersion']}")
        if to_write and self.configuration.get("delta.appendOnly") == "true":
            beyond.append("delta.appendOnly")
        if beyond:
            raise DeltaLogError(
                f"{self.path} has {', '.join(beyond)}, which cannot be kept here; drop that from the table"
            )

    @property
    def allows_deletion_vectors(self) -> bool:
        """True if rows may be deleted by vectors; otherwise their files are written again without them."""
        allowed = DELETION_VECTORS in (self.protocol.get("writerFeatures") or ())
        return allowed and self.configuration.get("delta.enableDeletionVectors") == "true"
