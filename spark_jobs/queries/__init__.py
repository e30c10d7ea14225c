"""The streaming queries, ingest and refine, and the application that runs and supervises them.

- ``application``: two queries for each subject, with their locks and tables
- ``supervisor``: start queries again that fail, name those that stand still, end them; ``spark_failures``: their errors in short
- ``ingest``: landed files to Bronze; ``ingest_ledger``: their lines in ops/files and the times that order them
- ``refine``: rows of Bronze to the table of their verdict; it uses the modules below
- ``verdicts``: rows of a batch that are judged already
- ``watermark``: the watermark of the next batch
- ``duplicates``: rows that repeat an accepted one; ``accepted_rows``: look accepted rows up
- ``apply_changes``: accepted changes to the current table and history
- ``books``: the line of a batch in ops/batch_quality
- ``signals``: Ctrl-C and SIGTERM; ``streaming_session``: the properties of the stream's Spark session
"""
