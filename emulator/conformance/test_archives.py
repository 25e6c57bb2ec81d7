"""Archives, uploads in parts, jobs and inventories, by boto3."""

import csv
import hashlib
import io
import json
import random

import pytest
from botocore.utils import calculate_tree_hash
from conftest import ACCOUNT, MIB, inventory, refused, retrieve

ARN = f"arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/v"
INVALID = "InvalidParameterValueException"


def content(size, seed=0):
    return random.Random(seed).randbytes(size)


def tree_hash(data):
    return calculate_tree_hash(io.BytesIO(data))


def upload(glacier, data, part_size, order=None, **more):
    started = glacier.initiate_multipart_upload(vaultName="v", partSize=str(part_size), **more)
    assert started["location"] == f"/{ACCOUNT}/vaults/v/multipart-uploads/{started['uploadId']}"
    firsts = list(range(0, len(data), part_size))
    for first in order(firsts) if order else firsts:
        send(glacier, started["uploadId"], data[first:first + part_size], first)
    return started["uploadId"]


def send(glacier, upload_id, part, first):
    sent = glacier.upload_multipart_part(
        vaultName="v", uploadId=upload_id, body=part, range=f"bytes {first}-{first + len(part) - 1}/*")
    assert sent["checksum"] == tree_hash(part)


def complete(glacier, upload_id, data):
    return glacier.complete_multipart_upload(
        vaultName="v", uploadId=upload_id, archiveSize=str(len(data)), checksum=tree_hash(data))


@pytest.mark.parametrize("size", [1, 1000, MIB - 1, MIB, MIB + 1, 3 * MIB + 5])
def test_what_goes_in_comes_back(emulator, glacier, size):
    data = content(size)
    stored = glacier.upload_archive(vaultName="v", archiveDescription='a "b" \\c  d', body=data)
    assert stored["checksum"] == tree_hash(data)
    assert stored["location"] == f"/{ACCOUNT}/vaults/v/archives/{stored['archiveId']}"
    job = retrieve(emulator, glacier, stored["archiveId"], Description="mine")
    described = glacier.describe_job(vaultName="v", jobId=job)
    assert (described["StatusCode"], described["Completed"], described["StatusMessage"]) == ("Succeeded", True, "Succeeded")
    assert described["SHA256TreeHash"] == described["ArchiveSHA256TreeHash"] == tree_hash(data)
    assert (described["ArchiveSizeInBytes"], described["RetrievalByteRange"]) == (size, f"0-{size - 1}")
    assert (described["JobDescription"], described["Tier"], described["VaultARN"]) == ("mine", "Standard", ARN)
    output = glacier.get_job_output(vaultName="v", jobId=job)
    assert output["body"].read() == data
    assert (output["status"], output["checksum"], output["acceptRanges"]) == (200, tree_hash(data), "bytes")
    assert output["contentType"] == "application/octet-stream"
    assert output["archiveDescription"].split() == ["a", '"b"', "\\c", "d"]


