"""Where rows go: Parquet parts, the one commit that makes them visible, and the ledger that survives a crash."""
