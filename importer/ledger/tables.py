"""What stands in the index file: its tables, how they are written, and states as numbers. Pure."""

from typing import Final

from importer.model import State

VERSION: Final = 1  #: of positions; an older one is not gone on from

CODES: Final = {State.OPEN: 0, State.IN_DOUBT: 1, State.CREATED: 2, State.FAILED: 3, State.UNRESOLVED: 4}
STATES: Final = {code: state for state, code in CODES.items()}
#: States whose name guards against an edited row being made a second time.
GUARDING: Final = tuple(CODES[state] for state in (State.IN_DOUBT, State.CREATED, State.UNRESOLVED))

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
  identity BLOB PRIMARY KEY, state INTEGER NOT NULL, content INTEGER, name INTEGER,
  seen INTEGER NOT NULL, seen_content INTEGER, seen_source INTEGER, seen_line INTEGER, seen_times INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
PUT_BOTH: Final = "INSERT OR REPLACE INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
PUT_STATE: Final = """
INSERT INTO records VALUES (?1, ?2, ?3, ?4, 0, NULL, NULL, NULL, 0)
ON CONFLICT (identity) DO UPDATE SET state = ?2, content = ?3, name = ?4
"""
PUT_MARK: Final = """
INSERT INTO records VALUES (?1, 0, NULL, NULL, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (identity) DO UPDATE SET seen = ?2, seen_content = ?3, seen_source = ?4, seen_line = ?5, seen_times = ?6
"""
