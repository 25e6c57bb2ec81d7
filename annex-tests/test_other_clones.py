"""Any clone of a repository can bring files back: what is kept of a key in the git-annex branch is enough."""

import pytest
from conftest import Person

NAMES = [f"file {number}" for number in range(4)]


@pytest.fixture
def stored(remote):
    for name in NAMES:
        remote.adds(name, name.encode())
    remote.does("git", "annex", "move", "--to", "glacier", ".")
    return remote


def gets_everything(clone, emulator):
    clone.fails("git", "annex", "get", ".")
    assert emulator.requests()["InitiateJob"] == len(NAMES)
    emulator.advance(hours=4)
    clone.does("git", "annex", "get", ".")
    assert [clone.content(name) for name in NAMES] == [name.encode() for name in NAMES]
    assert emulator.requests()["InitiateJob"] == len(NAMES), "no inventory was asked for"


def test_a_clone_without_a_cache_gets_everything(stored, emulator, tmp_path):
    clone = Person(emulator, tmp_path / "other", clone_of=stored)
    clone.enables("glacier")
    gets_everything(clone, emulator)


def test_a_machine_that_lost_its_cache_gets_everything(stored, emulator):
    stored.forgets()
    gets_everything(stored, emulator)


def test_a_copy_from_another_clone_stores_nothing_twice(remote, emulator, tmp_path):
    remote.adds("file", b"once")
    clone = Person(emulator, tmp_path / "other", clone_of=remote)
    clone.does("git", "annex", "get", "file")
    remote.does("git", "annex", "copy", "--to", "glacier", "file")
    clone.does("git", "fetch", "--quiet")
    clone.does("git", "annex", "merge", "--quiet")
    clone.enables("glacier")
    clone.does("git", "annex", "copy", "--to", "glacier", "file")
    # By what the repository keeps alone, without git-annex's own record of where the file is.
    uuid = clone.does("git", "config", "remote.glacier.annex-uuid").stdout.strip()
    key = clone.does("git", "annex", "lookupkey", "file").stdout.strip()
    clone.does("git", "annex", "setpresentkey", key, uuid, "0")
    clone.does("git", "annex", "copy", "--to", "glacier", "file")
    assert emulator.requests()["UploadArchive"] == 1


def test_what_another_clone_removed_is_stored_again(remote, emulator, tmp_path):
    remote.adds("file", b"twice")
    remote.does("git", "annex", "copy", "--to", "glacier", "file")
    clone = Person(emulator, tmp_path / "other", clone_of=remote)
    clone.enables("glacier")
    clone.does("git", "annex", "get", "--from", "origin", "file")
    clone.does("git", "annex", "drop", "--from", "glacier", "file")
    assert emulator.requests()["DeleteArchive"] == 1
    clone.does("git", "annex", "copy", "--to", "glacier", "file")
    assert emulator.requests()["UploadArchive"] == 2


def test_the_whereis_of_a_clone_needs_no_network(stored, emulator, tmp_path):
    clone = Person(emulator, tmp_path / "other", clone_of=stored)
    clone.enables("glacier")
    before = sum(emulator.requests().values())
    said = clone.does("git", "annex", "whereis", NAMES[0]).stdout
    assert "id:" in said and "stored 20" in said
    assert sum(emulator.requests().values()) <= before + 1, "whose the key is may be asked once"
