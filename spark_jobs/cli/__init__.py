"""The command line: options, a call, and what is shown."""
