"""Write the certificates that this machine trusts as a file that Java reads.

A Java from PyPI has its own list, without the authorities that companies add to their machines.
"""

from __future__ import annotations

import hashlib
import ssl
import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Java requires one; it protects nothing, as the certificates are public.
PASSWORD = "changeit"

_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2


def trusted_certificates() -> list[bytes]:
    """Return the authorities of OpenSSL's bundle on this machine (SSL_CERT_FILE is respected), in DER; [] if there are none."""
    places = ssl.get_default_verify_paths()
    bundles = [Path(places.cafile)] if places.cafile else []
    bundles += [Path(places.capath) / "ca-certificates.crt"] if places.capath and not bundles else []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for bundle in bundles:
        if bundle.is_file():
            context.load_verify_locations(bundle)
    return context.get_ca_certs(binary_form=True)


def java_keystore(certificates: Sequence[bytes]) -> bytes:
    """Return a Java key store (JKS) that trusts these certificates."""
    entries = [_entry(f"ca-{index}", certificate) for index, certificate in enumerate(certificates)]
    body = struct.pack(">III", _MAGIC, _VERSION, len(entries)) + b"".join(entries)
    seal = hashlib.sha1(PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + body)  # the format's own checksum
    return body + seal.digest()


def _entry(alias: str, certificate: bytes) -> bytes:
    head = struct.pack(">I", _TRUSTED) + _text(alias) + struct.pack(">Q", 0)
    return head + _text("X.509") + struct.pack(">I", len(certificate)) + certificate


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode("ascii")
