"""File or stream → numbered rows."""
