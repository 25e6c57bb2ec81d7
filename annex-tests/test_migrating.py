"""docs/git-annex-migrating.md, word for word: its commands are run as they stand there."""

import re
import shlex
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent.parent / "docs" / "git-annex-migrating.md"


def commands(**values):
    """The commands of the guide in order, with the values for what stands in capitals."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    for line in "".join(blocks).splitlines():
        yield [values.get(word) or re.sub(r"[A-Z]{3,}", lambda name: values.get(name[0], name[0]), word)
               for word in shlex.split(line)]


@pytest.mark.parametrize("encryption", ["none", "shared"])
def test_the_guide(person, emulator, encryption):
    person.does("git", "annex", "initremote", "old", "type=glacier", f"encryption={encryption}", "datacenter=eu-west-1")
    person.adds("file", b"stored long ago\n")
    person.does("git", "annex", "move", "--to", "old", "file")
    uuid = person.does("git", "config", "remote.old.annex-uuid").stdout.strip()
    # The machine that moves over has lost its cache.
    person.forgets()
    emulator.advance(hours=100)
    values = {"VAULT": f"old-{uuid}", "REGION": "eu-west-1", "FILE": "file"}
    for command in commands(**values):
        if command[0] == "glacier":
            assert person.run(*command).status == 75
            emulator.advance(hours=4)
        if "get" in command:
            assert "queued retrieval job" in person.fails(*command).said
            emulator.advance(hours=4)
        person.does(*command)
    assert person.content("file") == b"stored long ago\n"
    assert emulator.requests()["UploadArchive"] == 1
    assert person.does("git", "config", "remote.old.annex-ignore").stdout.strip() == "true"
