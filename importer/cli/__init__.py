"""The command line: argv → settings → run → exit status; the only place that prints and exits."""
