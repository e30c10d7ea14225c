"""The base of all errors that end a command, and those that keep a run from starting; ``spark_jobs.errors`` draws the whole tree.

Each message says what is wrong and the way out.

SetupError                 a run cannot start as things are set up
├─ SettingsError           variables that cannot be used; all of them, a line each
├─ JavaNotFoundError       no Java that Spark can run on
├─ MissingJarsError        the jars of Delta Lake are not there
├─ DeltaNotLoadedError     Spark was started without Delta Lake
├─ DatabaseError           the Postgres of the settings cannot be used
└─ RuntimeSetupError       setting up Java or the jars did not work
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class TallyError(Exception):
    """A command cannot go on; the message is one sentence that names the thing and the way out.

    ``exit_code`` is what the command then ends with. ``has_lines``: each line of the message is a sentence of its own; a line
    break in another message came with a name or a value, and is escaped when shown.
    """

    exit_code = 1
    has_lines = False


class UsageError(TallyError):
    """The command cannot do what its options and settings ask for."""

    exit_code = 2


class SetupError(UsageError):
    """A run cannot start as things are set up; the message is for the person who can change that."""

    has_lines = True


class SettingsError(SetupError):
    """Variables that cannot be used: `problems` maps each to its sentence, and the message has a line for each."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = dict(problems)
        super().__init__("\n".join(sentence for _, sentence in problems))


class JavaNotFoundError(SetupError):
    """Neither JAVA_HOME nor PATH nor the project's own folder has a Java that Spark can run on."""


class MissingJarsError(SetupError):
    """Some of the locked jars are not on disk; `names` says which."""

    def __init__(self, names: Sequence[str], message: str) -> None:
        self.names = tuple(names)
        super().__init__(message)


class DeltaNotLoadedError(SetupError):
    """The Spark that is already running knows no Delta Lake."""


class DatabaseError(SetupError):
    """The database cannot be used; one sentence with the way out. ``away``: it cannot be reached, and trying again may help."""

    def __init__(self, sentence: str, *, away: bool) -> None:
        super().__init__(sentence)
        self.away = away


class RuntimeSetupError(SetupError):
    """Setting up Java or the jars did not work."""
