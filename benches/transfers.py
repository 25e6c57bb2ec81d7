"""Transfers against a bare loop over the SDK, on servers that store nothing."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

from harness import GIB, MIB, PAIRS, RELEASE, Run, Server, bare, environment, glacier, median, noise_file, row

PART_BYTES, RANGE_BYTES, JOBS = 16 * MIB, 8 * MIB, 8


def upload(scratch):
    file = noise_file(scratch / "file", GIB)
    with Server([RELEASE / "examples" / "discard_server"]) as server:
        env = environment(server.url, scratch)
        ours, loop, aws = [], [], []
        has_aws = shutil.which("aws") is not None
        for turn in range(PAIRS + 1):
            ours.append(Run(glacier("archive", "upload", "v", file, "--name", f"n{turn}"), env))
            loop.append(Run(bare("upload", file, PART_BYTES, JOBS), env))
            if has_aws and turn <= 2:
                with open(os.devnull, "w") as nowhere:
                    command = ["aws", "glacier", "upload-archive", "--account-id", "-", "--vault-name", "v", "--body", file]
                    aws.append(Run(command, env, stdout=nowhere))
        # The first of each reads the file from the disk.
        ours, loop = ours[1:], loop[1:]
        row("upload 1 GiB, wall s, bare SDK loop", median(ours, "wall"), median(loop, "wall"), 1.10)
        row("upload 1 GiB, CPU s, bare SDK loop", median(ours, "cpu"), median(loop, "cpu"), 1.15)
        if has_aws:
            row("upload 1 GiB, wall s, aws upload-archive", median(ours, "wall"), median(aws[1:], "wall"), 1 / 3)


def download(scratch):
    file = noise_file(scratch / "file", GIB)
    with Server([RELEASE / "examples" / "discard_server"]) as server:
        env = environment(server.url, scratch)
        Run(glacier("archive", "upload", "v", file, "--name", "n"), env)
        ours, loop = [], []
        for _ in range(PAIRS + 1):
            for name in ("ours", "loop"):
                (scratch / name).unlink(missing_ok=True)
            ours.append(Run(glacier("archive", "retrieve", "v", "n", "-o", scratch / "ours"), env))
            loop.append(Run(bare("download", scratch / "loop", GIB, RANGE_BYTES, JOBS), env))
        subprocess.run(["cmp", file, scratch / "ours"], check=True)
        ours, loop = ours[1:], loop[1:]
        row("download 1 GiB, wall s, bare SDK loop", median(ours, "wall"), median(loop, "wall"), 1.15)
        row("download 1 GiB, CPU s, bare SDK loop", median(ours, "cpu"), median(loop, "cpu"), 1.15)


def memory(scratch):
    size = 8 * GIB
    file = noise_file(scratch / "file", size)
    with Server([RELEASE / "examples" / "discard_server"]) as server:
        env = environment(server.url, scratch)
        limit = 256.0

        # The server names archives by their size, so the second name is the one that stays.
        def peak(name, run):
            row(f"memory, {name} 8 GiB, MiB", run.peak / MIB, limit, 1.0)

        peak("upload file", Run(glacier("archive", "upload", "v", file, "--name", "n"), env))
        # A pipe, not a file that is open as standard input.
        with subprocess.Popen(["cat", file], stdout=subprocess.PIPE) as cat:
            run = Run(glacier("archive", "upload", "v", "-", "--name", "piped"), env, stdin=cat.stdout)
        peak("upload pipe", run)
        file.unlink()
        peak("download file", Run(glacier("archive", "retrieve", "v", "piped", "-o", scratch / "out"), env))
        (scratch / "out").unlink()
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as cat:
            run = Run(glacier("archive", "retrieve", "v", "piped", "-o-"), env, stdout=cat.stdin)
            cat.stdin.close()
        peak("download pipe", run)


def link(scratch):
    file = noise_file(scratch / "file", GIB)
    with Server([RELEASE / "examples" / "discard_server", "--link", 50, 10 * MIB]) as server:
        env = environment(server.url, scratch)
        for name, jobs, flags in (("default", JOBS, []), ("jobs 4", 4, ["--jobs", 4])):
            up = Run(glacier("archive", "upload", "v", file, "--name", name, *flags), env)
            down = Run(glacier("archive", "retrieve", "v", name, "-o", scratch / "out", *flags), env)
            for what, run in (("upload", up), ("download", down)):
                rate = GIB / MIB / run.wall
                row(f"50 ms and 10 MiB/s a connection, {what}, {name}, MiB/s", rate, 10 * jobs, 0.9, higher_is_better=True)


def many(scratch):
    count = 1000
    names = [f"small-{number}" for number in range(count)]
    with Server([RELEASE / "glacier-emulator"]) as server:
        env = environment(server.url, scratch)
        Run(glacier("vault", "create", "v"), env)
        work = scratch / "work"
        work.mkdir()
        began = time.monotonic()

        def store(part):
            for name in part:
                (work / name).write_bytes(name.encode().ljust(1024, b"."))
                Run(glacier("archive", "upload", "v", work / name), env)

        threads = [threading.Thread(target=store, args=(names[start::2],)) for start in range(2)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(f"  {count} uploads by a process each took {time.monotonic() - began:.1f} s", file=sys.stderr)
        shutil.rmtree(work)
        work.mkdir()
        began = time.monotonic()
        with open(os.devnull, "w") as nowhere:
            child = subprocess.run(glacier("archive", "retrieve", "v", "--wait", *names), env=env, cwd=work,
                                   stderr=nowhere, check=True)
        print(f"  one retrieve of {count} names took {time.monotonic() - began:.1f} s", file=sys.stderr)
        right = sum((work / name).read_bytes() == name.encode().ljust(1024, b".") for name in names)
        row("1,000 small files, that came back right", right, count, 1.0, higher_is_better=True)
        counts = json.load(urllib.request.urlopen(f"{server.url}/_emulator/stats"))["requests"]
        print(f"  {counts}", file=sys.stderr)
        uploads = sum(counts.get(name, 0) for name in
                      ("UploadArchive", "InitiateMultipartUpload", "UploadMultipartPart", "CompleteMultipartUpload"))
        row("1,000 small files, requests for upload", uploads, count, 1.0)
        row("1,000 small files, InitiateJob", counts["InitiateJob"], count, 1.0)
        row("1,000 small files, GetJobOutput", counts["GetJobOutput"], count, 1.0)
