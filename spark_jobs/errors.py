"""What stops a command, with the exit code it gives. Bad rows are never among these: a bad row is data.

TallyError             exit code 1
├─ UsageError          wrong usage or settings: exit code 2
│  ├─ BusyError        another process is writing the subject, or gold
│  └─ RuleError        a contract's SQL that Spark cannot evaluate
├─ StreamFailedError   a subject's query failed more often than RETRY_ATTEMPTS allows, or Spark has gone
│  └─ NotStoppedError  a batch that hangs kept the stream from ending in time: the process ends without it
├─ NotPublishedError   a report's date has no published facts (batch.report.dates)
├─ IncompleteError     a rebuild does not account for every row (batch.rebuild.run)
├─ JournalError        an interrupted gold run cannot be finished (batch.gold.commits)
├─ SwapError           an interrupted swap of a rebuilt subject cannot be finished (microbatch.swap)
├─ MigrationError      a database cannot be brought to the form that publishing needs (publish.schema)
├─ PublishError        something could not be published to Postgres; the lake has it (publish.publisher)
├─ LostPartsError      a prepared batch is half committed and its parts are gone (microbatch.settle)
├─ UnseenError         what a worker wrote is not there for the driver (storage.attempt)
├─ LandingError        a landed file is there for the driver and not for a worker, or its folder is away (landing.land)
├─ LedgerError         what was prepared of a batch cannot be read back, and part of it is visible (microbatch.journal)
├─ ProgressError       Spark's notes of a query's progress are damaged beyond what can be set aside (microbatch.spark_notes)
├─ DamagedError        files of the lake are not on disk as they were written (storage.sound)
├─ MachineError        the machine refuses: no room, no more open files, no permission (storage.sound)
├─ LogError            a table's log cannot be followed, or asks for what this writer cannot do (storage.log)
└─ DeletionVectorError a deletion vector cannot be read as it was written (storage.deletion_vectors)
"""

from __future__ import annotations


class TallyError(Exception):
    """A command cannot go on; the message is one sentence that names the thing and the way out."""

    exit_code = 1


class UsageError(TallyError):
    """The command was asked for something that it cannot do as things are set."""

    exit_code = 2


class BusyError(UsageError):
    """Another process streams this subject into this lake, or builds its gold."""


class RuleError(UsageError):
    """An expression of a contract that parses, but that Spark refuses."""


class StreamFailedError(TallyError):
    """A query kept failing and was given up; the other subjects went on."""


class NotStoppedError(StreamFailedError):
    """A batch that hangs kept a query from ending; whoever catches it ends the process without waiting for its threads."""
