"""Vaults and what is set on them, by boto3."""

import json
import re

from conftest import ACCOUNT, HOUR, refused

ARN = f"arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/v"


def test_a_vault_is_made_described_listed_and_deleted(emulator):
    glacier = emulator.client()
    for _ in range(2):
        made = glacier.create_vault(vaultName="v")
        assert made["location"] == f"/{ACCOUNT}/vaults/v"
        assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    described = glacier.describe_vault(accountId=ACCOUNT, vaultName="v")
    assert (described["VaultARN"], described["VaultName"]) == (ARN, "v")
    assert (described["NumberOfArchives"], described["SizeInBytes"]) == (0, 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", described["CreationDate"])
    assert described["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/json"
    assert len(described["ResponseMetadata"]["RequestId"]) >= 40
    for _ in range(2):
        assert glacier.delete_vault(vaultName="v")["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused(404, "ResourceNotFoundException", f"Vault not found for ARN: {ARN}", glacier.describe_vault, vaultName="v")


def test_120_vaults_come_in_pages_of_ten(emulator):
    glacier = emulator.client()
    names = [f"vault-{number:03}" for number in range(120)]
    for name in names:
        glacier.create_vault(vaultName=name)
    pages = list(glacier.get_paginator("list_vaults").paginate())
    assert [len(page["VaultList"]) for page in pages] == [10] * 12
    assert [vault["VaultName"] for page in pages for vault in page["VaultList"]] == names
    assert len(glacier.list_vaults(limit="1000")["VaultList"]) == 10, "a higher limit counts as ten"
    seven = list(glacier.get_paginator("list_vaults").paginate(PaginationConfig={"PageSize": 7}))
    assert [vault["VaultName"] for page in seven for vault in page["VaultList"]] == names
    refused(400, "InvalidParameterValueException", "", glacier.list_vaults, limit="0")
    refused(400, "InvalidParameterValueException", "", glacier.list_vaults, marker="nonsense")


def test_vaults_of_one_name_in_two_regions_are_two(emulator):
    east, west = emulator.client("us-east-1"), emulator.client("eu-west-1")
    east.create_vault(vaultName="v")
    assert west.list_vaults()["VaultList"] == []
    assert west.create_vault(vaultName="v")["location"] == f"/{ACCOUNT}/vaults/v"
    assert west.describe_vault(vaultName="v")["VaultARN"] == f"arn:aws:glacier:eu-west-1:{ACCOUNT}:vaults/v"
    for region, partition in [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]:
        there = emulator.client(region)
        there.create_vault(vaultName="v")
        assert there.describe_vault(vaultName="v")["VaultARN"] == f"arn:{partition}:glacier:{region}:{ACCOUNT}:vaults/v"


def test_names_and_counts_of_vaults_have_limits(emulator):
    glacier = emulator.client()
    for bad in ["a b", "a:b", "ä", "x" * 256]:
        refused(400, "InvalidParameterValueException", "Invalid vault name", glacier.create_vault, vaultName=bad)
    refused(404, "ResourceNotFoundException", "Vault not found for ARN", glacier.describe_vault, vaultName="a:b")
    for number in range(1000):
        glacier.create_vault(vaultName=f"{number}" if number else "x" * 255)
    refused(400, "LimitExceededException", "", glacier.create_vault, vaultName="one-more")
    glacier.create_vault(vaultName="999")


def test_the_account_of_others_is_denied(emulator, glacier):
    refused(403, "AccessDeniedException", "", glacier.describe_vault, accountId="999999999999", vaultName="v")


def test_tags(glacier):
    assert glacier.list_tags_for_vault(vaultName="v")["Tags"] == {}
    glacier.add_tags_to_vault(vaultName="v", Tags={"owner": "me", "Owner": "you", "empty": ""})
    glacier.add_tags_to_vault(vaultName="v", Tags={"owner": "us"})
    glacier.remove_tags_from_vault(vaultName="v", TagKeys=["Owner", "never-there"])
    assert glacier.list_tags_for_vault(vaultName="v")["Tags"] == {"owner": "us", "empty": ""}
    add = glacier.add_tags_to_vault
    invalid = "InvalidParameterValueException"
    for bad in [{"aws:x": "1"}, {"": "1"}, {"k" * 129: "1"}, {"k": "v" * 256}, {"k!": "1"}]:
        refused(400, invalid, "Invalid tag", add, vaultName="v", Tags=bad)
    refused(400, invalid, "", add, vaultName="v", Tags={f"k{number}": "" for number in range(11)})
    for ten in range(5):
        tags = {f"k{number}": "" for number in range(ten * 10, ten * 10 + 10)}
        if ten < 4:
            add(vaultName="v", Tags=tags)
        else:
            refused(400, "LimitExceededException", "", add, vaultName="v", Tags=tags)
    assert len(glacier.list_tags_for_vault(vaultName="v")["Tags"]) == 42


def test_an_access_policy(glacier):
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    refused(404, "ResourceNotFoundException", "", glacier.get_vault_access_policy, vaultName="v")
    glacier.set_vault_access_policy(vaultName="v", policy={"Policy": policy})
    assert glacier.get_vault_access_policy(vaultName="v")["policy"]["Policy"] == policy
    for bad in ["no json", "[]", json.dumps({"x": "y" * 20480})]:
        refused(400, "InvalidParameterValueException", "", glacier.set_vault_access_policy, vaultName="v",
                policy={"Policy": bad})
    for _ in range(2):
        glacier.delete_vault_access_policy(vaultName="v")
    refused(404, "ResourceNotFoundException", "", glacier.get_vault_access_policy, vaultName="v")


def test_a_lock_is_tried_given_up_and_locked_for_ever(emulator, glacier):
    policy = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": []})}
    refused(404, "ResourceNotFoundException", "", glacier.get_vault_lock, vaultName="v")
    glacier.abort_vault_lock(vaultName="v")
    refused(404, "ResourceNotFoundException", "", glacier.complete_vault_lock, vaultName="v", lockId="x")
    first = glacier.initiate_vault_lock(vaultName="v", policy=policy)["lockId"]
    state = glacier.get_vault_lock(vaultName="v")
    assert (state["State"], state["Policy"]) == ("InProgress", policy["Policy"])
    assert state["ExpirationDate"] > state["CreationDate"]
    refused(403, "AccessDeniedException", "", glacier.initiate_vault_lock, vaultName="v", policy=policy)
    refused(400, "InvalidParameterValueException", "", glacier.complete_vault_lock, vaultName="v", lockId="wrong")
    glacier.abort_vault_lock(vaultName="v")
    glacier.initiate_vault_lock(vaultName="v", policy=policy)
    emulator.advance(25)
    refused(404, "ResourceNotFoundException", "", glacier.get_vault_lock, vaultName="v")
    last = glacier.initiate_vault_lock(vaultName="v", policy=policy)["lockId"]
    assert last != first
    for _ in range(2):
        glacier.complete_vault_lock(vaultName="v", lockId=last)
    state = glacier.get_vault_lock(vaultName="v")
    assert (state["State"], state.get("ExpirationDate")) == ("Locked", None)
    refused(403, "AccessDeniedException", "", glacier.abort_vault_lock, vaultName="v")
    refused(403, "AccessDeniedException", "", glacier.complete_vault_lock, vaultName="v", lockId=first)


def test_notifications_tell_of_jobs_that_ended(emulator, glacier):
    topic, own = "arn:aws:sns:us-east-1:111122223333:vault", "arn:aws:sns:us-east-1:111122223333:job"
    refused(404, "ResourceNotFoundException", "", glacier.get_vault_notifications, vaultName="v")
    wanted = {"SNSTopic": topic, "Events": ["InventoryRetrievalCompleted"]}
    glacier.set_vault_notifications(vaultName="v", vaultNotificationConfig=wanted)
    assert glacier.get_vault_notifications(vaultName="v")["vaultNotificationConfig"] == wanted
    archive = glacier.upload_archive(vaultName="v", body=b"x")["archiveId"]
    start = {"Type": "archive-retrieval", "ArchiveId": archive}
    glacier.initiate_job(vaultName="v", jobParameters=start)
    with_topic = glacier.initiate_job(vaultName="v", jobParameters={**start, "SNSTopic": own})["jobId"]
    of_vault = glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval"})["jobId"]
    assert emulator.own("GET", "notifications")["notifications"] == []
    emulator.advance(4)
    for _ in range(2):
        told = emulator.own("GET", "notifications")["notifications"]
        told = sorted((message["TopicArn"], json.loads(message["Message"])["JobId"]) for message in told)
        assert told == [(own, with_topic), (topic, of_vault)]
    message = json.loads(emulator.own("GET", "notifications")["notifications"][0]["Message"])
    assert message["StatusCode"] == "Succeeded" and message["InventoryRetrievalParameters"] is None
    for bad in [{"SNSTopic": topic}, {"Events": ["InventoryRetrievalCompleted"]}]:
        refused(400, "MissingParameterValueException", "", glacier.set_vault_notifications, vaultName="v",
                vaultNotificationConfig=bad)
    glacier.delete_vault_notifications(vaultName="v")
    refused(404, "ResourceNotFoundException", "", glacier.get_vault_notifications, vaultName="v")


def test_what_was_due_is_told_although_the_vault_is_deleted(start):
    emulator = start("--job-delay", "0s")
    glacier = emulator.client()
    glacier.create_vault(vaultName="v")
    topic = "arn:aws:sns:us-east-1:111122223333:job"
    job = glacier.initiate_job(vaultName="v", jobParameters={"Type": "inventory-retrieval", "SNSTopic": topic})["jobId"]
    glacier.delete_vault(vaultName="v")
    [told] = emulator.own("GET", "notifications")["notifications"]
    assert json.loads(told["Message"])["JobId"] == job


def test_the_retrieval_policy_of_the_account(emulator, glacier):
    def rule(strategy, **more):
        return {"Rules": [{"Strategy": strategy, **more}]}

    assert glacier.get_data_retrieval_policy()["Policy"]["Rules"][0]["Strategy"] == "None"
    for bad in [rule("Sometimes"), rule("BytesPerHour"), rule("None", BytesPerHour=5), rule("BytesPerHour", BytesPerHour=0)]:
        refused(400, "InvalidParameterValueException", "", glacier.set_data_retrieval_policy, Policy=bad)
    archive = glacier.upload_archive(vaultName="v", body=b"x" * 4095)["archiveId"]

    def start(tier):
        return glacier.initiate_job(
            vaultName="v", jobParameters={"Type": "archive-retrieval", "ArchiveId": archive, "Tier": tier})

    glacier.set_data_retrieval_policy(Policy=rule("BytesPerHour", BytesPerHour=1023))
    refused(400, "PolicyEnforcedException", "", start, tier="Standard")
    glacier.set_data_retrieval_policy(Policy=rule("BytesPerHour", BytesPerHour=1024))
    start("Standard")
    refused(400, "PolicyEnforcedException", "InitiateJob request denied by current data retrieval policy.", start, tier="Standard")
    start("Bulk")
    start("Expedited")
    emulator.advance(5)
    start("Standard")
    glacier.set_data_retrieval_policy(Policy=rule("FreeTier"))
    start("Standard")
    assert glacier.get_data_retrieval_policy()["Policy"]["Rules"][0]["Strategy"] == "FreeTier"


def test_two_units_of_capacity_can_be_bought_and_expire(emulator):
    glacier = emulator.client()
    assert glacier.list_provisioned_capacity()["ProvisionedCapacityList"] == []
    bought = [glacier.purchase_provisioned_capacity()["capacityId"] for _ in range(2)]
    listed = glacier.list_provisioned_capacity()["ProvisionedCapacityList"]
    assert [unit["CapacityId"] for unit in listed] == bought
    refused(400, "LimitExceededException", "", glacier.purchase_provisioned_capacity)
    emulator.own("POST", f"advance?seconds={31 * 24 * HOUR}")
    assert glacier.list_provisioned_capacity()["ProvisionedCapacityList"] == []
