"""What is refused before anything is looked at, and what goes wrong on demand."""

import datetime
import hashlib
import http.client
import random

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, IncompleteReadError
from botocore.exceptions import ResponseStreamingError
from conftest import MIB, refused, retrieve

KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def signed(method, path, body=b"", keys=KEYS, host="glacier.us-east-1.amazonaws.com", **headers):
    """The headers of a request, signed by botocore."""
    request = AWSRequest(method, f"http://{host}{path}", data=body, headers={
        "Host": host, "x-amz-glacier-version": "2012-06-01", **{k.replace("_", "-"): v for k, v in headers.items()}})
    botocore.auth.SigV4Auth(Credentials(*keys), "glacier", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def send(emulator, method, target, headers, body=b""):
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_a_signature_is_verified_from_what_arrived(emulator):
    path = "/-/vaults/v"
    good = signed("PUT", path)
    assert send(emulator, "PUT", path, good)[0] == 201
    assert send(emulator, "PUT", f"http://glacier.us-east-1.amazonaws.com{path}", good)[0] == 201, "as to a proxy"
    for change, status, code in [
        ({"Authorization": ""}, 400, "MissingAuthenticationTokenException"),
        ({"Authorization": "AWS4-HMAC-SHA256 what"}, 400, "IncompleteSignatureException"),
        ({"x-amz-glacier-version": None}, 400, "Required parameter missing: API version"),
        ({"Host": "elsewhere"}, 403, "InvalidSignatureException"),
        ({"x-amz-glacier-version": "2012-06-02"}, 403, "InvalidSignatureException"),
    ]:
        headers = {name: value for name, value in {**good, **change}.items() if value is not None}
        answer = send(emulator, "PUT", path, headers)
        assert answer[0] == status and code in answer[1], answer
    assert send(emulator, "PUT", "/-/vaults/w", good)[0] == 403, "another path"
    assert send(emulator, "GET", path, good)[0] == 403, "another method"
    assert send(emulator, "PUT", path + "?x=1", good)[0] == 403, "another query"
    for keys, code in [((KEYS[0], "wrong"), "InvalidSignatureException"), (("AKIAUNKNOWN", KEYS[1]), "UnrecognizedClient")]:
        answer = send(emulator, "PUT", path, signed("PUT", path, keys=keys))
        assert code in answer[1], answer


@pytest.mark.parametrize("given", ['"x"', "[]", "7", "true"])
def test_parameters_of_another_type_are_refused(emulator, given):
    assert send(emulator, "PUT", "/-/vaults/v", signed("PUT", "/-/vaults/v"))[0] == 201
    body = f'{{"Type":"inventory-retrieval","InventoryRetrievalParameters":{given}}}'.encode()
    path = "/-/vaults/v/jobs"
    status, said = send(emulator, "POST", path, signed("POST", path, body), body)
    assert status == 400 and "SerializationException" in said


@pytest.mark.parametrize("minutes, message", [(-6, "Signature expired: "), (6, "Signature not yet current: "), (-4, ""), (4, "")])
def test_a_date_may_be_five_minutes_off(emulator, monkeypatch, minutes, message):
    class Later(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(minutes=minutes)

        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.now(tz) + datetime.timedelta(minutes=minutes)

    monkeypatch.setattr(botocore.auth, "datetime", type("datetime", (), {"datetime": Later, "timezone": datetime.timezone}),
                        raising=False)
    moved = lambda *_, **__: datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", moved, raising=False)
    status, text = send(emulator, "PUT", "/-/vaults/v", signed("PUT", "/-/vaults/v"))
    assert (status == 403 and message in text) if message else status == 201, text


def test_a_body_that_was_tampered_with_is_refused(emulator, glacier):
    body = b'{"Tags":{"a":"b"}}'
    path = "/-/vaults/v/tags?operation=add"
    assert send(emulator, "POST", path, signed("POST", path, body), body)[0] == 204
    assert send(emulator, "POST", path, signed("POST", path, body), body.replace(b"b", b"c"))[0] == 403
    data, path = b"hello", "/-/vaults/v/archives"
    hashed = hashlib.sha256(data).hexdigest()
    headers = signed("POST", path, data, x_amz_content_sha256=hashed, x_amz_sha256_tree_hash=hashed)
    assert send(emulator, "POST", path, headers, data)[0] == 201
    status, text = send(emulator, "POST", path, headers, b"hallo")
    assert status == 400 and "Checksum mismatch" in text
    for missing in ["x-amz-content-sha256", "x-amz-sha256-tree-hash"]:
        fewer = {name: value for name, value in signed("POST", path, data, **{
            name.replace("-", "_"): hashed for name in ["x-amz-content-sha256", "x-amz-sha256-tree-hash"] if name != missing
        }).items()}
        fewer = {name: value for name, value in fewer.items() if name.lower() != missing}
        status, text = send(emulator, "POST", path, fewer, data)
        assert status == 400 and "Required parameter missing" in text, (missing, text)


def test_several_keys_may_sign(start):
    emulator = start("--access-key", "AKIAONE", "--secret-key", "first", "--access-key", "AKIATWO", "--secret-key", "second")
    for key, secret in [("AKIAONE", "first"), ("AKIATWO", "second")]:
        assert emulator.client(key=key, secret=secret).list_vaults()["VaultList"] == []
    refused(403, "InvalidSignatureException", "", emulator.client(key="AKIAONE", secret="second").list_vaults)
    refused(400, "UnrecognizedClientException", "", emulator.client().list_vaults)


def test_an_account_that_is_not_taken_gets_one_answer(start):
    glacier = start("--no-longer-supported").client()
    for call, parameters in [(glacier.list_vaults, {}), (glacier.create_vault, {"vaultName": "v"}),
                             (glacier.upload_archive, {"vaultName": "v", "body": b"x"}),
                             (glacier.get_data_retrieval_policy, {})]:
        refused(400, "NoLongerSupportedException", "This API is no longer supported for new accounts.", call, **parameters)


@pytest.mark.parametrize("fault, status, code", [
    ("throttle", 400, "ThrottlingException"), ("408", 408, "RequestTimeoutException"),
    ("500", 500, "ServiceUnavailableException"), ("503", 503, ""), ("policy-enforced", 400, "PolicyEnforcedException"),
    ("insufficient-capacity", 503, "InsufficientCapacityException"), ("expired-token", 403, "ExpiredTokenException"),
    ("access-denied", 403, "AccessDeniedException"),
])
def test_a_fault_strikes_the_request_that_it_names(emulator, glacier, fault, status, code):
    emulator.faults(f"{fault}@InitiateJob#2")
    archive = glacier.upload_archive(vaultName="v", body=b"x")["archiveId"]
    retrieve(emulator, glacier, archive)
    with pytest.raises(ClientError) as caught:
        retrieve(emulator, glacier, archive)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert caught.value.response["Error"]["Code"].startswith(code)
    retrieve(emulator, glacier, archive)
    assert len(glacier.list_jobs(vaultName="v")["JobList"]) == 2


@pytest.mark.parametrize("fault, stored", [("cut-before", 0), ("cut-middle", 0), ("cut-after", 1)])
def test_a_connection_is_cut_before_in_the_middle_or_after_the_work(emulator, glacier, fault, stored):
    emulator.faults(f"{fault}@UploadArchive#1")
    data = random.Random(1).randbytes(8 * MIB)
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        glacier.upload_archive(vaultName="v", body=data)
    assert glacier.describe_vault(vaultName="v")["NumberOfArchives"] == stored
    glacier.upload_archive(vaultName="v", body=data)
    assert glacier.describe_vault(vaultName="v")["NumberOfArchives"] == stored + 1


def test_outputs_are_cut_corrupted_or_given_a_wrong_hash(emulator, glacier):
    data = random.Random(1).randbytes(3 * MIB)
    job = retrieve(emulator, glacier, glacier.upload_archive(vaultName="v", body=data)["archiveId"])

    def output():
        return glacier.get_job_output(vaultName="v", jobId=job)

    emulator.faults("cut-middle@GetJobOutput#1")
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        output()["body"].read()
    emulator.faults("corrupt@GetJobOutput#1")
    wrong = output()["body"].read()
    assert len(wrong) == len(data) and sum(a != b for a, b in zip(wrong, data)) == 1
    emulator.faults("wrong-hash@GetJobOutput#1")
    assert output()["checksum"] == "0" * 64
    assert output()["body"].read() == data


def test_a_slow_link_is_slow_and_nothing_more(start):
    emulator = start("--latency", "50ms", "--bandwidth", "2000000")
    glacier = emulator.client()
    glacier.create_vault(vaultName="v")
    data = random.Random(2).randbytes(MIB)
    archive = glacier.upload_archive(vaultName="v", body=data)["archiveId"]
    job = retrieve(emulator, glacier, archive)
    assert glacier.get_job_output(vaultName="v", jobId=job)["body"].read() == data
