"""`glacier annex prefetch`."""

import os
import sqlite3
import subprocess

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


def test_alternatives_reach_no_further_than_what_can_be_asked_for(remote):
    """An --or took in files that are here, or not there."""
    stores(remote)
    remote.adds("only here", b"x")
    either = ["--include=only*", "--or", f"--include={NAMES[0]}", "--or", f"--include={NAMES[1]}"]
    dry = remote.run("glacier", "annex", "prefetch", "--dry-run", "glacier", *either)
    assert dry.stdout == f"6\t{NAMES[0]}\n6\t{NAMES[1]}\n"
    said = remote.run("glacier", "annex", "prefetch", "glacier", *either).stderr
    assert "queued 2 retrieval jobs" in said and "nothing of" not in said


def test_the_tier_of_the_remote_counts_before_that_of_the_configuration_file(remote):
    """A remote that was set to Standard was taken for one that was not set."""
    stores(remote)
    configuration = remote.home / ".config" / "glacier-cli"
    configuration.mkdir(parents=True)
    (configuration / "config.toml").write_text("tier = 'bulk'\n")
    prefetch = ("glacier", "annex", "prefetch", "glacier")
    assert "about 12 hours" in remote.run(*prefetch, NAMES[0]).stderr
    remote.does("git", "config", "remote.glacier.glacier-tier", "Standard")
    assert "about 5 hours" in remote.run(*prefetch, NAMES[1]).stderr


def test_what_git_annex_does_not_know_is_told_of_in_a_line(remote):
    said = remote.run("glacier", "annex", "prefetch", "glacier", "--no-such-option")
    assert said.status == 1 and said.stderr.count("\n") == 1 and "no-such-option" in said.stderr


def test_an_encrypted_remote(person, emulator):
    person.does("git", "annex", "initremote", "glacier", "type=external", "externaltype=glacier", "encryption=shared")
    stores(person)
    assert "queued 3 retrieval jobs, 18 bytes, 0 asked" in person.run("glacier", "annex", "prefetch").stderr
    assert "queued 0 retrieval jobs, 0 bytes, 3 asked" in person.run("glacier", "annex", "prefetch").stderr
    emulator.advance(hours=4)
    # What is ready is not brought.
    assert "queued 0 retrieval jobs, 0 bytes, 3 asked" in person.run("glacier", "annex", "prefetch").stderr
    assert not any(person.has(name) for name in NAMES)
    person.does("git", "annex", "get", ".")
    assert emulator.requests()["InitiateJob"] == 3


def test_what_only_the_repository_knows_is_asked_for(remote):
    stores(remote)
    remote.forgets()
    assert "queued 3 retrieval jobs" in remote.run("glacier", "annex", "prefetch").stderr


def test_what_has_expired_is_asked_for_again(remote, emulator):
    stores(remote)
    assert "queued 3 retrieval jobs" in remote.run("glacier", "annex", "prefetch").stderr
    emulator.advance(hours=30)
    assert "queued 3 retrieval jobs" in remote.run("glacier", "annex", "prefetch").stderr


def test_another_region_and_the_credentials_that_git_annex_keeps(person, emulator):
    person.does(
        "git", "annex", "initremote", "glacier", "type=external", "externaltype=glacier", "encryption=none",
        "region=eu-west-1",
    )
    stores(person)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del person.environment[name]
    assert "queued 3 retrieval jobs" in person.run("glacier", "annex", "prefetch").stderr


def test_what_cannot_be_asked_for_is_said(remote):
    stores(remote)
    remote.forgets()
    # As if it had been stored by the built-in remote: nothing is kept of it.
    uuid = remote.does("git", "config", "remote.glacier.annex-uuid").stdout.strip()
    remote.adds("other", b"other")
    other = remote.does("git", "annex", "lookupkey", "other").stdout.strip()
    remote.does("git", "annex", "drop", "--force", "other")
    remote.does("git", "annex", "setpresentkey", other, uuid, "1")
    outcome = remote.fails("glacier", "annex", "prefetch")
    assert "queued 3 retrieval jobs" in outcome.stderr
    assert f"1 files could not be asked for, such as 'other': archive '{other}' not found" in outcome.stderr


