"""Which ports processes have open, as the kernel lists them: TCP sockets that listen, UDP sockets that are bound."""

from __future__ import annotations

import ipaddress
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LISTENS = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}


def ports_of_session(leader: int) -> list[str]:
    """The open ports of all processes of a session, as address:port."""
    listed = subprocess.run(["ps", "-o", "pid=", "-s", str(leader)], capture_output=True, text=True, check=True)
    return open_ports(int(pid) for pid in listed.stdout.split())


def ports_of_children(parent: int) -> list[str]:
    """The open ports of a process and of all that descend from it, as address:port."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [(int(pid), int(of)) for pid, of in (line.split() for line in listed.splitlines())]
    family = {parent}
    while found := {pid for pid, of in pairs if of in family} - family:
        family |= found
    return open_ports(family)


def open_ports(pids: Iterable[int]) -> list[str]:
    """The open ports of these processes, as address:port; a process that has ended has none."""
    inodes = set()
    for pid in pids:
        with suppress(OSError):
            inodes |= {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = []
    for kind, state in LISTENS.items():
        for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == state and f"socket:[{cells[9]}]" in inodes:
                found.append(_shown(cells[1]))
    return sorted(found)


def beyond_this_machine(ports: list[str]) -> list[str]:
    """Those that others than this machine can reach."""
    return [port for port in ports if not ipaddress.ip_address(port.rpartition(":")[0]).is_loopback]


def _shown(place: str) -> str:
    """127.0.0.1:8000 of 0100007F:1F40: the kernel writes words of four bytes, the last byte first."""
    address, _, port = place.partition(":")
    words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
    found = ipaddress.ip_address(b"".join(words))
    mapped = getattr(found, "ipv4_mapped", None)
    return f"{mapped or found}:{int(port, 16)}"
