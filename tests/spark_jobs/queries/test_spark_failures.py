"""Of a message of Spark's, with all its stacks, one line is shown: the error of the batch."""

from __future__ import annotations

from spark_jobs.queries.spark_failures import cause


def test_of_all_that_spark_says_the_last_line_that_names_an_error_is_told() -> None:
    said = """[STREAM_FAILED] Query [id = x] terminated with exception: An exception was raised by the Python Proxy.
Traceback (most recent call last):
  File "refine.py", line 7, in f
OSError: [Errno 28] No space left on device
\tat org.apache.spark.SomeException.run(StreamExecution.scala:236)
\t... 40 more
=== Streaming Query ===
SomeError: of the plan"""
    assert cause(said) == "OSError: [Errno 28] No space left on device"
    assert cause("") == "unknown"
    asked = (
        "py4j.protocol.Py4JJavaError: An error occurred while calling o3.getResult.\n: java.io.IOException: why\n\tat x"
    )
    assert cause(asked) == "java.io.IOException: why"
    gone = f"{asked}\nCaused by: org.apache.spark.SparkException: [FAILED_READ_FILE.FILE_NOT_EXIST] bronze/x/part-1.parquet"
    assert "delete the refine checkpoint of this subject" in cause(gone)
