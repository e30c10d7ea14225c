"""Results on a terminal: a file a command, on top of ``terminal``, which alone writes there."""
