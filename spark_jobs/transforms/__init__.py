"""Pure functions from rows to rows: they know no paths, settings or clocks.

- Judging, as Spark columns: ``conform`` (``contract_version``, migration) → ``judge`` (``types``, ``checks``, ``field_checks``)
- then over Arrow columns: ``lateness``, ``dedupe``
- Changes, over Arrow columns: ``entity_rows`` → ``change_batch`` → ``late_keys`` → ``table_updates`` (``reduced_changes``,
  ``truncates``, ``scd2``)
- Gold, as Spark columns: ``star``, ``calendar``, ``gates``, ``marts``
- ``runnable_contract``: whether Spark can run a contract's expressions; the only one that asks a session
"""
