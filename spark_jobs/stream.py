"""The streaming job: ``spark-submit --properties-file config/spark-defaults.conf spark_jobs/stream.py [SUBJECT…] [--once]``.

The same as ``tally stream``: this file is what spark-submit is given.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # spark-submit puts this file's folder on the path; the packages lie beside it.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from spark_jobs.cli.app import main

    main(["stream", *sys.argv[1:]])
