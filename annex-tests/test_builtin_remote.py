"""git-annex's own `type=glacier` remote, which runs our `glacier`."""


def test_the_builtin_remote_works(person, emulator):
    person.does("git", "annex", "initremote", "g", "type=glacier", "encryption=none")
    person.adds("file", b"by the old way\n")
    person.does("git", "annex", "copy", "--to", "g", "file")
    # git-annex never trusts this remote to have a file, so that it must be told to drop the last other copy.
    person.does("git", "annex", "drop", "--force", "file")
    assert not person.has("file")
    first = person.fails("git", "annex", "get", "--from", "g", "file")
    assert "glacier: queued retrieval job for archive 'SHA256E-s15--" in first.said
    emulator.advance(hours=4)
    person.does("git", "annex", "get", "--from", "g", "file")
    assert person.content("file") == b"by the old way\n"
    person.does("git", "annex", "drop", "--from", "g", "file")
    assert emulator.requests()["DeleteArchive"] == 1


def test_the_compatibility_test_fails_as_git_annex_wants(person):
    assert person.fails("glacier", "--compatibility-test-git-annex").stdout == ""


def test_both_kinds_of_remote_serve_the_same_files(person, emulator):
    person.does("git", "annex", "initremote", "old", "type=glacier", "encryption=none", "vault=shared")
    person.adds("file", b"stored by the one\n")
    person.does("git", "annex", "move", "--to", "old", "file")
    person.does(
        "git", "annex", "initremote", "new", "--sameas=old", "type=external", "externaltype=glacier", "vault=shared"
    )
    person.fails("git", "annex", "get", "--from", "new", "file")
    emulator.advance(hours=4)
    person.does("git", "annex", "get", "--from", "new", "file")
    assert person.content("file") == b"stored by the one\n"
