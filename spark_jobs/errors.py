"""What stops a command, with the exit code it gives. Bad rows are never among these: a bad row is data.

TallyError
├─ UsageError          wrong usage or settings: exit code 2
│  ├─ BusyError        another stream is writing the subject
│  └─ RuleError        a contract's SQL that Spark cannot evaluate
└─ StreamFailedError   a subject's query failed more often than RETRY_ATTEMPTS allows: exit code 1
"""

from __future__ import annotations


class TallyError(Exception):
    """A command cannot go on; the message is one sentence that names the thing and the way out."""

    exit_code = 1


class UsageError(TallyError):
    """The command was asked for something that it cannot do as things are set."""

    exit_code = 2


class BusyError(UsageError):
    """Another process streams this subject into this lake."""


class RuleError(UsageError):
    """An expression of a contract that parses, but that Spark refuses."""


class StreamFailedError(TallyError):
    """A query kept failing and was given up; the other subjects went on."""
