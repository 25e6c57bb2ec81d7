"""Real git-annex against the emulator: a repository, a cache and a home of its own for each test.

The programs are found on PATH: git, git-annex, glacier, git-annex-remote-glacier, glacier-emulator.
"""

import os
import re
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

HOUR = 3600


@dataclass
class Outcome:
    stdout: str
    stderr: str
    status: int

    @property
    def said(self):
        return self.stdout + self.stderr


class Emulator:
    """A local Glacier whose jobs take four hours, and whose clock can be pushed."""

    def __init__(self, job_delay="4h", data=None):
        self.command = ["glacier-emulator", "--job-delay", job_delay]
        if data:
            self.command += ["--data", str(data)]
        self.url = None
        self.persons = []
        self.start()

    def start(self):
        """Starts it, at the same address as before if it was killed."""
        address = ["--listen", self.url.removeprefix("http://")] if self.url else []
        self.process = subprocess.Popen([*self.command, *address], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def advance(self, hours):
        request = urllib.request.Request(f"{self.url}/_emulator/advance?seconds={hours * HOUR}", method="POST")
        urllib.request.urlopen(request).close()

    def requests(self):
        import json

        with urllib.request.urlopen(f"{self.url}/_emulator/stats") as answer:
            return json.load(answer)["requests"]

    def stop(self):
        for person in self.persons:
            # The agents that encryption has started would outlive the test.
            person.run("gpgconf", "--kill", "all")
        self.process.terminate()
        assert self.process.wait() == 0


class Person:
    """Someone at a shell, with a home and a git-annex repository."""

    def __init__(self, emulator, home, clone_of=None):
        self.emulator = emulator
        emulator.persons.append(self)
        self.home = home
        self.repository = home / "repository"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@example.com",
            "AWS_ENDPOINT_URL_GLACIER": emulator.url,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.repository.mkdir(parents=True)
        if clone_of:
            self.does("git", "clone", "--quiet", str(clone_of.repository), ".")
        else:
            self.does("git", "init", "--quiet")
        self.does("git", "annex", "init", "--quiet")

    def run(self, *command):
        done = subprocess.run(
            command, cwd=self.repository, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="surrogateescape",
        )
        return Outcome(done.stdout, done.stderr, done.returncode)

    def does(self, *command):
        outcome = self.run(*command)
        assert outcome.status == 0, f"{command}: {outcome}"
        return outcome

    def fails(self, *command):
        outcome = self.run(*command)
        assert outcome.status != 0, f"{command}: {outcome}"
        return outcome

    def adds(self, name, content):
        (self.repository / name).write_bytes(content)
        self.does("git", "annex", "add", "--quiet", name)
        self.does("git", "commit", "--quiet", "-m", f"add {name}")

    def enables(self, name):
        """Enables a remote that another clone has made; newer versions of git-annex want a word of trust."""
        self.does("git", "annex", "enableremote", name)
        asked = re.search(r"verifyremote \S+ --safe \S+", self.run("git", "annex", "verifyremote", name).stdout)
        if asked:
            self.does("git", "annex", *asked[0].split())

    def forgets(self):
        """Loses the cache."""
        shutil.rmtree(self.home / ".cache" / "glacier-cli")

    def content(self, name):
        return (self.repository / name).read_bytes()

    def has(self, name):
        return (self.repository / name).exists()


@pytest.fixture
def emulator():
    emulator = Emulator()
    yield emulator
    emulator.stop()


@pytest.fixture
def quick_emulator():
    """Whose jobs are finished at once."""
    emulator = Emulator(job_delay="0s")
    yield emulator
    emulator.stop()


@pytest.fixture
def remote(person):
    person.does("git", "annex", "initremote", "glacier", "type=external", "externaltype=glacier", "encryption=none")
    return person


@pytest.fixture
def person(emulator, tmp_path: Path):
    yield Person(emulator, tmp_path / "home")
    subprocess.run(["chmod", "-R", "u+w", str(tmp_path)], check=True)
