"""``python -m spark_jobs …`` is the ``tally`` command."""

from spark_jobs.cli.app import main

if __name__ == "__main__":
    main()
