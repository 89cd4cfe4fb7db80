"""The ledger: journal, projections, index."""
