"""The errors that end a command, each with its exit code. Bad rows are never among these: a bad row is data.

TallyError                  exit code 1
├─ UsageError               wrong usage, settings or contracts: exit code 2, as of all below it
│  ├─ BusyError             another process is writing the subject, or gold
│  ├─ RuleError             a contract's SQL that Spark cannot evaluate
│  ├─ ContractError         a contract, lock or folder of the registry that cannot be used (schema_registry.errors)
│  │  ├─ UnknownSubjectError  no such subject in the registry
│  │  └─ UnknownVersionError  no such version of the subject
│  ├─ OptionsError          an option has a value that the generator cannot honour (generator.options)
│  ├─ SchemaConflictError   a table holds a column in another type than its contract now says (storage.create)
│  └─ SetupError            a run cannot start as things are set up (config.errors, as those below it)
│     ├─ SettingsError      variables that cannot be used
│     ├─ JavaNotFoundError  no Java that Spark can run on
│     ├─ MissingJarsError   the jars of Delta Lake are not there
│     ├─ DeltaNotLoadedError  Spark was started without Delta Lake
│     ├─ RuntimeSetupError  setting up Java or the jars did not work
│     ├─ DatabaseError      the Postgres of the settings cannot be used
│     │  └─ PoolTimeoutError  all connections of the API are taken (serving.outage)
│     └─ ServeError         the API cannot start as things are set (serving.errors)
├─ StreamFailedError        a subject's query failed more often than RETRY_ATTEMPTS allows, or Spark has gone
│  └─ NotStoppedError       a batch that hangs kept the stream from ending in time: the process ends without it
├─ NotPublishedError        a report's date has no published facts (batch.report.dates)
├─ IncompleteError          a rebuild does not account for every row (batch.rebuild.run)
├─ JournalError             what was prepared, of a batch or a gold run, cannot be read back or finished (microbatch.journal)
├─ SwapError                an interrupted swap of a rebuilt subject cannot be finished (microbatch.swap)
├─ MigrationError           a database cannot be brought to the form that publishing needs (publish.errors)
├─ PublishError             something could not be published to Postgres; the lake has it (publish.errors)
├─ LostPartsError           a prepared batch is half committed and its parts are gone (microbatch.commit)
├─ StorageNotSharedError    what a worker wrote is not there for the driver (storage.parts_on_disk)
├─ LandingError             a landed file is there for the driver, not for a worker, or its folder is away (landing.driver_checks)
├─ ProgressError            Spark's notes of a query's progress are damaged beyond what can be set aside (microbatch.spark_notes)
├─ DamagedError             files of the lake are not on disk as they were written (storage.damage)
├─ MachineError             the machine refuses: no room, no more open files, no permission (storage.failures)
├─ DeltaLogError            a table's log cannot be followed, or asks for what this writer cannot do (storage.snapshot)
└─ DeletionVectorError      a deletion vector cannot be read as it was written (storage.deletion_vectors)

Caught before they reach a command, and so not in the tree: ApiError, NotFoundError (answers of the API); EmbeddedError
(told as one of the database); AwayError, FullError, RefusedError, StoppedError (publishing tries again); SetAsideError,
TooLargeError, _TwiceError (a file or record that is set aside); SqlError, NotOneExpressionError, PatternError (become
ContractErrors).
"""

from __future__ import annotations

from config.errors import TallyError, UsageError

__all__ = ["BusyError", "NotStoppedError", "RuleError", "StreamFailedError", "TallyError", "UsageError"]


class BusyError(UsageError):
    """Another process streams this subject into this lake, or builds its gold."""


class RuleError(UsageError):
    """An expression of a contract that parses, but that Spark refuses."""


class StreamFailedError(TallyError):
    """A query kept failing and was given up; the other subjects went on."""


class NotStoppedError(StreamFailedError):
    """A batch that hangs kept a query from ending; whoever catches it ends the process without waiting for its threads."""
