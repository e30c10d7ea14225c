"""Actions of a Delta log's entries: create a table, widen it, add and remove files, record a writer's version."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING
from urllib.parse import quote

from deltalake import Schema

from spark_jobs.storage.snapshot import WRITER_FEATURES, Action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deltalake import DeltaTable, Field

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table


def add_action(part: Part) -> Action:
    """Return the action that adds a part to a table. A log spells paths as in a URL: the % of a folder's name is %25 there."""
    return {
        "add": {
            "path": quote(part.path, safe="/=:,+@"),
            "partitionValues": part.partition,
            "size": part.size,
            "modificationTime": part.modified_ms,
            "dataChange": True,
            "stats": part.stats,
        }
    }


def remove_action(add: Action) -> Action:
    """Return the action that removes a file from a table. The file stays where it is, for older versions, until VACUUM."""
    kept = {name: add[name] for name in ("path", "partitionValues", "size", "deletionVector", "stats") if name in add}
    moment = {"deletionTimestamp": int(time.time() * 1000), "dataChange": True, "extendedFileMetadata": True}
    return {"remove": {**kept, **moment}}


#: Spark reads a table's log from its newest checkpoint on, so checkpoints come often enough to keep that short.
PROPERTIES = {"delta.checkpointInterval": "20", "delta.logRetentionDuration": "interval 60 days"}
PROPERTIES_WITH_A_KEY = {**PROPERTIES, "delta.enableDeletionVectors": "true"}

#: A table that any writer of Delta may append to.
PLAIN_PROTOCOL = {"minReaderVersion": 1, "minWriterVersion": 2}
#: What a table may ask of its writers without asking anything of one that only adds files.
KNOWN_FEATURES = {*WRITER_FEATURES, "changeDataFeed"}

ADDED_LATER = "tally.fieldsAddedLater"


def commit_info(operation: str, parameters: Mapping[str, str] | None = None, **metrics: int) -> Action:
    """Return the action that describes an entry in the table's history; it comes first in the entry."""
    return {
        "commitInfo": {
            "timestamp": now_ms(),
            "operation": operation,
            "operationParameters": dict(parameters or {}),
            "isolationLevel": "Serializable",
            "isBlindAppend": False,
            "operationMetrics": {name: str(value) for name, value in metrics.items()},
            "engineInfo": "Tallylake",
            "txnId": str(uuid.uuid4()),
        }
    }


def new_metadata(table: Table) -> Action:
    """Return the metadata of a table that is made now."""
    return {
        "id": str(uuid.uuid4()),
        "format": {"provider": "parquet", "options": {}},
        "schemaString": Schema.from_arrow(table.schema).to_json(),
        "partitionColumns": list(table.partition_by),
        "configuration": PROPERTIES_WITH_A_KEY if table.key_columns else PROPERTIES,
        "createdTime": now_ms(),
    }


def widened_metadata(found: DeltaTable, lacking: Sequence[Field], later: Sequence[str]) -> Action:
    """Return the table's metadata with more columns. ``later``: all columns that are noted as added after the table was made."""
    metadata = found.metadata()
    schema = json.loads(found.schema().to_json())
    schema["fields"] += [json.loads(field.to_json()) for field in lacking]
    return {
        "id": str(metadata.id),
        **({"name": metadata.name} if metadata.name else {}),
        **({"description": metadata.description} if metadata.description else {}),
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps(schema),
        "partitionColumns": list(metadata.partition_columns),
        "configuration": {**metadata.configuration, **({ADDED_LATER: ",".join(later)} if later else {})},
        "createdTime": metadata.created_time,
    }


def append_actions(parts: Sequence[Part], partition_by: Sequence[str], writer: str, version: int) -> list[Action]:
    """Return the actions of an entry that adds parts, with the version of the writer that adds them."""
    rows = sum(part.rows for part in parts)
    parameters = {"mode": "Append", "partitionBy": json.dumps(list(partition_by))}
    info = commit_info("WRITE", parameters, numFiles=len(parts), numOutputRows=rows)
    info["commitInfo"]["isBlindAppend"] = True
    return [info, txn_action(writer, version), *(add_action(part) for part in parts)]


def txn_action(writer: str, version: int) -> Action:
    """Return the action that records a writer's version, by which a commit that is done again is known."""
    return {"txn": {"appId": writer, "version": version, "lastUpdated": now_ms()}}


def can_append(found: DeltaTable) -> bool:
    """True if an entry of :func:`append_actions` may append to the table; False where the table asks its writers for more."""
    protocol = found.protocol()
    features = set(protocol.writer_features or ())
    return protocol.min_writer_version <= 2 or (protocol.min_writer_version == 7 and features <= KNOWN_FEATURES)


def now_ms() -> int:
    """Return the time as a log has it: milliseconds since 1970."""
    return int(time.time() * 1000)
