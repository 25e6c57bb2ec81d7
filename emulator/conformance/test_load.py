"""What it takes, and what a loss of power may not take."""

import hashlib
import io
import json
import os
import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import ijson
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import calculate_tree_hash
from conftest import MIB, Emulator

GIB = 1024 * MIB
KILLS = 100


def test_a_gibibyte_in_one_request_and_in_parts_of_16_mib_stays_below_100_mib_of_memory(emulator, glacier, aws, tmp_path):
    piece = random.Random(3).randbytes(16 * MIB)
    with open(tmp_path / "file", "wb") as file:
        for number in range(64):
            file.write(number.to_bytes(8) + piece[8:])
    stored = aws("upload-archive", "--vault-name", "v", "--body", "file")
    upload = glacier.initiate_multipart_upload(vaultName="v", partSize=str(16 * MIB))["uploadId"]

    def send(number):
        first = number * 16 * MIB
        return glacier.upload_multipart_part(vaultName="v", uploadId=upload, body=number.to_bytes(8) + piece[8:],
                                             range=f"bytes {first}-{first + 16 * MIB - 1}/*")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(64)))
    done = glacier.complete_multipart_upload(
        vaultName="v", uploadId=upload, archiveSize=str(GIB), checksum=stored["checksum"])
    assert done["archiveId"]
    print(f"\npeak memory: {emulator.peak_bytes() / MIB:.0f} MiB")
    assert emulator.peak_bytes() < 100 * MIB


def test_a_million_archives_are_listed_in_little_memory(start, tmp_path):
    data = str(tmp_path / "data")
    begun = time.monotonic()
    subprocess.run(["glacier-emulator", "seed", "--data", data, "--vault", "v", "--archives", "1000000"], check=True)
    seeded = time.monotonic() - begun
    emulator = start("--data", data)
    glacier = emulator.client()
    job = glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval"})["jobId"]
    body = glacier.get_job_output(vaultName="v", jobId=job)["body"]
    ids = set()
    for row in ijson.items(body, "ArchiveList.item"):
        ids.add(hash(row["ArchiveId"]))
    assert len(ids) > 999_990
    assert glacier.describe_vault(vaultName="v")["NumberOfArchives"] == 1_000_000
    print(f"\nseeded in {seeded:.0f} s, peak memory: {emulator.peak_bytes() / MIB:.0f} MiB")
    assert emulator.peak_bytes() < 200 * MIB


class Load:
    """What several clients do at once, and what of it was acknowledged."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.lock = threading.Lock()
        self.stored, self.deleted, self.begun = {}, set(), {}

    def run(self, glacier, seed, over):
        chance = random.Random(seed)
        while not over.is_set():
            try:
                self.step(glacier, chance)
            except (BotoCoreError, ClientError):
                if over.wait(0.01):
                    return

    def step(self, glacier, chance):
        what = chance.random()
        if what < 0.2 and self.stored:
            with self.lock:
                archive = chance.choice(list(self.stored))
                del self.stored[archive]
            glacier.delete_archive(vaultName="v", archiveId=archive)
            self.deleted.add(archive)
        elif what < 0.6:
            data = chance.randbytes(chance.randint(1, 200_000))
            self.keep(data, glacier.upload_archive(vaultName="v", body=data)["archiveId"])
        elif what < 0.9:
            data = chance.randbytes(MIB + chance.randint(1, MIB))
            upload = glacier.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"]
            with self.lock:
                self.begun[upload] = (data, set())
            self.go_on(glacier, upload)
        else:
            glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval"})

    def go_on(self, glacier, upload):
        """Sends the parts that were not acknowledged yet and completes."""
        data, sent = self.begun[upload]
        for first in range(0, len(data), MIB):
            if first not in sent:
                part = data[first:first + MIB]
                glacier.upload_multipart_part(vaultName="v", uploadId=upload, body=part,
                                              range=f"bytes {first}-{first + len(part) - 1}/*")
                sent.add(first)
        done = glacier.complete_multipart_upload(vaultName="v", uploadId=upload, archiveSize=str(len(data)),
                                                 checksum=calculate_tree_hash(io.BytesIO(data)))
        with self.lock:
            del self.begun[upload]
        self.keep(data, done["archiveId"])

    def go_on_with_all(self, glacier):
        """What was acknowledged of an unfinished upload is there, and the rest can follow. One whose completion was on
        its way may be complete."""
        for upload, (data, sent) in list(self.begun.items()):
            try:
                parts = glacier.list_parts(vaultName="v", uploadId=upload)["Parts"]
                assert {int(part["RangeInBytes"].split("-")[0]) for part in parts} >= sent
            except glacier.exceptions.ResourceNotFoundException:
                assert len(sent) == -(-len(data) // MIB)
            self.go_on(glacier, upload)

    def keep(self, data, archive):
        with self.lock:
            assert archive not in self.stored
            self.stored[archive] = hashlib.sha256(data).hexdigest()


def listed(glacier):
    """The archives of the vault, with their tree hashes."""
    job = glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval"})["jobId"]
    rows = json.load(glacier.get_job_output(vaultName="v", jobId=job)["body"])["ArchiveList"]
    return {row["ArchiveId"]: row["SHA256TreeHash"] for row in rows}


def retrieved(glacier, archive):
    job = glacier.initiate_job(vaultName="v", jobParameters={"Type": "archive-retrieval", "ArchiveId": archive})["jobId"]
    return glacier.get_job_output(vaultName="v", jobId=job)["body"].read()


def check(glacier, stored):
    for archive, digest in stored.items():
        assert hashlib.sha256(retrieved(glacier, archive)).hexdigest() == digest


def test_a_kill_at_any_moment_takes_nothing_that_was_acknowledged(tmp_path):
    seed = int(os.environ.get("SEED", "11"))
    load, data = Load(seed), str(tmp_path / "data")
    acknowledged, resumed, known = 0, 0, set()
    emulator = Emulator("--data", data)
    glacier = emulator.client()
    glacier.create_vault(vaultName="v")
    for kill in range(KILLS):
        over = threading.Event()
        threads = [threading.Thread(target=load.run, args=(glacier, hash((seed, kill, number)), over)) for number in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(load.chance.uniform(0.02, 0.4))
        emulator.kill()
        over.set()
        for thread in threads:
            thread.join()
        emulator = Emulator("--data", data)
        glacier = emulator.client()
        there = listed(glacier)
        assert set(load.stored) <= set(there), f"lost after kill {kill}"
        assert not load.deleted & set(there), f"back after kill {kill}"
        acknowledged += len(set(load.stored) - known)
        for archive in set(there) - known:
            content = retrieved(glacier, archive)
            assert calculate_tree_hash(io.BytesIO(content)) == there[archive], "whole, or not there at all"
            assert hashlib.sha256(content).hexdigest() == load.stored.get(archive, hashlib.sha256(content).hexdigest())
        resumed += len(load.begun)
        load.go_on_with_all(glacier)
        known = set(listed(glacier))
    check(glacier, load.stored)
    emulator.stop()
    print(f"\n{KILLS} kills, {acknowledged} archives acknowledged, {resumed} uploads gone on with, {len(load.stored)} kept to the end")
    assert acknowledged > KILLS and resumed > 0
    assert {path.name for path in (tmp_path / "data" / "archives").iterdir()} >= set(load.stored)