def test_every_range_has_the_hash_that_it_should_have(emulator, glacier):
    data = content(13 * MIB // 2)
    job = retrieve(emulator, glacier, glacier.upload_archive(vaultName="v", body=data)["archiveId"])
    get = glacier.get_job_output
    nodes = {(0, 1), (0, 2), (0, 4), (0, 7), (1, 2), (2, 3), (2, 4), (3, 4), (4, 5), (4, 6), (4, 7), (5, 6), (6, 7)}
    for first in range(7):
        for last in range(first + 1, 8):
            end = min(last * MIB, len(data))
            output = get(vaultName="v", jobId=job, range=f"bytes={first * MIB}-{end - 1}")
            part = output["body"].read()
            assert part == data[first * MIB:end] and output["status"] == 206
            assert output["contentRange"] == f"bytes {first * MIB}-{end - 1}/{len(data)}"
            assert output.get("checksum") == (tree_hash(part) if (first, last) in nodes else None), (first, last)
    beyond = get(vaultName="v", jobId=job, range=f"bytes={6 * MIB}-{9 * MIB}")
    assert beyond["body"].read() == data[6 * MIB:]
    assert get(vaultName="v", jobId=job, range="bytes 0-9")["body"].read() == data, "malformed: passed over"
    refused(400, INVALID, "The start of the range is larger than size of retrieved data: bytes=6815744-6815745",
            get, vaultName="v", jobId=job, range=f"bytes={len(data)}-{len(data) + 1}")


def test_a_job_for_a_range_knows_the_hash_only_of_nodes(emulator, glacier):
    data = content(5 * MIB)
    archive = glacier.upload_archive(vaultName="v", body=data)["archiveId"]
    node = retrieve(emulator, glacier, archive, RetrievalByteRange=f"{2 * MIB}-{4 * MIB - 1}")
    described = glacier.describe_job(vaultName="v", jobId=node)
    assert described["ArchiveSizeInBytes"] == len(data)
    output = glacier.get_job_output(vaultName="v", jobId=node)
    assert output["body"].read() == data[2 * MIB:4 * MIB]
    assert output["checksum"] == described["SHA256TreeHash"] == tree_hash(data[2 * MIB:4 * MIB])
    part = glacier.get_job_output(vaultName="v", jobId=node, range=f"bytes={MIB}-{2 * MIB - 1}")
    assert part["checksum"] == tree_hash(data[3 * MIB:4 * MIB])
    aligned = retrieve(emulator, glacier, archive, RetrievalByteRange=f"{MIB}-{3 * MIB - 1}")
    assert glacier.describe_job(vaultName="v", jobId=aligned).get("SHA256TreeHash") is None
    assert "checksum" not in glacier.get_job_output(vaultName="v", jobId=aligned)
    assert "checksum" not in glacier.get_job_output(vaultName="v", jobId=aligned, range=f"bytes=0-{MIB - 1}")
    for bad in ["1-1048575", f"0-{MIB}", f"0-{5 * MIB}", "5-2", "x"]:
        refused(400, INVALID, "", retrieve, emulator=emulator, client=glacier, archive=archive, RetrievalByteRange=bad)


def test_parts_in_any_order_make_the_archive(emulator, glacier):
    data = content(9 * MIB + 7)
    upload_id = upload(glacier, data, 2 * MIB, order=reversed, archiveDescription="parts")
    listed = glacier.list_parts(vaultName="v", uploadId=upload_id)
    assert (listed["PartSizeInBytes"], listed["ArchiveDescription"], listed["VaultARN"]) == (2 * MIB, "parts", ARN)
    assert [part["RangeInBytes"] for part in listed["Parts"]] == [
        f"{first}-{min(first + 2 * MIB, len(data)) - 1}" for first in range(0, len(data), 2 * MIB)]
    assert listed["Parts"][0]["SHA256TreeHash"] == tree_hash(data[:2 * MIB])
    in_progress = glacier.list_multipart_uploads(vaultName="v")["UploadsList"]
    assert [one["MultipartUploadId"] for one in in_progress] == [upload_id]
    done = complete(glacier, upload_id, data)
    assert complete(glacier, upload_id, data)["archiveId"] == done["archiveId"]
    job = retrieve(emulator, glacier, done["archiveId"])
    assert glacier.get_job_output(vaultName="v", jobId=job)["body"].read() == data
    unknown = f"The upload ID was not found: {upload_id}"
    refused(404, "ResourceNotFoundException", unknown, glacier.list_parts, vaultName="v", uploadId=upload_id)
    refused(404, "ResourceNotFoundException", unknown, glacier.abort_multipart_upload, vaultName="v", uploadId=upload_id)


def test_an_upload_is_completed_only_when_it_is_whole(emulator, glacier):
    data = content(3 * MIB)
    upload_id = glacier.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"]
    finish = {"vaultName": "v", "uploadId": upload_id, "checksum": tree_hash(data), "archiveSize": str(len(data))}
    refused(400, INVALID, "", glacier.complete_multipart_upload, **finish)
    send(glacier, upload_id, data[:MIB], 0)
    send(glacier, upload_id, data[2 * MIB:], 2 * MIB)
    refused(400, INVALID, "", glacier.complete_multipart_upload, **finish)
    send(glacier, upload_id, b"short", MIB)
    refused(400, INVALID, "", glacier.complete_multipart_upload, **finish)
    send(glacier, upload_id, data[MIB:2 * MIB], MIB)
    refused(400, INVALID, "Invalid x-amz-sha256-tree-hash: ", glacier.complete_multipart_upload,
            **{**finish, "checksum": "0" * 64})
    refused(400, INVALID, "", glacier.complete_multipart_upload, **{**finish, "archiveSize": "1"})
    assert glacier.complete_multipart_upload(**finish)["archiveId"]


def test_parts_must_fit(glacier):
    for bad in ["0", "1048575", "3145728", str(8 << 30), "", "x"]:
        refused(400, INVALID, f"Invalid part size: {bad}. Part size must not be null, must be a power of two and be between "
                "1048576 and 4294967296 bytes.", glacier.initiate_multipart_upload, vaultName="v", partSize=bad)
    for exponent in range(20, 33):
        glacier.initiate_multipart_upload(vaultName="v", partSize=str(1 << exponent))
    upload_id = glacier.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"]
    part = {"vaultName": "v", "uploadId": upload_id}
    send_raw = glacier.upload_multipart_part
    refused(400, INVALID, "Invalid Content-Range: bytes 9-5/*", send_raw, **part, body=b"x", range="bytes 9-5/*")
    refused(400, INVALID, "", send_raw, **part, body=b"x", range="bytes 1-1/*")
    refused(400, INVALID, "", send_raw, **part, body=b"x" * (MIB + 1), range=f"bytes 0-{MIB}/*")
    refused(400, INVALID, "Content-Range: bytes 0-4/* is incompatible with Content-Length: 3", send_raw, **part,
            body=b"abc", range="bytes 0-4/*")
    refused(400, INVALID, "Checksum mismatch: expected 0000", send_raw, **part, body=b"x", range="bytes 0-0/*", checksum="0" * 64)
    last = 9_999 * MIB
    send(glacier, upload_id, b"x", last)
    refused(400, INVALID, "", send_raw, **part, body=b"x", range=f"bytes {last + MIB}-{last + MIB}/*")
    refused(404, "ResourceNotFoundException", "The upload ID was not found: none", send_raw, vaultName="v", uploadId="none",
            body=b"x", range="bytes 0-0/*")


def test_an_upload_is_given_up_or_forgotten(emulator, glacier):
    ids = [glacier.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"] for _ in range(120)]
    pages = list(glacier.get_paginator("list_multipart_uploads").paginate(vaultName="v"))
    assert [len(page["UploadsList"]) for page in pages] == [50, 50, 20]
    assert {one["MultipartUploadId"] for page in pages for one in page["UploadsList"]} == set(ids)
    glacier.abort_multipart_upload(vaultName="v", uploadId=ids[0])
    refused(404, "ResourceNotFoundException", "The upload ID", glacier.list_parts, vaultName="v", uploadId=ids[0])
    emulator.advance(20)
    send(glacier, ids[1], b"still here", 0)
    emulator.advance(20)
    left = glacier.list_multipart_uploads(vaultName="v")["UploadsList"]
    assert [one["MultipartUploadId"] for one in left] == [ids[1]], "the others were idle for over a day"
    parts = glacier.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"]
    for number in range(60):
        send(glacier, parts, b"x", number * MIB)
    pages = list(glacier.get_paginator("list_parts").paginate(vaultName="v", uploadId=parts))
    assert [len(page["Parts"]) for page in pages] == [50, 10]


def test_uploads_are_checked(glacier):
    put = glacier.upload_archive
    refused(400, INVALID, "Invalid Content-Length: 0", put, vaultName="v", body=b"")
    refused(400, INVALID, "Checksum mismatch: expected 0000", put, vaultName="v", body=b"x", checksum="0" * 64)
    refused(400, INVALID, "", put, vaultName="v", body=b"x", archiveDescription="x" * 1025)
    refused(404, "ResourceNotFoundException", f"Vault not found for ARN: {ARN[:-1]}none", put, vaultName="none", body=b"x")
    assert put(vaultName="v", body=b"x", archiveDescription="x" * 1024)["archiveId"]


def test_archives_are_deleted_once_and_for_all(emulator, glacier):
    glacier.create_vault(vaultName="other")
    archive = glacier.upload_archive(vaultName="v", body=b"x")["archiveId"]
    job = retrieve(emulator, glacier, archive)
    refused(400, INVALID, f"Invalid vault name: {ARN[:-1]}other", glacier.delete_archive, vaultName="other", archiveId=archive)
    refused(404, "ResourceNotFoundException", "", glacier.delete_archive, vaultName="v", archiveId="garbage")
    for _ in range(2):
        glacier.delete_archive(vaultName="v", archiveId=archive)
    assert glacier.get_job_output(vaultName="v", jobId=job)["body"].read() == b"x", "its finished job is not touched"
    late = retrieve(emulator, glacier, archive)
    assert glacier.describe_job(vaultName="v", jobId=late)["StatusCode"] == "Failed", "just deleted: accepted, then failed"
    refused(400, INVALID, f"The job is not currently available for download: {late}", glacier.get_job_output, vaultName="v",
            jobId=late)
    emulator.advance(24)
    refused(404, "ResourceNotFoundException", f"The archive ID was not found: {archive}", retrieve, emulator=emulator,
            client=glacier, archive=archive)


def test_jobs_come_in_pages_and_by_state(emulator, glacier):
    archive = glacier.upload_archive(vaultName="v", body=b"x")["archiveId"]
    start = {"Type": "archive-retrieval", "ArchiveId": archive}
    old = [glacier.initiate_job(vaultName="v", jobParameters=start)["jobId"] for _ in range(60)]
    emulator.advance(4)
    new = [glacier.initiate_job(vaultName="v", jobParameters=start)["jobId"] for _ in range(60)]
    emulator.faults("fail-job")
    failing = glacier.initiate_job(vaultName="v", jobParameters=start)["jobId"]
    emulator.faults()

    def listed(**filters):
        pages = glacier.get_paginator("list_jobs").paginate(vaultName="v", **filters)
        return [job["JobId"] for page in pages for job in page["JobList"]]

    assert listed() == [failing, *reversed(new), *reversed(old)]
    assert listed(completed="true") == listed(statuscode="Succeeded") == old[::-1]
    assert len(listed(completed="false")) == 61 and listed(completed="false", statuscode="Succeeded") == []
    refused(400, INVALID, "The job status code is not valid: finished", glacier.list_jobs, vaultName="v", statuscode="finished")
    emulator.advance(4)
    assert listed(statuscode="Failed") == [failing]
    failed = glacier.describe_job(vaultName="v", jobId=failing)
    assert (failed["Completed"], failed["StatusCode"]) == (True, "Failed")
    refused(400, INVALID, "The job is not currently available", glacier.get_job_output, vaultName="v", jobId=failing)
    emulator.advance(21)
    assert len(listed()) == 61, "what was finished a day ago is forgotten"
    refused(404, "ResourceNotFoundException", f"The job ID was not found: {old[0]}", glacier.describe_job, vaultName="v",
            jobId=old[0])
    refused(404, "ResourceNotFoundException", "The job ID was not found", glacier.get_job_output, vaultName="v", jobId=old[0])


def test_what_makes_no_sense_as_a_job_is_refused(emulator, glacier):
    archive = glacier.upload_archive(vaultName="v", body=b"x")["archiveId"]

    def start(**parameters):
        return glacier.initiate_job(vaultName="v", jobParameters=parameters)

    refused(400, "MissingParameterValueException", "Required parameter missing: type", start)
    refused(400, INVALID, "", start, Type="select", ArchiveId=archive, Tier="Standard")
    refused(400, "MissingParameterValueException", "", start, Type="archive-retrieval")
    refused(400, INVALID, "", start, Type="archive-retrieval", ArchiveId=archive, Tier="Slow")
    refused(400, INVALID, "", start, Type="archive-retrieval", ArchiveId=archive, Description="ä")
    refused(400, INVALID, "", start, Type="archive-retrieval", ArchiveId=archive, Description="x" * 1025)
    refused(404, "ResourceNotFoundException", "The archive ID was not found: /tmp/x", start, Type="archive-retrieval",
            ArchiveId="/tmp/x")
    refused(400, INVALID, "", start, Type="inventory-retrieval", Format="XML")
    refused(400, INVALID, "", start, Type="inventory-retrieval", Tier="Slow")
    for bad in [{"Limit": "0"}, {"Limit": "x"}, {"StartDate": "yesterday"}, {"Marker": "x"}]:
        refused(400, INVALID, "", start, Type="inventory-retrieval", InventoryRetrievalParameters=bad)
    assert glacier.list_jobs(vaultName="v")["JobList"] == []


def test_tiers_take_their_time(start):
    emulator = start("--job-delay", "standard=4h,bulk=8h,expedited=3m,inventory=5h")
    glacier = emulator.client()
    glacier.create_vault(vaultName="v")
    archive = glacier.upload_archive(vaultName="v", body=b"x")["archiveId"]
    jobs = {
        glacier.initiate_job(vaultName="v", jobParameters={"Type": "archive-retrieval", "ArchiveId": archive, "Tier": tier})[
            "jobId"]: tier for tier in ["Expedited", "Standard", "Bulk"]}
    jobs[glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval"})["jobId"]] = "inventory"

    def ready():
        return {jobs[job["JobId"]] for job in glacier.list_jobs(vaultName="v", completed="true")["JobList"]}

    for hours, expected in [(0, set()), (0.1, {"Expedited"}), (4, {"Expedited", "Standard"}),
                            (1, {"Expedited", "Standard", "inventory"}), (3, set(jobs.values()))]:
        emulator.advance(hours)
        assert ready() == expected


def test_an_inventory_in_both_formats(emulator, glacier):
    rows = []
    for number, description in enumerate(["", "plain", 'a,1"2', 'a,1\\"2', "ends with \\"]):
        data = content(100 + number, number)
        stored = glacier.upload_archive(vaultName="v", body=data, archiveDescription=description)
        rows.append((stored["archiveId"], description, len(data), hashlib.sha256(data).hexdigest()))
    text, job = inventory(emulator, glacier)
    assert text.startswith(f'{{"VaultARN":"{ARN}","InventoryDate":"'.encode()) and text.endswith(b"]}")
    assert job["InventorySizeInBytes"] == len(text) and job["Action"] == "InventoryRetrieval"
    listed = json.loads(text)["ArchiveList"]
    assert list(listed[0]) == ["ArchiveId", "ArchiveDescription", "CreationDate", "Size", "SHA256TreeHash"]
    assert [(row["ArchiveId"], row["ArchiveDescription"], row["Size"], row["SHA256TreeHash"]) for row in listed] == rows
    text, job = inventory(emulator, glacier, Format="CSV")
    lines = text.decode().splitlines()
    assert lines[0] == "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash"
    assert '"a,1\\"2"' in lines[3] and '"a,1\\\\"2"' in lines[4]
    assert [next(csv.reader([line]))[0] for line in lines[1:]] == [row[0] for row in rows]
    described = glacier.describe_vault(vaultName="v")
    assert described["NumberOfArchives"] == 5
    assert described["SizeInBytes"] == sum(row[2] for row in rows) + 5 * 32768


def test_an_inventory_in_pages_and_by_date(emulator, glacier):
    ids = []
    for number in range(10):
        ids.append(glacier.upload_archive(vaultName="v", body=b"%d" % number)["archiveId"])
        emulator.advance(1)
    full = json.loads(inventory(emulator, glacier)[0])["ArchiveList"]
    assert [row["ArchiveId"] for row in full] == ids
    found, marker = [], None
    while True:
        given = {"Limit": "4", **({"Marker": marker} if marker else {})}
        text, job = inventory(emulator, glacier, InventoryRetrievalParameters=given)
        found.append([row["ArchiveId"] for row in json.loads(text)["ArchiveList"]])
        marker = job["InventoryRetrievalParameters"].get("Marker")
        if marker is None:
            break
    assert found == [ids[:4], ids[4:8], ids[8:]]
    between = {"StartDate": full[3]["CreationDate"], "EndDate": full[6]["CreationDate"]}
    text, _ = inventory(emulator, glacier, InventoryRetrievalParameters=between)
    assert [row["ArchiveId"] for row in json.loads(text)["ArchiveList"]] == ids[3:6], "the start counts, the end does not"


def test_realistic_inventories_lag_behind(start):
    emulator = start("--realistic")
    glacier = emulator.client()
    glacier.create_vault(vaultName="v")
    not_yet = f"Inventory retrieval jobs for vault {ARN} cannot be initiated yet, as Amazon Glacier has not yet generated"
    refused(404, "ResourceNotFoundException", not_yet, inventory, emulator=emulator, client=glacier)
    first = glacier.upload_archive(vaultName="v", body=b"first")["archiveId"]
    refused(404, "ResourceNotFoundException", not_yet, inventory, emulator=emulator, client=glacier)
    assert glacier.describe_vault(vaultName="v")["NumberOfArchives"] == 0
    refused(400, INVALID, f"Vault not empty or recently written to: {ARN}", glacier.delete_vault, vaultName="v")
    emulator.advance(25)

    def listed():
        inventory_text, _ = inventory(emulator, glacier)
        inventory_json = json.loads(inventory_text)
        return [row["ArchiveId"] for row in inventory_json["ArchiveList"]], inventory_json["InventoryDate"]

    ids, date = listed()
    assert ids == [first] and glacier.describe_vault(vaultName="v")["NumberOfArchives"] == 1
    second = glacier.upload_archive(vaultName="v", body=b"second")["archiveId"]
    assert listed() == ([first], date), "an upload shows with the next inventory"
    emulator.advance(24)
    ids, later = listed()
    assert ids == [first, second] and later > date
    emulator.advance(72)
    assert listed() == (ids, later), "nothing changed, so none is made anew"
    for archive in ids:
        glacier.delete_archive(vaultName="v", archiveId=archive)
    job = retrieve(emulator, glacier, first)
    assert glacier.describe_job(vaultName="v", jobId=job)["StatusCode"] == "Failed", "accepted, then failed"
    refused(400, INVALID, "Vault not empty", glacier.delete_vault, vaultName="v")
    emulator.advance(24)
    assert glacier.describe_vault(vaultName="v")["NumberOfArchives"] == 0
    glacier.delete_vault(vaultName="v")
