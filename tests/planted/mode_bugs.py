"""Deliberate breakages of what takes back, updates and compares, one promise each."""

from typing import Final

from tests.planted.bug import Bug

MODE_BUGS: Final = (
    Bug("archive_answer_believed", "undo: the answer proves nothing, a look does", "archiving.py",
        '            left = list(await self.asker.read(left, ["hs_name"], draining=True))', "            left = []",
        "tests/undo/test_undo_faults.py"),
    Bug("archive_intent_not_durable", "undo: nothing is archived before its intent is durable", "archiving.py",
        "            n = await self.journal.append(entry)\n",
        "            n = self.journal.tail.n\n            self.journal.put(entry)\n",
        "tests/undo/test_undo_crashes.py"),
    Bug("late_archive_not_waited_for", "undo: what may still be archived is not taken for standing", "undoing.py",
        "    whole = this.plan.settling.timeout_s + this.plan.settling.settle_s\n", "    whole = 0.0\n",
        "tests/undo/test_undo_crashes.py"),
    Bug("changed_archived_too", "undo: what somebody changed is left", "archiving.py",
        "            if changed and not self.even_if_changed:\n", "            if changed and not changed:\n",
        "tests/undo/test_undoing.py"),
    Bug("edits_overwritten", "upsert: what somebody changed is left unless told otherwise", "upserting.py",
        '        return decision == "overwrite"\n', "        return True\n", "tests/modes/test_histories_of_nights.py"),
    Bug("all_properties_written", "upsert: only what differs is written", "comparing.py",
        "        if _is_one_of(name, value, (there,)):\n", "        if not name:\n",
        "tests/modes/test_histories_of_nights.py"),
    Bug("no_patience_with_updates", "upsert: a night that cannot update is paused, and says so", "updating.py",
        "            stop.request_for(error)\n            raise StoppedError from error\n\n\ndef _clear",
        "            raise StoppedError from error\n\n\ndef _clear", "tests/modes/test_updates_in_weather.py"),
    Bug("undone_told_by_all_at_once", "a list of what was undone holds every row", "cli/undoing.py",
        "        with self._telling:\n", "        if self._telling:\n", "tests/undo/test_undone_rows.py"),
    Bug("every_run_undone", "undo: other runs are left alone", "undoing.py",
        "        if this.runs[0] <= one.run <= this.runs[1]:\n", "        if one.run:\n", "tests/undo/test_undoing.py"),
    Bug("archived_stays_created", "undo: an archived record is as never made", "ledger/archives.py",
        "                yield identity, advance(self.state, event), content, name, source\n",
        "                yield identity, State.CREATED, content, name, source\n", "tests/ledger/test_archives.py"),
    Bug("unknown_is_missing", "verify --remote: what HubSpot does not tell is no difference", "asking.py",
        "        if len(found) < len(set(ids)) and (unsaid or not batch.complete):\n", "        if not batch:\n",
        "tests/undo"),
)  # fmt: skip
