"""Create marketing campaigns in HubSpot from large files."""
