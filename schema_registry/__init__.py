"""Contracts: what a subject's rows look like, version by version, and how old rows become new ones.

`contracts/<subject>/vN.yaml` are data; everything else here reads, checks and compares them. `registry.load`
is the way in. Nothing in this package knows Spark: expressions are Spark SQL text that others compile.
"""
