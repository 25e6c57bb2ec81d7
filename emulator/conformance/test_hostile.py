"""Whatever arrives, there is an error answer or a closed connection, and the emulator goes on."""

import hashlib
import random
import socket

import pytest
from test_refusals import send, signed


def talk(emulator, data, end=True):
    """Sends bytes as they are and returns what comes back until the connection ends."""
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=20) as connection:
        try:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer
        except OSError:
            return b""


def head(method, target, headers):
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def test_random_bytes(emulator):
    chance = random.Random(7)
    for size in [0, 1, 2, 10, 100, 1000, 100_000] * 20:
        answer = talk(emulator, chance.randbytes(size))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:80]
    assert emulator.is_up()


def test_requests_with_bytes_changed(emulator):
    chance = random.Random(8)
    good = head("PUT", "/-/vaults/v", signed("PUT", "/-/vaults/v"))
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 5)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        answer = talk(emulator, bytes(bad))
        assert answer == b"" or answer.startswith(b"HTTP/1."), answer[:80]
        assert b"HTTP/1.1 5" not in answer, (bytes(bad), answer)
    assert emulator.is_up()


def test_half_requests_are_given_up(emulator):
    whole = head("PUT", "/-/vaults/v", signed("PUT", "/-/vaults/v"))
    for length in range(0, len(whole) - 1, 7):
        assert not talk(emulator, whole[:length]).startswith(b"HTTP/1.1 2")
    assert emulator.client().list_vaults()["VaultList"] == []


def test_headers_without_end(emulator):
    many = {f"x-{number}": "y" for number in range(10_000)}
    for headers in [many, {"x": "y" * 10_000_000}]:
        answer = talk(emulator, head("GET", "/-/vaults", headers))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:80]
    assert emulator.is_up()


@pytest.mark.parametrize("name", ["%00", "..", "%2e%2e", "..%2f..%2fetc", "%2Fetc%2Fpasswd", "%ff%fe", "%", "%zz", "a%0d%0ab"])
def test_paths_lead_nowhere(start, tmp_path, name):
    emulator = start("--data", str(tmp_path / "data"))
    emulator.client().create_vault(vaultName="v")
    hashed = hashlib.sha256(b"x").hexdigest()
    hashes = {"x_amz_content_sha256": hashed, "x_amz_sha256_tree_hash": hashed}
    for method, path, body, headers in [
        ("PUT", f"/-/vaults/{name}", b"", {}), ("POST", f"/-/vaults/{name}/archives", b"x", hashes),
        ("PUT", f"/-/vaults/v/multipart-uploads/{name}", b"x", hashes), ("GET", f"/-/vaults/v/jobs/{name}/output", b"", {}),
        ("DELETE", f"/-/vaults/v/archives/{name}", b"", {}), ("DELETE", f"/-/vaults/v/multipart-uploads/{name}", b"", {}),
        ("GET", f"/{name}/vaults", b"", {}), ("GET", f"/-/vaults?marker={name}", b"", {}),
    ]:
        signature = {**signed(method, path, body, **headers), "Content-Length": len(body), "Connection": "close"}
        answer = talk(emulator, head(method, path, signature) + body)
        assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 2")), (method, path, answer[:200])
        # Two dots are a name like any other, if they arrive; nothing on the disk is called so.
        assert not answer.startswith(b"HTTP/1.1 201") or name == "%2e%2e", (method, path, answer[:200])
    assert emulator.is_up() and [path.name for path in tmp_path.iterdir()] == ["data"]


def test_bodies_longer_or_shorter_than_announced(emulator, glacier):
    data = b"hello, world"
    hashed = hashlib.sha256(data).hexdigest()
    path = "/-/vaults/v/archives"
    signature = signed("POST", path, data, x_amz_content_sha256=hashed, x_amz_sha256_tree_hash=hashed)
    for announced in [5, 100, 1 << 40]:
        answer = talk(emulator, head("POST", path, {**signature, "Content-Length": announced}) + data)
        assert not answer.startswith(b"HTTP/1.1 2"), (announced, answer)
    for bad in ["-1", "x", "", "12, 13"]:
        answer = talk(emulator, head("POST", path, {**signature, "Content-Length": bad}) + data)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), (bad, answer)
    without = talk(emulator, head("POST", path, {**signature, "Connection": "close"}))
    assert not without.startswith(b"HTTP/1.1 2")
    assert glacier.describe_vault(vaultName="v")["NumberOfArchives"] == 0 and emulator.is_up()


def test_a_body_that_is_too_long_is_read_to_its_end_so_that_the_refusal_arrives(emulator, glacier):
    status, text = send(emulator, "POST", "/-/vaults/v/jobs", {**signed("POST", "/-/vaults/v/jobs")}, b" " * (40 << 20))
    assert status == 400 and "SerializationException" in text
