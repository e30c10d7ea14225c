"""Exactly once: a batch is prepared, written into its journal, and committed table by table. Knows no table by name, no settings.

- ``exactly_once``: the protocol, ``ExactlyOnce.run_once``; calls the five below it
- ``journal``: the batch that is about to be committed, as a file; shared by gold runs and swaps
- ``commit``: commit a batch to its tables; read how far a query has come
- ``offsets``: the range of a source that Spark hands over as a batch, from its checkpoint
- ``spark_notes``: Spark's own files in the checkpoint: bring them to disk, set damaged ones aside
- ``lock``: one writer for each subject, gold and publishing
- ``fan_out``: judged rows to the parts of the table of their verdict
- ``staging``: the judged rows of a large batch, in files until their duplicates are known
- ``executors``: run the same work on the driver or on executors
- ``swap``: a rebuilt subject's tables take the place of the old ones
- ``stream_state``: what each query is doing, and the note of it that others read
"""
