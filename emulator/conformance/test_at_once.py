"""What several clients do at the same moment: each of them is answered as if it were alone, one after the other."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from botocore.utils import calculate_tree_hash
from conftest import MIB

CLIENTS = 6
PARTS = 8
CONTENT = b"".join(bytes([number]) * MIB for number in range(PARTS))


def at_once(calls):
    """What each call returned; all of them begin when the last of them is ready."""
    ready = threading.Barrier(len(calls))

    def run(call):
        ready.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [done.result() for done in [pool.submit(run, call) for call in calls]]


def begin(glacier):
    """An upload all of whose parts are there."""
    upload = glacier.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"]
    for number in range(PARTS):
        send(glacier, upload, number)
    return upload


def send(glacier, upload, number):
    first = number * MIB
    glacier.upload_multipart_part(vaultName="v", uploadId=upload, body=CONTENT[first:first + MIB],
                                  range=f"bytes {first}-{first + MIB - 1}/*")


def complete(glacier, upload):
    checksum = calculate_tree_hash(io.BytesIO(CONTENT))
    done = glacier.complete_multipart_upload(
        vaultName="v", uploadId=upload, archiveSize=str(len(CONTENT)), checksum=checksum)
    return done["archiveId"]


def test_who_repeats_a_completion_while_the_first_runs_gets_the_same_archive(emulator, glacier):
    for _ in range(10):
        upload = begin(glacier)
        assert len(set(at_once([lambda: complete(glacier, upload)] * CLIENTS))) == 1
    assert glacier.describe_vault(vaultName="v")["NumberOfArchives"] == 10


def test_a_part_that_is_sent_again_while_an_upload_is_completed_takes_nothing_away(emulator, glacier):
    def send_again():
        try:
            send(glacier, upload, PARTS - 1)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException", "it was complete before"

    for _ in range(10):
        upload = begin(glacier)
        assert at_once([lambda: complete(glacier, upload), *[send_again] * 3])[0]


def test_every_change_of_tags_counts(emulator, glacier):
    keys = [f"key{number}" for number in range(40)]
    for _ in range(5):
        at_once([lambda key=key: glacier.add_tags_to_vault(vaultName="v", Tags={key: "value"}) for key in keys])
        assert set(glacier.list_tags_for_vault(vaultName="v")["Tags"]) == set(keys)
        at_once([lambda key=key: glacier.remove_tags_from_vault(vaultName="v", TagKeys=[key]) for key in keys])
        assert glacier.list_tags_for_vault(vaultName="v")["Tags"] == {}


@pytest.mark.parametrize("operation, parameters, most", [
    ("purchase_provisioned_capacity", {}, 2), ("initiate_vault_lock", {"vaultName": "v", "policy": {"Policy": "{}"}}, 1)])
def test_no_more_is_given_than_there_is(emulator, glacier, operation, parameters, most):
    def is_given():
        try:
            return bool(getattr(glacier, operation)(**parameters))
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("LimitExceededException", "AccessDeniedException"), error.response
            return False

    for _ in range(20):
        assert sum(at_once([is_given] * 8)) == most
        emulator.advance(31 * 24)  # What was given is over by then.


def test_vaults_that_come_and_go_are_there_or_not(emulator, glacier):
    def come_and_go():
        for _ in range(60):
            glacier.create_vault(vaultName="w")
            glacier.delete_vault(vaultName="w")

    def look():
        for _ in range(60):
            names = [vault["VaultName"] for vault in glacier.list_vaults()["VaultList"]]
            assert names in (["v"], ["v", "w"])
            for call in (glacier.describe_vault, glacier.list_jobs):
                try:
                    call(vaultName="w")
                except ClientError as error:
                    assert error.response["Error"]["Code"] == "ResourceNotFoundException", error.response

    at_once([come_and_go, come_and_go, look, look, look])
