"""`glacier annex prefetch`."""

import sqlite3

NAMES = [f"file {number}" for number in range(3)]


def stores(person):
    for name in NAMES:
        person.adds(name, name.encode())
        person.does("git", "annex", "move", "--to", "glacier", name)


def test_all_that_is_not_here_is_asked_for_in_the_order_of_its_upload(remote, emulator):
    stores(remote)
    first = remote.run("glacier", "annex", "prefetch")
    assert (first.stdout, first.status) == ("", 75)
    assert "queued 3 retrieval jobs, 18 bytes, 0 asked for before; all ready in about 5 hours" in first.stderr
    assert "queued 0 retrieval jobs, 0 bytes, 3 asked for before" in remote.run("glacier", "annex", "prefetch").stderr
    with sqlite3.connect(remote.home / ".cache" / "glacier-cli" / "db") as cache:
        sql = "SELECT name FROM job JOIN archive ON archive.id = job.archive ORDER BY job.requested"
        asked = [row[0] for row in cache.execute(sql)]
    assert asked == [remote.does("git", "annex", "lookupkey", name).stdout.strip() for name in NAMES]
    emulator.advance(hours=4)
    remote.does("git", "annex", "get", ".")
    assert [remote.content(name) for name in NAMES] == [name.encode() for name in NAMES]
    assert emulator.requests()["InitiateJob"] == 3


def test_only_what_matches(remote, emulator):
    stores(remote)
    said = remote.run("glacier", "annex", "prefetch", "--tier", "bulk", "glacier", NAMES[1]).stderr
    assert "queued 1 retrieval jobs" in said and "about 12 hours" in said
    assert "queued 2 retrieval jobs" in remote.run("glacier", "annex", "prefetch", "glacier", "--include=file*").stderr


def test_an_encrypted_remote_is_left_to_git_annex(person):
    person.does("git", "annex", "initremote", "g", "type=external", "externaltype=glacier", "encryption=shared")
    assert "'git annex get --from g' asks for each file" in person.fails("glacier", "annex", "prefetch").stderr


def test_what_the_cache_does_not_know_is_said(remote):
    stores(remote)
    remote.forgets()
    outcome = remote.does("glacier", "annex", "prefetch")
    assert "3 files are not in the cache" in outcome.stderr and "git annex get" in outcome.stderr
