"""What goes over the wire, byte for byte, where clients would hide it."""

import datetime
import hashlib
import hmac
import json
import re
import urllib.error

import pytest
from conftest import ACCOUNT, MIB, refused, retrieve
from test_archives import INVALID, content, send as send_part, tree_hash
from test_hostile import head, talk
from test_refusals import KEYS, send, signed

ARN = f"arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/v"


def exchange(emulator, method, path, body=b"", **headers):
    """A signed request; the status line, the headers with lower-case names, the body."""
    request = {**signed(method, path, body, **headers), "Content-Length": len(body), "Connection": "close"}
    top, text = talk(emulator, head(method, path, request) + body).split(b"\r\n\r\n", 1)
    status, *lines = top.decode().split("\r\n")
    return status, dict((name.lower(), value) for name, value in (line.split(": ", 1) for line in lines)), text.decode()


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/-/vaults", 200), ("PUT", "/-/vaults/new", 201), ("DELETE", "/-/vaults/v", 204), ("GET", "/-/vaults/none", 404),
    ("GET", "/", 400), ("GET", "/nowhere/at/all", 400), ("PATCH", "/-/vaults/v", 400), ("POST", "/-/vaults/v/tags", 400),
    ("GET", "/_emulator/stats", 200), ("GET", "/_emulator/none", 400), ("POST", "/_emulator/advance", 400),
])
def test_every_answer_has_a_request_id_and_a_date(emulator, glacier, method, path, status):
    line, headers, text = exchange(emulator, method, path)
    assert line.split()[1] == str(status)
    assert re.fullmatch(r"[A-Za-z0-9_-]{47}", headers["x-amzn-requestid"])
    date = datetime.datetime.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.UTC)
    assert abs((datetime.datetime.now(datetime.UTC) - date).total_seconds()) < 60
    if status >= 400:
        assert headers["content-type"] == "application/json"
        assert list(json.loads(text)) == ["code", "message", "type"]
        assert text == json.dumps(json.loads(text), separators=(",", ":"))
    if status == 201:
        assert headers["content-length"] == "0" and headers["location"] == f"/{ACCOUNT}/vaults/new"
    if status == 204:
        assert text == ""


def test_json_has_every_key_in_alphabetical_order_and_nulls(emulator, glacier):
    archive = glacier.upload_archive(vaultName="v", body=b"x")["archiveId"]
    glacier.initiate_job(vaultName="v", jobParameters={"Type": "archive-retrieval", "ArchiveId": archive})
    glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval"})
    upload = glacier.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"]
    _, _, vaults = exchange(emulator, "GET", "/-/vaults")
    assert re.fullmatch(
        r'\{"Marker":null,"VaultList":\[\{"CreationDate":"[^"]+","LastInventoryDate":"[^"]+","NumberOfArchives":1,'
        rf'"SizeInBytes":32769,"VaultARN":"{ARN}","VaultName":"v"\}}\]\}}', vaults), vaults
    _, _, jobs = exchange(emulator, "GET", "/-/vaults/v/jobs")
    keys = ["Action", "ArchiveId", "ArchiveSHA256TreeHash", "ArchiveSizeInBytes", "Completed", "CompletionDate", "CreationDate",
            "InventoryRetrievalParameters", "InventorySizeInBytes", "JobDescription", "JobId", "RetrievalByteRange",
            "SHA256TreeHash", "SNSTopic", "StatusCode", "StatusMessage", "Tier", "VaultARN"]
    parsed = json.loads(jobs)
    assert list(parsed) == ["JobList", "Marker"] and jobs == json.dumps(parsed, separators=(",", ":"))
    inventory, archive_job = parsed["JobList"]
    assert list(inventory) == list(archive_job) == sorted(keys, key=keys.index)
    assert inventory["InventoryRetrievalParameters"] == dict(EndDate=None, Format="JSON", Limit=None, Marker=None, StartDate=None)
    assert list(inventory["InventoryRetrievalParameters"]) == ["EndDate", "Format", "Limit", "Marker", "StartDate"]
    assert inventory["Tier"] is inventory["ArchiveId"] is inventory["InventorySizeInBytes"] is None
    assert archive_job["CompletionDate"] is archive_job["StatusMessage"] is archive_job["JobDescription"] is None
    _, _, uploads = exchange(emulator, "GET", "/-/vaults/v/multipart-uploads")
    assert re.fullmatch(
        r'\{"Marker":null,"UploadsList":\[\{"ArchiveDescription":null,"CreationDate":"[^"]+",'
        rf'"MultipartUploadId":"{upload}","PartSizeInBytes":1048576,"VaultARN":"{ARN}"\}}\]\}}', uploads), uploads
    _, _, parts = exchange(emulator, "GET", f"/-/vaults/v/multipart-uploads/{upload}")
    assert list(json.loads(parts)) == ["ArchiveDescription", "CreationDate", "Marker", "MultipartUploadId", "PartSizeInBytes",
                                       "Parts", "VaultARN"]
    policy = exchange(emulator, "GET", "/-/policies/data-retrieval")[2]
    assert policy == '{"Policy":{"Rules":[{"BytesPerHour":null,"Strategy":"None"}]}}'


