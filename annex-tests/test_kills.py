"""What is killed in the middle of a copy leaves nothing lost, and nothing stored twice."""

import os
import signal
import subprocess
import time

import pytest

COUNT = 50


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


def kill_in_the_middle(person, emulator, victim, uploads_before):
    copy = subprocess.Popen(
        ["git", "annex", "copy", "-J4", "--to", "glacier", "."],
        cwd=person.repository, env=person.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    while copy.poll() is None and emulator.requests().get("UploadArchive", 0) < uploads_before + 2:
        time.sleep(0.005)
    for process, name in processes_below(copy.pid):
        if name.strip() == victim:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
    try:
        copy.wait(timeout=20)
    except subprocess.TimeoutExpired:
        # git-annex 10.20261026 was seen to stand still when a remote that served several threads was killed: it had
        # started others, which were idle. Its user would press Ctrl-C.
        for process, _ in processes_below(copy.pid):
            os.kill(process, signal.SIGTERM)
        copy.kill()
        copy.wait()
    # What was cut off ends with its input.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and remotes_of(person):
        time.sleep(0.05)
    assert not remotes_of(person)


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


@pytest.mark.parametrize("victim", ["git-annex-remot", "git-annex"])
def test_a_copy_that_is_killed_is_completed_later(remote, emulator, victim):
    for number in range(COUNT):
        (remote.repository / f"file {number}").write_bytes(f"content {number}".encode())
    remote.does("git", "annex", "add", "--quiet", ".")
    remote.does("git", "commit", "--quiet", "-m", "add")
    for _ in range(10):
        kill_in_the_middle(remote, emulator, victim, emulator.requests().get("UploadArchive", 0))
    # Uploads whose answer was lost are settled by an inventory of some days later.
    vault = remote.does("glacier", "vault", "list").stdout.strip()
    said = remote.run("git", "annex", "copy", "-J4", "--to", "glacier", ".").said
    if "may have stored it" in said:
        emulator.advance(hours=5 * 24)
        remote.run("glacier", "vault", "sync", "--max-age=0", vault)
        emulator.advance(hours=5)
        remote.does("glacier", "vault", "sync", vault)
    remote.does("git", "annex", "copy", "-J4", "--to", "glacier", ".")
    remote.does("git", "annex", "fsck", "--fast", "--from", "glacier")
    assert remote.does("git", "annex", "find", "--not", "--in", "glacier").stdout == ""
    emulator.advance(hours=5 * 24)
    remote.run("glacier", "vault", "sync", "--max-age=0", vault)
    emulator.advance(hours=5)
    remote.does("glacier", "vault", "sync", vault)
    listed = remote.does("glacier", "archive", "list", vault).stdout.splitlines()
    assert len(listed) == len(set(listed)) == COUNT
