"""Settings and credentials of a remote."""

import pytest
from conftest import Person

INIT = ("git", "annex", "initremote", "g", "type=external", "externaltype=glacier")
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def without_keys(person):
    keys = {name: person.environment.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    return keys


def test_keys_of_the_environment_are_kept(person):
    person.does(*INIT, "encryption=none")
    person.adds("file", b"x")
    without_keys(person)
    person.does("git", "annex", "copy", "--to", "g", "file")
    info = person.does("git", "annex", "info", "g").stdout
    assert "credentials: kept by git-annex" in info
    assert SECRET not in info and "AKIA" not in info
    assert SECRET not in person.does("git", "show", "git-annex:remote.log").stdout


def test_keys_can_be_embedded_for_other_clones(person, emulator, tmp_path):
    person.does(*INIT, "encryption=shared", "embedcreds=yes")
    person.adds("file", b"x")
    person.does("git", "annex", "move", "--to", "g", "file")
    assert SECRET not in person.does("git", "show", "git-annex:remote.log").stdout
    clone = Person(emulator, tmp_path / "other", clone_of=person)
    without_keys(clone)
    clone.enables("g")
    assert "queued retrieval job" in clone.fails("git", "annex", "get", "file").said


def test_the_log_of_the_remote_has_requests_and_no_secret(person, emulator, tmp_path):
    """At its finest, with keys that git-annex keeps and embeds, and the conversation that git-annex shows left out."""
    person.environment["GLACIER_LOG"] = "trace"
    said = [person.does(*INIT, "encryption=shared", "embedcreds=yes").said]
    person.adds("file", b"x")
    said.append(person.does("git", "annex", "copy", "--to", "g", "file").said)
    assert "debug: UploadArchive: HTTP status 201, request id " in said[-1]
    without_keys(person)
    person.does("git", "annex", "drop", "file")
    said.append(person.fails("git", "annex", "get", "file").said)
    assert "debug: InitiateJob: HTTP status 202, request id " in said[-1]
    clone = Person(emulator, tmp_path / "other", clone_of=person)
    clone.enables("g")
    clone.environment |= {"GLACIER_LOG": "trace", "AWS_SECRET_ACCESS_KEY": "wrong/secret"}
    said.append(clone.fails("git", "annex", "get", "file").said)
    said.append(clone.fails("git", "annex", "move", "--from", "g", "file").said)
    for text in said:
        assert "git-annex-remote-glacier[" in text
        assert SECRET not in text and "wrong/secret" not in text and "Signature=" not in text


def test_a_profile_is_preferred(person):
    (person.home / ".aws").mkdir()
    (person.home / ".aws" / "credentials").write_text(
        f"[cold]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n"
    )
    person.environment["AWS_ACCESS_KEY_ID"] = "AKIANOBODY"
    person.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    assert "refused these credentials" in person.fails(*INIT, "encryption=none").said
    person.does(*INIT, "encryption=none", "profile=cold")
    person.adds("file", b"x")
    person.does("git", "annex", "copy", "--to", "g", "file")
    assert "credentials: profile cold" in person.does("git", "annex", "info", "g").stdout


def test_the_endpoint_is_a_setting(person, emulator):
    del person.environment["AWS_ENDPOINT_URL_GLACIER"]
    person.does(*INIT, "encryption=none", f"endpoint={emulator.url}")
    person.adds("file", b"x")
    person.does("git", "annex", "copy", "--to", "g", "file")
    assert emulator.requests()["UploadArchive"] == 1


def test_a_secret_in_the_url_is_not_said(person, emulator):
    said = person.fails(*INIT, "encryption=none", "endpoint=http://user:TOPSECRET@127.0.0.1:9").said
    assert "must not name a user" in said and "TOPSECRET" not in said


@pytest.mark.parametrize("setting", ["tier=slow", "wait=maybe", "maxage=old", "bwlimit=none", "endpoint=ftp://x"])
def test_a_setting_that_makes_no_sense_is_refused(person, emulator, setting):
    said = person.fails(*INIT, "encryption=none", setting).said
    name, value = setting.split("=")
    assert f"{name}='{value}'" in said
    assert "CreateVault" not in emulator.requests()


def test_the_tier_of_the_remote_and_that_of_the_machine(person):
    person.does(*INIT, "encryption=none", "tier=Bulk")
    for name, tier, setting in (("one", "Bulk", None), ("two", "Expedited", "expedited")):
        person.adds(name, name.encode())
        person.does("git", "annex", "move", "--to", "g", name)
        if setting:
            person.does("git", "config", "remote.g.glacier-tier", setting)
        said = person.fails("git", "annex", "get", name).said
        assert f"{tier}: ready by about 20" in said and "run the same command again" in said


def test_chunks_are_allowed_with_a_word_of_warning(person, emulator):
    assert "a retrieval job of its own" in person.does(*INIT, "encryption=none", "chunk=1KiB").said
    person.adds("file", b"x" * 2500)
    person.does("git", "annex", "move", "--to", "g", "file")
    assert emulator.requests()["UploadArchive"] == 3


def test_a_key_that_no_description_holds(person, emulator):
    person.does(*INIT, "encryption=none", "fileprefix=p-")
    # Extensions of files become part of keys, as they are.
    person.adds("file.mü", b"x")
    person.does("git", "annex", "move", "--to", "g", "file.mü")
    vault = person.does("glacier", "vault", "list").stdout.strip()
    assert person.does("glacier", "archive", "list", vault).stdout.startswith("p-%SHA256E-s1--")
    person.fails("git", "annex", "get", "file.mü")
    emulator.advance(hours=4)
    person.does("git", "annex", "get", "file.mü")
    assert person.content("file.mü") == b"x"


def test_removing_what_is_young_is_told_of_once(person):
    person.does(*INIT, "encryption=none")
    for name in ("one", "two"):
        person.adds(name, name.encode())
    person.does("git", "annex", "copy", "--to", "g", ".")
    said = person.does("git", "annex", "drop", "--from", "g", ".").said
    assert said.count("at least 90 days") == 1
