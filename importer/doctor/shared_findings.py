"""What two hosts saw of a folder that they share, as values. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from importer.doctor.findings import Finding
from importer.errors import ExitStatus

#: By which the clocks of a host and of the storage may differ before it is worth a word: the shared limit bears it.
SKEW_S: Final = 5.0
SLOW_S: Final = 5.0  #: after which what the other wrote should be seen
_NOT_THIS: Final = "Do not use this storage for locks, limits or a fleet. {}"
_NFS: Final = "Mount NFS without nolock and local_lock, version 4; SMB and object stores will not do."
_AGAIN: Final = "Run the same command again on both."


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one process saw of the other's doings."""

    host: str
    machine: str | None  #: all processes of one machine have the same; None: not known
    got: bool  #: the lock was to be had while the other held it
    freed: bool  #: it was to be had once the other had given it back
    torn: int  #: times that a file, replaced as a whole, was there by half or not at all
    renamed_s: float | None  #: after which the replaced file was seen; None: not in half a minute
    size_s: float | None  #: after which the grown file was seen with all its bytes
    skew_s: float  #: the storage's clock less that of this host


def between(mine: Look, other: Look) -> list[Finding]:
    """Return what two looks prove, the same on both sides."""
    return [_who(mine, other), _locks(mine, other), _seen(mine, other), _clocks(mine, other)]


def alone(wrong: str | None) -> Finding:
    """Return what two processes of this host proved."""
    if wrong is None:
        return Finding("this host", "ok", "locks keep two processes apart, and a killed one holds nothing")
    return Finding("this host", "bad", f"not proved: {wrong}", _NOT_THIS.format(_NFS), ExitStatus.LEDGER)


def no_lock(message: str, hint: str | None) -> Finding:
    """Return that no lock can be had, or no file be written."""
    return Finding("this host", "bad", f"not proved: {message}", hint or "", ExitStatus.LEDGER)


def nobody(waited_s: float) -> Finding:
    """Return that only this host was there."""
    return Finding(
        "two hosts", "bad", f"nobody came in {waited_s:g} s: of two hosts nothing is proved",
        "Run the same command on the other host while this one waits; --shared-wait waits longer.", ExitStatus.PAUSED,
    )  # fmt: skip


def proved(findings: Sequence[Finding]) -> bool | None:
    """Return whether locks were proved to exclude between two hosts; None: nobody came."""
    if _useless(findings):
        return False
    met = {finding.name: finding.state for finding in findings}
    return met["two hosts"] == "ok" if "locks" in met else None


def verdict(findings: Sequence[Finding]) -> str:
    """Return what is proved, in a line."""
    if _useless(findings):
        return "not proved: do not use this folder for locks"
    return {
        True: "proved: locks in this folder exclude",
        False: "not proved: locks exclude between two processes of this one machine, of two hosts nothing is known",
        None: "nobody came: of two hosts nothing is proved",
    }[proved(findings)]


def _useless(findings: Sequence[Finding]) -> bool:
    return any(finding.status is ExitStatus.LEDGER for finding in findings)


def _signed(seconds: float) -> str:
    return f"{round(seconds, 1) + 0.0:+.1f} s"


def _who(mine: Look, other: Look) -> Finding:
    known = mine.machine is not None or other.machine is not None
    if mine.machine == other.machine and (known or mine.host == other.host):
        remedy = "This proves nothing about two machines: run it on two that share the folder."
        return Finding("two hosts", "warn", f"{mine.host} and {other.host} are one machine", remedy)
    return Finding("two hosts", "ok", f"{mine.host} and {other.host}")


def _locks(mine: Look, other: Look) -> Finding:
    if mine.got or other.got:
        says = "not proved: both had the lock at once, so locks do not exclude"
        return Finding("locks", "bad", says, _NOT_THIS.format(_NFS), ExitStatus.LEDGER)
    if not (mine.freed and other.freed):
        says = "not proved: a lock that was given back was not free for the other"
        return Finding("locks", "bad", says, _NOT_THIS.format(_AGAIN), ExitStatus.LEDGER)
    return Finding("locks", "ok", "proved: each was kept out while the other held the lock, and got it afterwards")


def _seen(mine: Look, other: Look) -> Finding:
    if mine.torn or other.torn:
        says = "not proved: a file that is replaced as a whole was seen by half"
        return Finding("files", "bad", says, _NOT_THIS.format(""), ExitStatus.LEDGER)
    times = (mine.renamed_s, mine.size_s, other.renamed_s, other.size_s)
    known = [seconds for seconds in times if seconds is not None]
    if len(known) < len(times):
        says = "not proved: what one wrote and synced, the other did not see"
        return Finding("files", "bad", says, _NOT_THIS.format(""), ExitStatus.LEDGER)
    slowest = max(known)
    says = f"what one renames or appends and syncs, the other sees whole, within {slowest:.1f} s"
    if slowest > SLOW_S:
        return Finding("files", "warn", says, "Overviews and holders are told late; shorten the caching of attributes.")
    return Finding("files", "ok", says)


def _clocks(mine: Look, other: Look) -> Finding:
    apart = mine.skew_s - other.skew_s
    worst = max(abs(mine.skew_s), abs(other.skew_s))
    says = f"{mine.host} {_signed(mine.skew_s)} and {other.host} {_signed(other.skew_s)} from the storage's clock"
    if max(worst, abs(apart)) > SKEW_S:
        return Finding("clocks", "warn", says, "Let all hosts set their clocks by NTP: processes that come late wait.")
    return Finding("clocks", "ok", says)
