"""Clients that know nothing of this project, against the emulator: boto3 and the aws command, from PyPI.

`glacier-emulator` is found on PATH. Every test has an emulator of its own.
"""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT = "111122223333"
MIB = 1024 * 1024
HOUR = 3600


class Emulator:
    """A running `glacier-emulator`; `url` is its endpoint."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(["glacier-emulator", *arguments], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the emulator did not start"
        self.port = int(self.url.rsplit(":", 1)[1])

    def client(self, region="us-east-1", key="AKIAIOSFODNN7EXAMPLE",
               secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", attempts=1):
        return boto3.client(
            "glacier", endpoint_url=self.url, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": attempts}, read_timeout=120, max_pool_connections=32),
        )

    def own(self, method, path, body=None):
        """One of the emulator's own calls; the answer as JSON, if there is one."""
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data=body, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def advance(self, hours):
        self.own("POST", f"advance?seconds={hours * HOUR}")

    def faults(self, *faults):
        self.own("DELETE", "faults")
        self.own("POST", "faults", "\n".join(faults).encode())

    def requests(self):
        return self.own("GET", "stats")["requests"]

    def peak_bytes(self):
        """The most memory that it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def is_up(self):
        return self.process.poll() is None and isinstance(self.requests(), dict)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.terminate()
        status = self.process.wait()
        self.process.stdout.close()
        assert status == 0


@pytest.fixture
def start():
    """Starts emulators with the arguments given; they end with the test."""
    started = []

    def start(*arguments):
        started.append(Emulator(*arguments))
        return started[-1]

    yield start
    for emulator in started:
        if emulator.process.poll() is None:
            emulator.stop()


@pytest.fixture
def emulator(start):
    return start("--job-delay", "4h")


@pytest.fixture
def glacier(emulator):
    client = emulator.client()
    client.create_vault(vaultName="v")
    return client


@pytest.fixture
def aws(emulator, tmp_path):
    """Runs `aws glacier` and returns what it printed as JSON, or the outcome if it failed."""
    program = Path(sys.executable).parent / "aws"
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_ENDPOINT_URL_GLACIER": emulator.url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_MAX_ATTEMPTS": "1",
    }

    def aws(operation, *arguments, ok=True):
        command = [str(program), "glacier", operation, "--account-id", "-", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode == 0) == ok, done.stderr
        if not ok:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return aws


def refused(status, code, message, call, **parameters):
    """Asserts how the service refuses a call; `message` is how its words begin."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status, answer
    assert answer["Error"]["Code"] == code, answer
    assert answer["Error"]["Message"].startswith(message), answer


def retrieve(emulator, client, archive, **parameters):
    """Starts a retrieval, lets it end and returns the job's id."""
    parameters = {"Type": "archive-retrieval", "ArchiveId": archive, **parameters}
    job = client.initiate_job(vaultName="v", jobParameters=parameters)["jobId"]
    emulator.advance(4)
    return job


def inventory(emulator, client, **parameters):
    """Starts an inventory, lets it end and returns its bytes and the job as it is described."""
    parameters = {"Type": "inventory-retrieval", **parameters}
    job = client.initiate_job(vaultName="v", jobParameters=parameters)["jobId"]
    emulator.advance(4)
    described = client.describe_job(vaultName="v", jobId=job)
    return client.get_job_output(vaultName="v", jobId=job)["body"].read(), described
