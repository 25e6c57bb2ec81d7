"""`git annex initremote NAME type=external externaltype=glacier`."""

import os
import re
import sqlite3

QUEUED = "queued retrieval job for archive"
PENDING = "job still pending for archive"


def test_the_story_of_the_original_with_git_annex(remote, emulator):
    remote.adds("example-content", b"42\n")
    remote.does("git", "annex", "copy", "--to", "glacier", "example-content")
    remote.does("git", "annex", "drop", "example-content")
    assert not remote.has("example-content")

    first = remote.fails("git", "annex", "get", "--from", "glacier", "example-content")
    assert f"{QUEUED} 'SHA256E-s3--" in first.said
    second = remote.fails("git", "annex", "get", "--from", "glacier", "example-content")
    assert PENDING in second.said
    assert not remote.has("example-content")
    emulator.advance(hours=4)
    remote.does("git", "annex", "get", "--from", "glacier", "example-content")
    assert remote.content("example-content") == b"42\n"
    assert emulator.requests()["InitiateJob"] == 1
    assert emulator.requests()["UploadArchive"] == 1


def test_a_file_in_parts_comes_back_byte_for_byte(remote, emulator):
    content = os.urandom(40 * 2**20 + 12345)
    remote.adds("a large file", content)
    remote.does("git", "annex", "move", "--to", "glacier", "a large file")
    assert emulator.requests()["UploadMultipartPart"] == 3
    assert QUEUED in remote.fails("git", "annex", "get", "a large file").said
    emulator.advance(hours=4)
    remote.does("git", "annex", "get", "a large file")
    assert remote.content("a large file") == content


def test_what_git_annex_stored_shows_in_glacier(remote):
    remote.adds("file", b"shared")
    remote.does("git", "annex", "copy", "--to", "glacier", "file")
    vault = remote.does("glacier", "vault", "list").stdout.strip()
    uuid = remote.does("git", "config", "remote.glacier.annex-uuid").stdout.strip()
    assert vault == f"glacier-{uuid}"
    key = remote.does("git", "annex", "lookupkey", "file").stdout
    assert remote.does("glacier", "archive", "list", vault).stdout == key


def test_a_second_copy_is_not_stored(remote, emulator):
    remote.adds("file", b"once")
    for _ in range(2):
        remote.does("git", "annex", "copy", "--to", "glacier", "file")
    # git-annex forgets where the file is; the remote does not.
    uuid = remote.does("git", "config", "remote.glacier.annex-uuid").stdout.strip()
    key = remote.does("git", "annex", "lookupkey", "file").stdout.strip()
    remote.does("git", "annex", "setpresentkey", key, uuid, "0")
    remote.does("git", "annex", "copy", "--to", "glacier", "file")
    assert emulator.requests()["UploadArchive"] == 1


def test_a_copy_after_61_hours_waits_for_an_inventory(remote, emulator):
    remote.adds("file", b"once")
    remote.does("git", "annex", "copy", "--to", "glacier", "file")
    with sqlite3.connect(remote.home / ".cache" / "glacier-cli" / "db") as cache:
        cache.execute("UPDATE archive SET created_here = created_here - 61 * 3600")
    uuid = remote.does("git", "config", "remote.glacier.annex-uuid").stdout.strip()
    key = remote.does("git", "annex", "lookupkey", "file").stdout.strip()
    remote.does("git", "annex", "setpresentkey", key, uuid, "0")
    for _ in range(2):
        said = remote.fails("git", "annex", "copy", "--to", "glacier", "file").said
        assert "an inventory has been asked for, ready by about 20" in said
    assert emulator.requests()["InitiateJob"] == 1
    emulator.advance(hours=4)
    remote.does("git", "annex", "copy", "--to", "glacier", "file")
    remote.does("git", "annex", "drop", "file")
    assert emulator.requests()["UploadArchive"] == 1


def test_one_process_serves_all_threads(remote):
    for number in range(4):
        remote.adds(f"file {number}", str(number).encode())
    log = remote.does("git", "annex", "--debug", "copy", "-J4", "--to", "glacier", ".").stderr
    assert "ASYNC" in log
    assert len(set(re.findall(r"git-annex-remote-glacier\[\d+\] --> VERSION", log))) == 1


def test_fsck_whereis_info_and_drop(remote, emulator):
    remote.adds("file", b"content")
    remote.does("git", "annex", "copy", "--to", "glacier", "file")
    remote.does("git", "annex", "fsck", "--fast", "--from", "glacier")
    assert "id:" in remote.does("git", "annex", "whereis", "file").stdout
    assert "account: 111122223333" in remote.does("git", "annex", "info", "glacier").stdout
    remote.does("git", "annex", "drop", "--from", "glacier", "file")
    assert emulator.requests()["DeleteArchive"] == 1
    assert "not present" not in remote.does("git", "annex", "fsck", "--fast", "--from", "glacier").said


def test_enableremote_changes_nothing(remote, emulator):
    before = emulator.requests()["CreateVault"]
    remote.does("git", "annex", "enableremote", "glacier")
    assert emulator.requests()["CreateVault"] == before


def test_settings_are_kept(person, emulator):
    person.does(
        "git", "annex", "initremote", "g", "type=external", "externaltype=glacier", "encryption=none",
        "vault=my.vault", "datacenter=eu-west-1", "fileprefix=annex-",
    )
    person.adds("file", b"x")
    person.does("git", "annex", "copy", "--to", "g", "file")
    key = person.does("git", "annex", "lookupkey", "file").stdout
    listed = person.does("glacier", "--region=eu-west-1", "archive", "list", "my.vault").stdout
    assert listed == f"annex-{key}"


def test_encrypted_content_comes_back(person, emulator):
    person.does("git", "annex", "initremote", "g", "type=external", "externaltype=glacier", "encryption=shared")
    person.adds("file", b"secret")
    person.does("git", "annex", "move", "--to", "g", "file")
    assert f"{QUEUED} 'GPGHMACSHA1--" in person.fails("git", "annex", "get", "file").said
    emulator.advance(hours=4)
    person.does("git", "annex", "get", "file")
    assert person.content("file") == b"secret"


def test_an_empty_file_is_kept_without_an_archive(remote, emulator):
    remote.adds("empty", b"")
    remote.does("git", "annex", "move", "--to", "glacier", "empty")
    assert not remote.has("empty")
    remote.does("git", "annex", "fsck", "--fast", "--from", "glacier")
    remote.does("git", "annex", "get", "empty")
    assert remote.content("empty") == b""
    remote.does("git", "annex", "drop", "--from", "glacier", "empty")
    assert "UploadArchive" not in emulator.requests()


def test_without_credentials_initremote_says_what_to_set(person, emulator):
    del person.environment["AWS_ACCESS_KEY_ID"]
    said = person.fails("git", "annex", "initremote", "g", "type=external", "externaltype=glacier", "encryption=none").said
    assert "no AWS credentials found" in said
    assert "CreateVault" not in emulator.requests()


def test_files_of_one_get_in_several_threads(remote, emulator):
    for number in range(6):
        remote.adds(f"file {number}", os.urandom(1000 + number))
    contents = [remote.content(f"file {number}") for number in range(6)]
    remote.does("git", "annex", "move", "-J3", "--to", "glacier", ".")
    remote.fails("git", "annex", "get", "-J3", ".")
    emulator.advance(hours=4)
    remote.does("git", "annex", "get", "-J3", ".")
    assert [remote.content(f"file {number}") for number in range(6)] == contents
    assert emulator.requests()["InitiateJob"] == 6
    assert emulator.requests()["UploadArchive"] == 6
