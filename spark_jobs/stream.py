"""The streaming job: ``spark-submit --properties-file config/spark-defaults.conf spark_jobs/stream.py [SUBJECT…] [--once]``.

It is the same as ``tally stream``; spark-submit takes a file and no command.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # spark-submit puts this file's folder on the path; the packages lie beside it.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from spark_jobs.cli.app import main

    main(["stream", *sys.argv[1:]])
