"""git-annex's own test of a remote. Encryption has to be tried by making the remote with it.

With GLACIER_TEST_LONG it is also run in full, over 100,000 requests, on the newest git-annex.
"""

import os
import re
import subprocess

import pytest
from conftest import Person

GPG_KEY = "%no-protection\nKey-Type: RSA\nKey-Length: 2048\nSubkey-Type: RSA\nName-Real: test\n%commit\n"


@pytest.fixture
def quick_person(quick_emulator, tmp_path):
    # A short path: gpg's agent listens on a socket in it.
    return Person(quick_emulator, tmp_path / "h")


@pytest.mark.parametrize("encryption", ["none", "shared", "hybrid"])
def test_testremote(quick_person, encryption):
    settings = [f"encryption={encryption}"]
    if encryption == "hybrid":
        quick_person.environment["GNUPGHOME"] = str(quick_person.home / "gpg")
        (quick_person.home / "gpg").mkdir(mode=0o700)
        (quick_person.home / "parameters").write_text(GPG_KEY)
        quick_person.does("gpg", "--batch", "--quiet", "--gen-key", str(quick_person.home / "parameters"))
        settings.append("keyid=test")
    quick_person.does(
        "git", "annex", "initremote", "g", "type=external", "externaltype=glacier", "wait=yes", *settings
    )
    said = quick_person.does("git", "annex", "testremote", "--fast", "g").said
    count = re.search(r"All (\d+) tests passed", said)
    print(f"{encryption}: {count[0] if count else said[-300:]}")
    assert count and int(count[1]) > 50


def is_newest():
    """Debian's of 2023 has fewer tests, which are run by --fast alike."""
    version = subprocess.run(["git-annex", "version", "--raw"], capture_output=True, text=True, check=True).stdout
    return not version.startswith("10.2023")


@pytest.mark.skipif(not os.environ.get("GLACIER_TEST_LONG") or not is_newest(), reason="takes a quarter of an hour")
def test_testremote_in_full(quick_person):
    settings = ["type=external", "externaltype=glacier", "wait=yes", "encryption=none"]
    quick_person.does("git", "annex", "initremote", "g", *settings)
    said = quick_person.does("git", "annex", "testremote", "g").said
    count = re.search(r"All (\d+) tests passed", said)
    print(count[0] if count else said[-300:])
    assert count and int(count[1]) > 500
