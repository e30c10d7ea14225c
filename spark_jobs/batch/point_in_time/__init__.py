"""An entity's rows as they were at a moment: one key, or all."""
