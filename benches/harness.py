"""What the benchmarks have in common: processes that are measured, servers, the table."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target" / "release"
MIB = 1 << 20
GIB = 1 << 30
PAIRS = 5
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}

rows = []


class Run:
    """One process and what it took: wall and CPU in seconds, its largest resident size in bytes."""

    def __init__(self, command, env, stdin=None, stdout=None, cwd=None, expect=(0,)):
        began = time.monotonic()
        child = subprocess.Popen([str(word) for word in command], env=env, stdin=stdin, stdout=stdout, cwd=cwd)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.monotonic() - began
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss * 1024
        self.status = child.returncode
        if self.status not in expect:
            sys.exit(f"{command} ended with {self.status}")


class Server:
    """A server that prints its URL first and serves until it is stopped."""

    def __init__(self, command):
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def row(name, ours, other, limit, unit="", higher_is_better=False):
    ratio = ours / other
    ok = ratio >= limit if higher_is_better else ratio <= limit
    rows.append((name, f"{ours:.2f}{unit}", f"{other:.2f}{unit}", f"{ratio:.2f}",
                 f"{'>=' if higher_is_better else '<='} {limit:.2f}", "yes" if ok else "NO"))
    print("  ".join(rows[-1]), file=sys.stderr, flush=True)


def environment(url, home):
    env = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return env | KEYS | {"AWS_ENDPOINT_URL_GLACIER": url, "HOME": str(home), "XDG_CACHE_HOME": f"{home}/cache"}


def noise_file(path, size):
    """Of the same MiB of noise again and again that the server gives back."""
    subprocess.run([RELEASE / "examples" / "discard_server", "--noise", path], check=True)
    block = path.read_bytes()
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(block)
    return path


def median(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


def glacier(*words):
    return [RELEASE / "glacier", *words]


def bare(*words):
    return [RELEASE / "examples" / "bare_loop", *words]


def print_table():
    """Prints all rows and returns whether each is within its limit."""
    head = ("what", "ours", "other", "ratio", "limit", "ok?")
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    print()
    for line in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    return all(line[-1] == "yes" for line in rows)
