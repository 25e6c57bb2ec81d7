"""What is killed in the middle of a copy leaves nothing lost, and nothing stored twice.

GLACIER_TEST_LONG kills each victim 20 times instead of three.
"""

import os
import signal
import subprocess
import time

import pytest
from conftest import Emulator

COUNT = 50
KILLS = 20 if os.environ.get("GLACIER_TEST_LONG") else 3


@pytest.fixture
def emulator(tmp_path):
    emulator = Emulator(data=tmp_path / "data")
    yield emulator
    emulator.stop()


def processes_below(parent):
    """The ids of a process's children, theirs and so on."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    found, parents = [], {str(parent)}
    while parents:
        children = [row for row in rows if row[1] in parents]
        found += children
        parents = {row[0] for row in children}
    return [(int(row[0]), row[2]) for row in found]


def kill(process):
    """Kills a process, and returns whether it was there."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill_in_the_middle(person, emulator, victim):
    """Returns how many processes were killed while something was copied."""
    before = emulator.requests().get("UploadArchive", 0)
    copy = subprocess.Popen(
        ["git", "annex", "copy", "-J4", "--to", "glacier", "."],
        cwd=person.repository, env=person.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    while copy.poll() is None and emulator.requests().get("UploadArchive", 0) < before + 2:
        time.sleep(0.005)
    assert copy.poll() is None, "the copy was done before anything was killed"
    if victim == "emulator":
        emulator.kill()
        emulator.start()
        killed = 1
    else:
        victims = [process for process, name in processes_below(copy.pid) if name.strip() == victim]
        killed = sum(map(kill, victims))
    try:
        copy.wait(timeout=20)
    except subprocess.TimeoutExpired:
        # git-annex 10.20261026 waits for ever for a remote that speaks ASYNC and is killed while it serves several
        # threads: it does not even collect the dead process. Any such remote has that, as one of 40 lines of Python
        # showed in 6 of 10 kills. Its user would press Ctrl-C.
        assert victim == "git-annex-remot"
        for process, _ in processes_below(copy.pid):
            os.kill(process, signal.SIGTERM)
        copy.kill()
        copy.wait()
    # What was cut off ends with its input.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and remotes_of(person):
        time.sleep(0.05)
    assert not remotes_of(person)
    return killed


def remotes_of(person):
    """The remotes that still run in the repository."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = open(f"/proc/{process}/comm").read()
            if name.startswith("git-annex-remot") and os.readlink(f"/proc/{process}/cwd") == str(person.repository):
                found.append(process)
        except OSError:
            pass
    return found


def take_in_an_inventory(person, emulator, vault):
    """One of some days later, which tells of every upload."""
    emulator.advance(hours=7 * 24)
    person.run("glacier", "vault", "sync", "--max-age=0", vault)
    emulator.advance(hours=5)
    person.does("glacier", "vault", "sync", vault)


@pytest.mark.parametrize("victim", ["git-annex-remot", "git-annex", "emulator"])
def test_a_copy_that_is_killed_is_completed_later(remote, emulator, victim):
    files = 0
    for _ in range(KILLS):
        # Enough that none of the kills comes too late.
        for number in range(files, files + COUNT):
            (remote.repository / f"file {number}").write_bytes(f"content {number}".encode())
        files += COUNT
        remote.does("git", "annex", "add", "--quiet", ".")
        remote.does("git", "commit", "--quiet", "-m", "add")
        assert kill_in_the_middle(remote, emulator, victim) > 0, f"no {victim} was there to be killed"
    # Uploads whose answer was lost are settled by an inventory of some days later.
    vault = remote.does("glacier", "vault", "list").stdout.strip()
    said = remote.run("git", "annex", "copy", "-J4", "--to", "glacier", ".").said
    if "may have stored it" in said:
        take_in_an_inventory(remote, emulator, vault)
    remote.does("git", "annex", "copy", "-J4", "--to", "glacier", ".")
    remote.does("git", "annex", "fsck", "--fast", "--quiet", "--from", "glacier")
    assert remote.does("git", "annex", "find", "--not", "--in", "glacier").stdout == ""
    take_in_an_inventory(remote, emulator, vault)
    listed = remote.does("glacier", "archive", "list", vault).stdout.splitlines()
    assert len(listed) == len(set(listed)) == files
    remote.does("git", "annex", "fsck", "--fast", "--quiet", "--from", "glacier")
