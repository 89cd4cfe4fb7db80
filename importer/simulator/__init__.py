"""An embedded HubSpot look-alike with switchable faults."""
