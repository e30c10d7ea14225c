"""The SQL behind the answers: constant texts with parameters."""
