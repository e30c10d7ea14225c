"""Landed files: listed, opened, split into records and read as text, until they are rows of Bronze.

Nothing outside of this package opens, lists or stats anything below LANDING_ROOT. Others call these modules only:

- ``spark_source``: the stream of landed files; how Spark, the tables and the disk name a file
- ``land_files``: read files (``landed_file``) and write their rows to Bronze, on the driver or an executor
- ``driver_checks``: what a worker says is gone or unreadable, checked again by the driver
- ``omitted_files``: files that Spark's file source omits from its batches
- ``backlog``: what lies in the folder and is not in the lake (for ``tally status`` and ``tally audit``)
- ``limits``: how large a file, a header, a line may be

The way of a file: ``spark_source`` → ``land_files`` → ``open_file`` → ``csv_text`` or ``jsonl_text`` → ``bronze_rows``.
Both readers take blocks of bytes from ``line_blocks`` and yield ``chunks``; CSV is split by ``csv_records`` and
``csv_quotes`` and parsed by ``csv_parse``. ``listing`` walks the folder itself.
"""
