"""What /proc tells of processes."""

import re
import time
from pathlib import Path
from typing import Final

WAIT_S: Final = 120.0


def children(pid: int) -> set[int]:
    """Return the child processes of a process; none where it is gone."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return {int(one) for task in tasks for one in (task / "children").read_text().split()}
    except OSError:
        return set()


def below(pid: int) -> set[int]:
    """Return the processes below one, at any depth."""
    found: set[int] = set()
    wave = [pid]
    while wave:
        new = children(wave.pop()) - found
        found |= new
        wave += new
    return found


def family(pid: int) -> set[int]:
    """Return a process and those below it."""
    return {pid, *below(pid)}


def gone(pids: set[int]) -> None:
    """Return when none of the processes is left."""
    until = time.monotonic() + WAIT_S
    while left := [pid for pid in pids if there(pid)]:
        assert time.monotonic() < until, f"still there: {left}"
        time.sleep(0.05)  # grandchildren cannot be waited for


def there(pid: int) -> bool:
    """Return whether a process is there and is not only waited for by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def command_line(pid: int) -> list[str]:
    """Return the words of a process; none where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def environment(pid: int) -> list[bytes]:
    """Return what a process was given as it was begun."""
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def fields(pid: int, *names: str) -> dict[str, str]:
    """Return lines of a process's status."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: told[name].strip() for name in names}


def open_files(pid: int) -> dict[int, str]:
    """Return what a process has open, by descriptor, without the numbers of pipes and sockets."""
    names = {int(path.name): str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    return {number: re.sub(r"\[\d+\]", "", name) for number, name in sorted(names.items())}


def holds(pid: int, text: bytes) -> bool:
    """Return whether some memory of a process that it can write to holds `text`."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            if "rw" not in rights:
                continue
            begin, end = (int(bound, 16) for bound in area.split("-"))
            try:
                memory.seek(begin)
                if text in memory.read(end - begin):
                    return True
            except OSError:  # an area of devices
                continue
    return False
