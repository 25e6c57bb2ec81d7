"""The aws command runs every operation of the service."""

import json

from conftest import MIB


def test_all_33_operations(emulator, aws, tmp_path):
    policy = json.dumps({"Policy": json.dumps({"Version": "2012-10-17", "Statement": []})})
    vault = ("--vault-name", "v")
    (tmp_path / "small").write_bytes(b"hello")
    (tmp_path / "part").write_bytes(b"\0" * MIB)

    assert aws("create-vault", *vault)["location"] == "/111122223333/vaults/v"
    assert aws("describe-vault", *vault)["VaultName"] == "v"
    assert [one["VaultName"] for one in aws("list-vaults")["VaultList"]] == ["v"]

    stored = aws("upload-archive", *vault, "--body", "small", "--archive-description", "greeting")
    assert stored["checksum"] == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    upload = aws("initiate-multipart-upload", *vault, "--part-size", str(MIB))["uploadId"]
    of_upload = (*vault, f"--upload-id={upload}")
    for first in (0, MIB):
        aws("upload-multipart-part", *of_upload, "--body", "part", "--range", f"bytes {first}-{first + MIB - 1}/*")
    assert len(aws("list-parts", *of_upload)["Parts"]) == 2
    assert len(aws("list-multipart-uploads", *vault)["UploadsList"]) == 1
    whole = "861890b487038d840e9d71d43bbc0fd4571453fb9d9b1f370caa3582a29b0ec7"
    parts = aws("complete-multipart-upload", *of_upload, "--archive-size", str(2 * MIB), "--checksum", whole)
    other = aws("initiate-multipart-upload", *vault, "--part-size", str(MIB))["uploadId"]
    aws("abort-multipart-upload", *vault, f"--upload-id={other}")

    retrieval = {"Type": "archive-retrieval", "ArchiveId": parts["archiveId"], "Tier": "Bulk"}
    job = aws("initiate-job", *vault, "--job-parameters", json.dumps(retrieval))["jobId"]
    listing = aws("initiate-job", *vault, "--job-parameters", '{"Type":"inventory-retrieval"}')["jobId"]
    early = aws("get-job-output", *vault, f"--job-id={job}", "out", ok=False)
    assert f"The job is not currently available for download: {job}" in early
    assert aws("describe-job", *vault, f"--job-id={job}")["StatusCode"] == "InProgress"
    emulator.advance(8)
    assert len(aws("list-jobs", *vault, "--completed", "true")["JobList"]) == 2
    output = aws("get-job-output", *vault, f"--job-id={job}", "out")
    assert output["checksum"] == whole and (tmp_path / "out").read_bytes() == b"\0" * 2 * MIB
    aws("get-job-output", *vault, f"--job-id={job}", "--range", f"bytes=0-{MIB - 1}", "out")
    assert (tmp_path / "out").stat().st_size == MIB
    aws("get-job-output", *vault, f"--job-id={listing}", "out")
    listed = json.loads((tmp_path / "out").read_text())["ArchiveList"]
    assert {row["ArchiveId"] for row in listed} == {stored["archiveId"], parts["archiveId"]}

    topic = {"SNSTopic": "arn:aws:sns:us-east-1:111122223333:t", "Events": ["ArchiveRetrievalCompleted"]}
    aws("set-vault-notifications", *vault, "--vault-notification-config", json.dumps(topic))
    assert aws("get-vault-notifications", *vault)["vaultNotificationConfig"] == topic
    aws("delete-vault-notifications", *vault)
    aws("set-vault-access-policy", *vault, "--policy", policy)
    assert aws("get-vault-access-policy", *vault)["policy"] == json.loads(policy)
    aws("delete-vault-access-policy", *vault)
    aws("initiate-vault-lock", *vault, "--policy", policy)
    aws("abort-vault-lock", *vault)
    lock = aws("initiate-vault-lock", *vault, "--policy", policy)["lockId"]
    assert aws("get-vault-lock", *vault)["State"] == "InProgress"
    aws("complete-vault-lock", *vault, f"--lock-id={lock}")
    aws("add-tags-to-vault", *vault, "--tags", "a=1,b=2")
    aws("remove-tags-from-vault", *vault, "--tag-keys", "a")
    assert aws("list-tags-for-vault", *vault)["Tags"] == {"b": "2"}
    aws("set-data-retrieval-policy", "--policy", '{"Rules":[{"Strategy":"FreeTier"}]}')
    assert aws("get-data-retrieval-policy")["Policy"]["Rules"][0]["Strategy"] == "FreeTier"
    assert aws("purchase-provisioned-capacity")["capacityId"]
    assert len(aws("list-provisioned-capacity")["ProvisionedCapacityList"]) == 1

    assert "Vault not empty" in aws("delete-vault", *vault, ok=False)
    for archive in (stored, parts):
        aws("delete-archive", *vault, f"--archive-id={archive['archiveId']}")
    aws("delete-vault", *vault)
    assert len(emulator.requests()) == 33, emulator.requests()


def test_every_vault_is_listed_over_all_pages(emulator, aws):
    glacier = emulator.client()
    for number in range(120):
        glacier.create_vault(vaultName=f"v{number:03}")
    assert len(aws("list-vaults")["VaultList"]) == 120
