"""Delta tables: append to them, replace rows by key, read them, look keys up, compare two versions.

Knows no subject, no batch and no rule. A table is described by ``table.Table``; where it lies is a path.

- write: ``table_writer`` writes rows as ``parts`` (Parquet files that nobody sees yet), ``append`` and ``replace`` make them
  visible in one commit, at most once; ``attempt`` removes the parts of what failed; ``create`` makes tables and adds columns
- read: ``scans`` (rows by the log's bounds), ``key_lookup`` (rows by key), ``difference`` (of two versions),
  ``add_actions`` (live files and counts)
- the log: ``delta_log``, ``snapshot``, ``checkpoint``, ``deletion_vectors``, ``actions``, ``writers``
- ``cache`` owns what a process keeps of tables; ``integrity``, ``damage`` and ``failures`` name what is broken, with the way out

These modules touch files, so that storage other than a file system has to be brought in here only: ``files`` (bring to disk, write
whole), ``delta_log`` and ``checkpoint_files`` (list and read the log, link an entry), ``deletion_vectors``, ``part_writer``,
``live_files`` and ``scans`` (Parquet files), ``parts_on_disk`` (sizes), ``attempt`` (sweeping), ``replace_change`` (removing), and
``open_tables``, ``checkpoint``, ``writers``, ``integrity`` (names and times in the log's folder). Rows are written to a table by
no other room; ``microbatch`` moves folders of whole tables (the swap of a rebuild) and keeps journals and locks beside them.
"""
