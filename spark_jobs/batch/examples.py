"""``tally registry test``: what the judge makes of a contract's examples, beside what they say it must."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from schema_registry import examples as stored
from schema_registry.example import Reason
from schema_registry.registry import load
from schema_registry.value_text import value_text
from spark_jobs.schemas import TIMESTAMP
from spark_jobs.session import spark_session
from spark_jobs.testing import CLOCK_SKEW, bronze_table, judge_bronze
from spark_jobs.transforms.judge import JudgeOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.example import Example
    from schema_registry.registry import Subject

    Judge = Callable[[Subject, Sequence[Example]], list["Judged"]]

APP_NAME = "tallylake-examples"


@dataclass(frozen=True, slots=True)
class Judged:
    """An example and what came of its row: verdict, reasons, and the text form of each of the latest contract's columns."""

    example: Example
    verdict: str
    reasons: tuple[Reason, ...]
    values: Mapping[str, str | None]

    @property
    def passed(self) -> bool:
        """True if the verdict, the reasons (in any order) and the values that the example names are as it says."""
        return self.verdict == self.example.verdict and not self.wrong_reasons and not self.wrong_values

    @property
    def wrong_reasons(self) -> list[Reason]:
        """The reasons that were expected and did not come, then those that came and were not expected."""
        unmet, left = [], list(self.reasons)
        for expected in self.example.reasons:
            met = next((came for came in left if _meets(came, expected)), None)
            unmet.append(expected) if met is None else left.remove(met)
        return [*unmet, *left]

    @property
    def wrong_values(self) -> list[str]:
        """The columns whose value is another than the example names."""
        return [name for name, text in self.example.values.items() if self.values[name] != text]

    def to_json(self) -> dict[str, Any]:
        """The case, what was expected and what came; of the values those that the example names."""
        example = self.example
        came = {name: self.values[name] for name in example.values}
        return {
            "name": example.name,
            "file": str(example.file),
            "row": example.received,
            "expected": _outcome(example.verdict, example.reasons, example.values),
            "came": _outcome(self.verdict, self.reasons, came),
        }


@dataclass(frozen=True, slots=True)
class SubjectResult:
    """All examples of one subject, judged; none where it has none."""

    subject: Subject
    judged: Sequence[Judged]

    @property
    def failed(self) -> list[Judged]:
        """The examples of which something else came than they say."""
        return [one for one in self.judged if not one.passed]

    def to_json(self) -> dict[str, Any]:
        """The counts, and each case that failed."""
        failed = [one.to_json() for one in self.failed]
        counts = {"examples": len(self.judged), "passed": len(self.judged) - len(failed)}
        return {"subject": self.subject.name, **counts, "failed": failed}


def run_examples(settings: Settings, names: Sequence[str]) -> list[SubjectResult]:
    """Judge the examples of these subjects, of all where none is named.

    Everything is read before Spark is started, and without an example it is not. ContractError where a subject is unknown, or
    an example cannot be read.
    """
    registry = load(settings.lake.contracts)
    subjects = [registry.subject(name) for name in names or registry.subjects]
    found = [(subject, stored.load(registry.root / subject.name, subject)) for subject in subjects]
    judge = spark_judge(spark_session(settings, APP_NAME)) if any(examples for _, examples in found) else None
    return [
        SubjectResult(subject, judge(subject, examples) if judge and examples else []) for subject, examples in found
    ]


def spark_judge(spark: SparkSession) -> Judge:
    """Return the judge of examples that runs refine's own functions in Spark: one batch a subject."""

    def judge(subject: Subject, examples: Sequence[Example]) -> list[Judged]:
        now = datetime.now(UTC)
        table = bronze_table(subject, [example.received for example in examples], now)
        times = pa.array([example.ingested_at or now for example in examples], TIMESTAMP)
        table = table.set_column(table.column_names.index("ingested_at"), "ingested_at", times)
        rows = judge_bronze(spark, subject, table, JudgeOptions(CLOCK_SKEW, refuse_late=False)).toArrow().to_pylist()
        ordered = sorted(rows, key=lambda row: row["source_position"])
        return [_judged(example, row) for example, row in zip(examples, ordered, strict=True)]

    return judge


def _judged(example: Example, row: Mapping[str, Any]) -> Judged:
    texts = {name: value_text(value) for name, value in row.items() if _is_plain(value)}
    reasons = tuple(Reason(**reason) for reason in row["_reasons"] or ())
    return Judged(example, "accepted" if row["_valid"] else "dead_letter", reasons, texts)


def _is_plain(value: object) -> bool:
    return not isinstance(value, list | dict)


def _meets(came: Reason, expected: Reason) -> bool:
    alike = (came.code, came.field) == (expected.code, expected.field)
    return alike and expected.detail in (None, came.detail)


def _outcome(verdict: str, reasons: Sequence[Reason], values: Mapping[str, str | None]) -> dict[str, Any]:
    return {"verdict": verdict, "reasons": [asdict(reason) for reason in reasons], "values": dict(values)}