def test_files_of_any_name(remote):
    for name in ("a b", "ü", "'", "-dash"):
        (remote.repository / name).write_bytes(name.encode())
    remote.does("git", "annex", "add", "--quiet", ".")
    remote.does("git", "commit", "--quiet", "-m", "add")
    remote.does("git", "annex", "move", "--to", "glacier", ".")
    assert "queued 4 retrieval jobs" in remote.run("glacier", "annex", "prefetch").stderr


def test_all_chunks_are_asked_for_at_once(person, emulator):
    person.does("git", "annex", "initremote", "glacier", "type=external", "externaltype=glacier", "encryption=none",
                "chunk=1KiB")
    person.adds("file", bytes(range(256)) * 20)
    person.does("git", "annex", "move", "--to", "glacier", "file")
    # The names of the others are known from the repository alone.
    person.forgets()
    assert person.run("git", "annex", "get", "file").status != 0
    assert emulator.requests()["InitiateJob"] == 5
    assert "1 asked for before" in person.run("glacier", "annex", "prefetch").stderr
    emulator.advance(hours=4)
    person.does("git", "annex", "get", "file")
    assert person.content("file") == bytes(range(256)) * 20
    assert emulator.requests()["InitiateJob"] == 5


def test_names_of_any_bytes(remote):
    """git-annex was asked for files by the names that it had written as text, and said nothing of some of them."""
    names = [b"new\nline", b"\xff\xfe", b"tab\t", b"-rf"]
    directory = os.fsencode(remote.repository)
    for name in names:
        with open(os.path.join(directory, name), "wb") as file:
            file.write(name)
    remote.does("git", "annex", "add", "--quiet", ".")
    remote.does("git", "commit", "--quiet", "-m", "add")
    remote.does("git", "annex", "move", "--to", "glacier", ".")
    dry = subprocess.run(
        ["glacier", "annex", "prefetch", "--dry-run"], cwd=directory, env=remote.environment, capture_output=True
    )
    assert all(name + b"\n" in dry.stdout for name in names), dry.stdout
    only = remote.run("glacier", "annex", "prefetch", "glacier", "--", "-rf")
    assert (only.status, only.stderr.count("\n")) == (75, 1) and "queued 1 retrieval jobs, 3 bytes, 0" in only.stderr
    # git-annex 10.20261026 passes over a path that is no UTF-8, and finds everything.
    bytes_only = subprocess.run(
        ["glacier", "annex", "prefetch", "glacier", b"\xff\xfe"], cwd=directory, env=remote.environment, capture_output=True
    )
    assert bytes_only.returncode == 1 and bytes_only.stderr.count(b"\n") == 1 and b"is no UTF-8" in bytes_only.stderr
    two_lines = ("glacier", "annex", "prefetch", "glacier", "new\nline")
    assert "queued 1 retrieval jobs, 8 bytes, 0 asked" in remote.run(*two_lines).stderr
    among_options = ("glacier", "annex", "prefetch", "glacier", "--include=*", "--", "-rf")
    assert "queued 0 retrieval jobs, 0 bytes, 1 asked" in remote.run(*among_options).stderr
    all_of_them = remote.run("glacier", "annex", "prefetch")
    assert (all_of_them.status, all_of_them.stderr.count("\n")) == (75, 1), all_of_them
    assert "queued 2 retrieval jobs, 6 bytes, 2 asked for before" in all_of_them.stderr


def test_a_wrong_remote_or_path_is_told_of_in_a_line(remote):
    stores(remote)
    for arguments, said in [
        (["nosuch"], "glacier: 'nosuch' is no remote of type=external externaltype=glacier\n"),
        (["glacier", "no such"], "glacier: 'git annex find' failed: pathspec 'no such' did not match any file(s) known to git"),
        (["glacier", "--", "--nosuch"], "glacier: 'git annex find' failed: pathspec './--nosuch' did not match"),
    ]:
        outcome = remote.run("glacier", "annex", "prefetch", *arguments)
        assert (outcome.stdout, outcome.status, outcome.stderr.count("\n")) == ("", 1, 1), outcome
        assert outcome.stderr.startswith(said), outcome
