"""Commits tried again where another writer was first."""

from __future__ import annotations

#: How often a commit is tried again because another writer was first.
ATTEMPTS = 50
