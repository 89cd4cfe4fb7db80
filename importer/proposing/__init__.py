"""Looking at a source and proposing how to import it: sample → columns → proposal → configuration file."""
