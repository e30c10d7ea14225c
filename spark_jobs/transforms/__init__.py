"""Pure functions from rows to rows: they know no paths, sessions or clocks."""
