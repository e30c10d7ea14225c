"""What tests share. A test imports from here, and never from another test.

Lakes
    lakes.Workspace         a lake, a landing folder and a registry under one folder, drained by the real application
    gold_lake.GoldWorkspace Silver and history written directly, without Spark, for tests of gold
    published_lake          a lake written without Spark, and what Postgres shows of it
    memory_lake             the tables of one entity in memory, for changes merged batch by batch
    tables_by_day           a table partitioned by day, to which rows are only appended
    tables_with_a_key       a table whose rows are replaced by key
    ingest_without_spark    a batch of files ingested as Spark would hand it over

Rows and files
    event_runs, shop_runs   runs of the two generators: files, manifests, truth
    change_sets             changes in which whatever can meet, does (hypothesis)
    bronze_rows             rows for the judge, and what it says of them
    gate_rows, mart_rows    rows that pass every gate; rows of the star for the marts
    hostile_files           files that are to be named and stop nothing
    shop_tables             a shop's tables in Postgres, the same every time

Oracles: the answers worked out anew, by code that shares nothing with the product
    contract_oracle, change_contract_oracle     what a contract says of a row
    changes_oracle                              what the changes of a key come to
    mart_oracles                                what each mart holds, in DuckDB's SQL
    duckdb_audit                                whether every row is accounted for, by DuckDB (the product's audit without Spark)

Processes and servers
    processes.Terminal      the commands a user would type; streams killed round after round
    waiting                 until something happened, for a time at most
    killed_at_commit        run as a script: a command killed right before it commits to a table
    killed_publishing       run as a script: a publisher killed, or waiting, at a step
    postgres_servers        real servers, which may be stopped, killed and started again; the fixtures of Postgres
    api_server              the API on a real address
    chromium, dashboard_page    a real browser, and what tests of the dashboard measure in it
    open_ports, small_disk, dockerfile  ports that are open, a disk that fills up, a Dockerfile that is read
"""
