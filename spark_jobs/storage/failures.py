"""Errors of the machine and of damaged files, explained in a sentence with the way out."""

from __future__ import annotations

import errno
import os
import re
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spark_jobs.errors import TallyError
from spark_jobs.storage.damage import DamagedError, damaged_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: What a machine refuses that Java and others say in words.
IN_WORDS = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.EROFS)
_ERRNO = re.compile(r"\[?(?:[Ee]rrno|os error)[ :]+(\d+)")


class MachineError(TallyError):
    """The machine refuses: no room, no more open files, no permission."""


@contextmanager
def errors_explained(paths: Callable[[], Iterable[str]]) -> Iterator[None]:
    """Turn errors of the machine, or of damaged files of the tables at these paths, into a sentence with the way out."""
    try:
        yield
    except TallyError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        raise explain(error, paths()) or error from error


def is_failure(error: BaseException) -> bool:
    """True for errors, also a panic of delta-rs (it can open no file), which is no Exception; False for an exit or interrupt."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def explain(error: BaseException, paths: Iterable[str]) -> TallyError | None:
    """Return the error that explains another one: the machine's or a damaged file's of these tables. None where it is neither."""
    if refusal := machine_refusal(error):
        return MachineError(refusal)
    found = damaged_files(paths)
    return DamagedError(found) if found else None


def machine_refusal(error: BaseException) -> str | None:
    """Return a sentence on what the machine refused, as far as the error or one that led to it says; else None."""
    number, said = _errno(error), str(error).split("\n", 1)[0][:300]
    if number in (errno.ENOSPC, errno.EDQUOT):
        return f"no room is left on the disk ({said}): make some; what failed is tried again and nothing of it is left"
    if number in (errno.EMFILE, errno.ENFILE):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return f"too many files are open ({said}): this process may have {most}; allow it more with `ulimit -n`"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the operating system refuses ({said}): let the user that runs this read and write there"
    return None


def _errno(error: BaseException | None) -> int | None:
    """Return the operating system's number of the error or of one that led to it; Java and others give it in words alone."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        if match := _ERRNO.search(str(error)):
            return int(match[1])
        for number in IN_WORDS:
            if os.strerror(number) in str(error):
                return number
        error = error.__cause__ or error.__context__
    return None
