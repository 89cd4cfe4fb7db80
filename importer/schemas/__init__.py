"""JSON Schemas (2020-12) of the configuration and of everything that the ledger holds, made from the code itself.

    python -m importer.schemas FOLDER     writes each as FOLDER/NAME.json

A schema describes what this version writes, and says no to anything else. Readers of later versions' files should let
additional fields pass: they may come at any time.
"""