def test_nulls_can_be_left_out(start):
    emulator = start("--omit-nulls", "--job-delay", "4h")
    glacier = emulator.client()
    glacier.create_vault(vaultName="v")
    assert list(json.loads(exchange(emulator, "GET", "/-/vaults")[2])) == ["VaultList"]
    glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval"})
    job = json.loads(exchange(emulator, "GET", "/-/vaults/v/jobs")[2])["JobList"][0]
    assert None not in job.values() and "CompletionDate" not in job
    assert job["InventoryRetrievalParameters"] == {"Format": "JSON"}


def by_hand(method, path, date_header, signed_headers, headers):
    """A signature made of nothing but the specification."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": "glacier.us-east-1.amazonaws.com", "x-amz-glacier-version": "2012-06-01", date_header: now, **headers}
    names = sorted(signed_headers)
    lines = "".join(f"{name}:{' '.join(headers[name].split(' '))}\n" for name in names)
    empty = hashlib.sha256(b"").hexdigest()
    request = f"{method}\n{path}\n\n{lines}\n{';'.join(names)}\n{empty}"
    scope = f"{now[:8]}/us-east-1/glacier/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{KEYS[1]}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return {**headers, "Authorization": f"AWS4-HMAC-SHA256 Credential={KEYS[0]}/{scope}, SignedHeaders={';'.join(names)}, "
                                        f"Signature={signature}"}


def test_what_a_signature_must_cover(emulator):
    path, usual = "/-/vaults/v", ["host", "x-amz-date", "x-amz-glacier-version"]
    assert send(emulator, "PUT", path, by_hand("PUT", path, "x-amz-date", usual, {}))[0] == 201
    by_date = ["host", "date", "x-amz-glacier-version"]
    assert send(emulator, "PUT", path, by_hand("PUT", path, "date", by_date, {}))[0] == 201, "Date alone, in its ISO form"
    free = send(emulator, "PUT", path, by_hand("PUT", path, "x-amz-date", usual, {"date": "Thu, 01 Jan 1970 00:00:00 GMT"}))
    assert free[0] == 201, "x-amz-date comes first"
    for missing in usual:
        fewer = [name for name in usual if name != missing]
        status, text = send(emulator, "PUT", path, by_hand("PUT", path, "x-amz-date", fewer, {}))
        assert status == 403 and "InvalidSignatureException" in text, missing
    status, text = send(emulator, "PUT", path, by_hand("PUT", path, "date", by_date, {"date": "Thu, 01 Jan 1970 00:00:00 GMT"}))
    assert status == 400 and "IncompleteSignatureException" in text
    old = {"x-amz-glacier-version": "2011-01-01"}
    status, text = send(emulator, "PUT", path, by_hand("PUT", path, "x-amz-date", usual, old))
    assert status == 400 and "API version" in text


def test_signatures_can_be_left_unverified(start):
    emulator = start("--unsigned")
    version = {"x-amz-glacier-version": "2012-06-01"}
    assert send(emulator, "PUT", "/-/vaults/v", version)[0] == 201
    assert send(emulator, "PUT", "/-/vaults/v", {})[0] == 400, "the version is still wanted"
    assert emulator.client(key="any", secret="other").list_vaults()["VaultList"][0]["VaultName"] == "v"
    hashes = {"x-amz-content-sha256": "0" * 64, "x-amz-sha256-tree-hash": "0" * 64}
    assert "Checksum mismatch" in send(emulator, "POST", "/-/vaults/v/archives", {**version, **hashes}, b"x")[1]


def test_descriptions_that_no_header_should_have(emulator, glacier):
    hashed = hashlib.sha256(b"x").hexdigest()
    for description, status in [(" plain ", 201), ("", 201), ("\x7f", 400), ("x" * 1025, 400), ("\xe4", 403)]:
        headers = signed("POST", "/-/vaults/v/archives", b"x", x_amz_content_sha256=hashed, x_amz_sha256_tree_hash=hashed,
                         x_amz_archive_description=description)
        answer = send(emulator, "POST", "/-/vaults/v/archives", headers, b"x")
        assert answer[0] == status, (description, answer)


def test_names_and_ids_may_be_percent_encoded(emulator, glacier):
    archive = glacier.upload_archive(vaultName="v", body=b"x")["archiveId"]
    encoded = "".join(f"%{ord(letter):02X}" for letter in archive)
    assert exchange(emulator, "GET", "/%2D/vaults/%76")[0].startswith("HTTP/1.1 200")
    assert exchange(emulator, "DELETE", f"/-/vaults/v/archives/{encoded}")[0].startswith("HTTP/1.1 204")
    assert glacier.describe_vault(vaultName="v")["NumberOfArchives"] == 0
    proxied = "http://glacier.us-east-1.amazonaws.com/-/vaults/%76"
    assert send(emulator, "GET", proxied, signed("GET", "/-/vaults/%76"))[0] == 200
    refused(404, "ResourceNotFoundException", "Vault not found for ARN: test:z", glacier.describe_vault, vaultName="test:z")


def test_a_part_is_sent_again_and_its_hashes_are_demanded(emulator, glacier):
    upload = glacier.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"]
    send_part(glacier, upload, content(MIB, 1), 0)
    send_part(glacier, upload, content(MIB, 2), 0)
    send_part(glacier, upload, b"end", MIB)
    refused(400, INVALID, "Checksum mismatch", glacier.upload_multipart_part, vaultName="v", uploadId=upload,
            body=content(MIB, 3), range=f"bytes 0-{MIB - 1}/*", checksum="0" * 64)
    path = f"/-/vaults/v/multipart-uploads/{upload}"
    headers = signed("PUT", path, b"x", x_amz_content_sha256=hashlib.sha256(b"x").hexdigest(), Content_Range="bytes 0-0/*")
    status, text = send(emulator, "PUT", path, headers, b"x")
    assert status == 400 and "Required parameter missing: x-amz-sha256-tree-hash" in text
    in_chunks = {**headers, "x-amz-sha256-tree-hash": tree_hash(b"x"), "Transfer-Encoding": "chunked", "Connection": "close"}
    answer = talk(emulator, head("PUT", path, in_chunks) + b"1\r\nx\r\n0\r\n\r\n", end=False)
    assert b"Required parameter missing: Content-Length" in answer
    whole = content(MIB, 2) + b"end"
    finish = {"vaultName": "v", "uploadId": upload, "archiveSize": str(len(whole)), "checksum": tree_hash(whole)}
    done = glacier.complete_multipart_upload(**finish)
    job = retrieve(emulator, glacier, done["archiveId"])
    assert glacier.get_job_output(vaultName="v", jobId=job)["body"].read() == whole, "the last one that was right counts"
    assert glacier.complete_multipart_upload(**finish)["archiveId"] == done["archiveId"]
    refused(400, INVALID, "Invalid x-amz-sha256-tree-hash", glacier.complete_multipart_upload, **{**finish, "checksum": "0" * 64})
    refused(400, INVALID, "Invalid x-amz-archive-size: 5", glacier.complete_multipart_upload, **{**finish, "archiveSize": "5"})
    of_upload = {"vaultName": "v", "uploadId": upload}
    for call in [glacier.abort_multipart_upload, glacier.list_parts]:
        refused(404, "ResourceNotFoundException", "The upload ID was not found: ", call, **of_upload)
    refused(404, "ResourceNotFoundException", "The upload ID was not found: ", glacier.upload_multipart_part, **of_upload,
            body=b"x", range="bytes 0-0/*")
    emulator.advance(25)
    refused(404, "ResourceNotFoundException", "The upload ID", glacier.complete_multipart_upload, **finish)


def test_an_upload_is_given_up_more_than_once(emulator, glacier):
    upload = glacier.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"]
    for _ in range(2):
        glacier.abort_multipart_upload(vaultName="v", uploadId=upload)
    refused(404, "ResourceNotFoundException", "", glacier.complete_multipart_upload, vaultName="v", uploadId=upload,
            archiveSize="1", checksum="0" * 64)
    emulator.advance(25)
    refused(404, "ResourceNotFoundException", "", glacier.abort_multipart_upload, vaultName="v", uploadId=upload)


def test_lists_go_on_where_a_marker_vanished(start):
    emulator = start("--job-delay", "1h", "--job-lifetime", "2h")
    glacier = emulator.client()
    for name in ["a", "b", "c"]:
        glacier.create_vault(vaultName=name)
    marker = glacier.list_vaults(limit="1")["Marker"]
    assert marker == f"{ARN[:-1]}b"
    glacier.delete_vault(vaultName="b")
    assert [vault["VaultName"] for vault in glacier.list_vaults(marker=marker)["VaultList"]] == ["c"]

    uploads = [glacier.initiate_multipart_upload(vaultName="c", partSize=str(MIB))["uploadId"] for _ in range(3)]
    marker = glacier.list_multipart_uploads(vaultName="c", limit="1")["Marker"]
    glacier.abort_multipart_upload(vaultName="c", uploadId=uploads[1])
    left = glacier.list_multipart_uploads(vaultName="c", marker=marker)["UploadsList"]
    assert [one["MultipartUploadId"] for one in left] == uploads[2:]

    job = {"vaultName": "c", "jobParameters": {"Type": "inventory-retrieval"}}
    glacier.initiate_job(**job)
    emulator.advance(2)
    glacier.initiate_job(**job)
    page = glacier.list_jobs(vaultName="c", limit="1")
    emulator.advance(1)
    glacier.initiate_job(**job)
    assert glacier.list_jobs(vaultName="c", marker=page["Marker"])["JobList"] == [], "it was forgotten"
    for call, of in [(glacier.list_jobs, {"vaultName": "c"}), (glacier.list_vaults, {}),
                     (glacier.list_multipart_uploads, {"vaultName": "c"}),
                     (glacier.list_parts, {"vaultName": "c", "uploadId": uploads[0]})]:
        refused(400, INVALID, "The marker is not valid: nonsense", call, marker="nonsense", **of)
        for bad in ["0", "-1", "+5", "x"]:
            refused(400, INVALID, f"Invalid limit: {bad}", call, limit=bad, **of)
        call(limit="51", **of)


def test_jobs_for_archives_that_are_elsewhere_or_lost_their_content(start, tmp_path):
    emulator = start("--data", str(tmp_path))
    glacier = emulator.client()
    for name in ["v", "other"]:
        glacier.create_vault(vaultName=name)
    archive = glacier.upload_archive(vaultName="v", body=b"x")["archiveId"]
    refused(404, "ResourceNotFoundException", f"The archive ID was not found: {archive}", glacier.initiate_job,
            vaultName="other", jobParameters={"Type": "archive-retrieval", "ArchiveId": archive})
    before = retrieve(emulator, glacier, archive)
    (tmp_path / "archives" / archive).unlink()
    after = retrieve(emulator, glacier, archive)
    assert glacier.describe_job(vaultName="v", jobId=after)["StatusCode"] == "Failed"
    refused(500, "ServiceUnavailableException", "", glacier.get_job_output, vaultName="v", jobId=before)
    refused(404, "ResourceNotFoundException", "The job ID was not found", glacier.describe_job, vaultName="other", jobId=after)


def test_a_job_tells_that_it_ended_however_far_the_clock_was_pushed(emulator, glacier):
    topic = "arn:aws:sns:us-east-1:111122223333:t"
    glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval", "SNSTopic": topic})
    emulator.advance(100)
    told = emulator.own("GET", "notifications")["notifications"]
    assert [json.loads(one["Message"])["StatusCode"] for one in told] == ["Succeeded"]
    assert told[0]["TopicArn"] == topic and told[0]["Subject"] is None


def own_refused(emulator, method, path, body=None):
    with pytest.raises(urllib.error.HTTPError) as caught:
        emulator.own(method, path, body)
    assert caught.value.code == 400
    return json.loads(caught.value.read())["message"]


def test_bad_input_to_its_own_calls_changes_nothing(emulator, glacier):
    emulator.faults("throttle@ListVaults", "500@ListJobs#7")
    for bad in ["melt", "500@Melt", "500#0", "500%", "fail-job@UploadArchive"]:
        own_refused(emulator, "POST", "faults", f"408@CreateVault\n{bad}\n".encode())
    assert emulator.own("GET", "faults") == {"faults": ["throttle@ListVaults", "500@ListJobs#7"]}
    glacier.create_vault(vaultName="not-struck")
    emulator.own("POST", "faults", b"\n  cut-after@CreateVault#2  \n\n")
    assert len(emulator.own("GET", "faults")["faults"]) == 3
    emulator.own("DELETE", "faults")
    assert emulator.own("GET", "faults") == {"faults": []}

    glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval"})
    for bad in ["", "?", "?seconds=", "?seconds=-1", "?seconds=x", "?seconds=nan", "?seconds=inf", "?seconds=1e300",
                "?seconds=99999999999999", "?hours=1"]:
        own_refused(emulator, "POST", f"advance{bad}")
    for method, path in [("GET", "advance?seconds=1"), ("PUT", "faults"), ("DELETE", "stats"), ("GET", "")]:
        own_refused(emulator, method, path)
    assert glacier.list_jobs(vaultName="v", completed="true")["JobList"] == []
    emulator.own("POST", "advance?seconds=14399.5")
    emulator.own("POST", "advance?seconds=0.5")
    assert len(glacier.list_jobs(vaultName="v", completed="true")["JobList"]) == 1
    assert emulator.requests()["ListJobs"] == 2, "its own calls are not counted"
