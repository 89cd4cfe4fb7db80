"""Many imports for many accounts: what runs, where it stands, and who places it."""
