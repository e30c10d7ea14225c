"""The streaming queries: ingest, refine, and the application that runs them."""
