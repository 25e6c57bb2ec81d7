"""What an interrupted `git annex get` leaves is git-annex's own partial file, which it goes on with or removes."""

import os
import random
import signal
import subprocess
import time

import pytest
from conftest import Person
from test_kills import processes_below

MIB = 1 << 20
RANGE = 8 * MIB
SIZE = 12 * RANGE
CONTENT = random.Random(7).randbytes(SIZE)


@pytest.fixture
def emulator(quick_emulator):
    return quick_emulator


@pytest.fixture
def person(emulator, tmp_path):
    """Someone with a file in Glacier and in another remote. With WORM nobody would notice what is wrong in it."""
    person = Person(emulator, tmp_path / "home")
    (tmp_path / "elsewhere").mkdir()
    person.does("git", "config", "annex.backend", "WORM")
    person.does("git", "config", "annex.security.allow-unverified-downloads", "ACKTHPPT")
    person.does("git", "annex", "initremote", "cold", "type=external", "externaltype=glacier", "encryption=none")
    person.does("git", "annex", "initremote", "elsewhere", "type=directory", f"directory={tmp_path / 'elsewhere'}",
                "encryption=none")
    person.adds("big", CONTENT)
    person.does("git", "annex", "copy", "--to", "cold", "big")
    person.does("git", "annex", "move", "--to", "elsewhere", "big")
    yield person
    subprocess.run(["chmod", "-R", "u+w", str(tmp_path)], check=True)


def temporary(person):
    directory = person.repository / ".git" / "annex" / "tmp"
    return sorted(directory.iterdir()) if directory.exists() else []


def interrupts_a_get(person):
    """Kills git-annex and the remote when some of the file has come, and returns how much."""
    key = person.does("git", "annex", "lookupkey", "big").stdout.strip()
    person.does("git", "annex", "enableremote", "cold", "bwlimit=24M")
    assert person.run("git", "annex", "get", "--from", "cold", "big").status != 0, "there was no job of it"
    get = subprocess.Popen(
        ["git", "annex", "get", "--from", "cold", "big"], cwd=person.repository, env=person.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    path = person.repository / ".git" / "annex" / "tmp" / key
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and get.poll() is None and not (path.exists() and path.stat().st_size > 16 * MIB):
        time.sleep(0.005)
    for process in [get.pid] + [process for process, _ in processes_below(get.pid)]:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass
    get.wait()
    assert [file.name for file in temporary(person)] == [key]
    there = path.read_bytes()
    assert 16 * MIB < len(there) < SIZE and CONTENT.startswith(there)
    return len(there)


def test_it_goes_on(person, emulator):
    here = interrupts_a_get(person)
    before = emulator.requests()["GetJobOutput"]
    person.does("git", "annex", "get", "--from", "cold", "big")
    assert emulator.requests()["GetJobOutput"] - before == SIZE // RANGE - here // RANGE
    assert person.content("big") == CONTENT
    assert temporary(person) == []


def test_another_remote_goes_on_with_it(person):
    interrupts_a_get(person)
    person.does("git", "annex", "get", "--from", "elsewhere", "big")
    assert person.content("big") == CONTENT
    assert temporary(person) == []


def test_it_is_listed_as_unused_and_can_be_dropped(person):
    interrupts_a_get(person)
    assert "partially transferred data" in person.does("git", "annex", "unused").stdout
    person.does("git", "annex", "dropunused", "all", "--force")
    assert temporary(person) == []
