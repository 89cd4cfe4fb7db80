"""`python -m importer`, and the `importer` command."""

from importer.cli.front import main

if __name__ == "__main__":
    main()
