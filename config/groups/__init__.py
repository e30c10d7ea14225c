"""Every setting, in groups. A setting's field is the one place with its variable, default, form and meaning.

Whatever lists settings (`tally settings`, .env.example) is made from these; `config.settings.load` reads them.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from config.groups.gold import Generator, Gold
from config.groups.running import DataQuality, Lake, Limits, Monitoring, Retry, Streaming
from config.groups.services import Database, Kafka, Serving
from config.groups.variable import Variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "GROUPS",
    "DataQuality",
    "Database",
    "Generator",
    "Gold",
    "Kafka",
    "Lake",
    "Limits",
    "Monitoring",
    "Retry",
    "Serving",
    "Streaming",
    "Variable",
    "variables",
]

GROUPS: Mapping[str, type[Any]] = {
    "lake": Lake,
    "streaming": Streaming,
    "limits": Limits,
    "data_quality": DataQuality,
    "gold": Gold,
    "generator": Generator,
    "retry": Retry,
    "monitoring": Monitoring,
    "database": Database,
    "serving": Serving,
    "kafka": Kafka,
}


def variables() -> Iterator[tuple[str, str, Variable]]:
    """Yield every setting's group, field name and `Variable`, in the order they are shown."""
    for group, kind in GROUPS.items():
        for one in fields(kind):
            yield group, one.name, one.metadata["variable"]
