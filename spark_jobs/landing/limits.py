"""Limits of what a landed file may hold. What is beyond one is kept whole, as dead letters that name the limit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A reason why a row could not be read: code, field (or the limit's name), detail.
Reason = tuple[str, str | None, str]

#: Rows are made and handed on in slices of about this many bytes, so that no vector of theirs comes near 2 GiB.
SLICE_BYTES = 32 * 1024 * 1024
#: Rows of a slice at most.
SLICE_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a landed file may hold; each field is the setting ``MAX_`` and its name in capitals.

    Sizes in bytes, ``name_length`` and ``detail_length`` in characters; docs/design.md says what becomes of what is beyond.
    """

    header_bytes: int = 64 * 1024
    columns: int = 1_000
    name_length: int = 256
    reasons: int = 100
    detail_length: int = 1_000
    line_bytes: int = 8 * 1024 * 1024
    piece_bytes: int = 1024 * 1024
    unpacked_bytes: int = 16 * 1024 * 1024 * 1024
    unpack_ratio: int = 200

    @classmethod
    def from_settings(cls, settings: Any) -> Limits:
        """Return the limits that a group of settings has under the same names."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(cls)})

    def check_header(self, record: bytes) -> Reason | None:
        """Return the reason why a CSV header is too long to be taken apart; None where it is not."""
        if len(record) <= self.header_bytes:
            return None
        detail = f"the header has {len(record):,} bytes, more than {self.header_bytes:,}"
        return too_large_reason("header_bytes", detail)

    def check_names(self, names: Sequence[str]) -> Reason | None:
        """Return the reason why the names of a header or a JSON object are too many or too long; None where they are not."""
        if len(names) > self.columns:
            return too_large_reason("columns", f"{len(names):,} columns are more than {self.columns:,}")
        longest = max(map(len, names), default=0)
        if longest > self.name_length:
            return too_large_reason("name_length", f"a name has {longest:,} characters, more than {self.name_length:,}")
        return None

    def capped(self, reasons: Sequence[Reason]) -> tuple[Reason, ...]:
        """Return the first reasons, long fields and details cut; where some are left out, a last one says how many there were."""
        kept: list[Reason] = [
            (code, None if field is None else self._cut(field), self._cut(detail))
            for code, field, detail in reasons[: self.reasons]
        ]
        if len(reasons) > self.reasons:
            more = f"{len(reasons):,} reasons, of which the first {self.reasons:,} are kept"
            kept.append(too_large_reason("reasons", more))
        return tuple(kept)

    def _cut(self, text: str) -> str:
        if len(text) <= self.detail_length:
            return text
        return f"{text[: self.detail_length]}… ({len(text):,} characters, cut by {setting_name('detail_length')})"


def setting_name(limit: str) -> str:
    """Return the name of the setting that a limit comes from."""
    return f"MAX_{limit.upper()}"


def too_large_reason(limit: str, detail: str) -> Reason:
    """Return the reason of what is beyond a limit; its field is the name of the setting."""
    return ("too_large", setting_name(limit), detail)


DEFAULTS = Limits()


class TooLargeError(Exception):
    """A file unpacks to more than a limit allows; ``reason`` is that of its dead letters."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason[2])
        self.reason = reason
