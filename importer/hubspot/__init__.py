"""The API: bodies, exchanges, verdicts."""
