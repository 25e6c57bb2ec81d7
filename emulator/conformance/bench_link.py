"""How exact --latency and --bandwidth are: the time that transfers took, over the time that they should take.

Run with `glacier-emulator` on PATH; uploads are discarded, so that no disk is measured.
"""

import hashlib
import http.client
import sys
import time

from conftest import MIB, Emulator
from test_archives import content, tree_hash
from test_refusals import signed

FRAME_BYTES = 1400


def upload(connection, data):
    hashes = {"x_amz_content_sha256": hashlib.sha256(data).hexdigest(), "x_amz_sha256_tree_hash": tree_hash(data)}
    headers = {**signed("POST", "/-/vaults/v/archives", data, **hashes), "Content-Length": str(len(data))}
    begun = time.monotonic()
    connection.putrequest("POST", "/-/vaults/v/archives", skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    for first in range(0, len(data), FRAME_BYTES):
        connection.sock.sendall(data[first:first + FRAME_BYTES])
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 201
    return time.monotonic() - begun


def download(connection, path, size):
    headers = signed("GET", path)
    begun = time.monotonic()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200 and len(answer.read()) == size
    return time.monotonic() - begun


def main(latency_ms=50, bytes_per_second=10 * MIB, repeats=5):
    for size in [MIB // 2, 4 * MIB, 16 * MIB]:
        expected, data = latency_ms / 1000 + size / bytes_per_second, content(size)
        link = ["--latency", f"{latency_ms}ms", "--bandwidth", str(bytes_per_second)]
        emulator = Emulator(*link, "--discard")
        emulator.client().create_vault(vaultName="v")
        connection = http.client.HTTPConnection("127.0.0.1", emulator.port)
        up = [upload(connection, data) / expected for _ in range(repeats)]
        emulator.stop()
        emulator = Emulator(*link)
        glacier = emulator.client()
        glacier.create_vault(vaultName="v")
        archive = glacier.upload_archive(vaultName="v", body=data)["archiveId"]
        start = {"Type": "archive-retrieval", "ArchiveId": archive}
        job = glacier.initiate_job(vaultName="v", jobParameters=start)["jobId"]
        connection = http.client.HTTPConnection("127.0.0.1", emulator.port)
        down = [download(connection, f"/-/vaults/v/jobs/{job}/output", size) / expected for _ in range(repeats)]
        emulator.stop()
        print(f"{size / MIB:5.1f} MiB, {latency_ms} ms, {bytes_per_second / MIB:g} MiB/s: up",
              *(f"{ratio:.3f}" for ratio in up), "down", *(f"{ratio:.3f}" for ratio in down))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
