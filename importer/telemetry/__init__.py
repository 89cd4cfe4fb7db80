"""A run in figures for those who watch many: Prometheus' text format, and OpenTelemetry."""
