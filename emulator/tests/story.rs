//! The Rust SDK against the emulator, over HTTP.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use aws_sdk_glacier::Client;
use aws_sdk_glacier::error::ProvideErrorMetadata;
use aws_sdk_glacier::primitives::ByteStream;
use aws_sdk_glacier::types::{JobParameters, StatusCode};
use glacier_emulator::Emulator;

const MIB: usize = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);

async fn emulator() -> (Emulator, Client) {
    let emulator = Emulator::builder().job_delay(4 * HOUR).start().await.unwrap();
    let client = Client::new(&emulator.sdk_config());
    (emulator, client)
}

async fn job(client: &Client, parameters: JobParameters) -> String {
    client.initiate_job().vault_name("v").job_parameters(parameters).send().await.unwrap().job_id.unwrap()
}

fn retrieval(id: &str) -> JobParameters {
    JobParameters::builder().r#type("archive-retrieval").archive_id(id).build()
}

#[tokio::test]
async fn an_archive_goes_in_by_one_request_and_comes_back_by_a_job() {
    let (emulator, client) = emulator().await;
    client.create_vault().vault_name("v").send().await.unwrap();
    let body = ByteStream::from_static(b"hello");
    let stored = client
        .upload_archive()
        .vault_name("v")
        .archive_description("greeting")
        .body(body)
        .send()
        .await
        .unwrap();
    let id = stored.archive_id().unwrap();
    assert_eq!(id.len(), 138);
    assert!(stored.location().unwrap().starts_with("/111122223333/vaults/v/archives/"));

    let job = job(&client, retrieval(id)).await;
    let early =
        client.get_job_output().vault_name("v").job_id(&job).send().await.unwrap_err().into_service_error();
    assert_eq!(early.message().unwrap(), format!("The job is not currently available for download: {job}"));
    emulator.advance(4 * HOUR);
    let output = client.get_job_output().vault_name("v").job_id(&job).send().await.unwrap();
    assert_eq!(output.archive_description(), Some("greeting"));
    assert_eq!(&output.body.collect().await.unwrap().into_bytes()[..], b"hello");

    emulator.advance(25 * HOUR);
    let gone =
        client.describe_job().vault_name("v").job_id(&job).send().await.unwrap_err().into_service_error();
    assert_eq!(gone.message().unwrap(), format!("The job ID was not found: {job}"));
    assert_eq!(emulator.requests()["GetJobOutput"], 2);
}

#[tokio::test]
async fn parts_in_any_order_make_an_archive_whose_ranges_have_hashes() {
    let (emulator, client) = emulator().await;
    client.create_vault().vault_name("v").send().await.unwrap();
    let data: Vec<u8> = (0..13 * MIB / 2).map(|i| (i >> 20) as u8).collect();
    let upload =
        client.initiate_multipart_upload().vault_name("v").part_size("1048576").send().await.unwrap();
    let upload = upload.upload_id.unwrap();
    for (part, position) in data.chunks(MIB).zip(0..).collect::<Vec<_>>().into_iter().rev() {
        let first = position * MIB;
        let range = format!("bytes {first}-{}/*", first + part.len() - 1);
        let body = ByteStream::from(part.to_vec());
        let request =
            client.upload_multipart_part().vault_name("v").upload_id(&upload).range(range).body(body);
        request.send().await.unwrap();
    }
    let whole = "1bec740b9e7b5da352a727ef3b50e9b24717450758ec506d3a8d45b59ca4f759";
    let complete = |hash: &str| {
        let request = client.complete_multipart_upload().vault_name("v").upload_id(&upload);
        request.archive_size("6815744").checksum(hash).send()
    };
    let refused = complete(&"0".repeat(64)).await.unwrap_err().into_service_error();
    assert!(refused.message().unwrap().starts_with("Invalid x-amz-sha256-tree-hash"));
    let id = complete(whole).await.unwrap().archive_id.unwrap();
    assert_eq!(complete(whole).await.unwrap().archive_id.unwrap(), id, "a repeat gives the same archive");

    let job = job(&client, retrieval(&id)).await;
    emulator.advance(4 * HOUR);
    for (range, hash) in [
        ("bytes=0-4194303", Some("67b4bca77c9935ead8b071feb32ccccc142dfb5a2674650a1320f6fbcef943c6")),
        ("bytes=4194304-9999999", Some("ab6d8ef5453c3b378223882314a706ceef45392913a31a8ee404894e8df97d91")),
        ("bytes=1048576-3145727", None),
    ] {
        let output = client.get_job_output().vault_name("v").job_id(&job).range(range).send().await.unwrap();
        assert_eq!(output.checksum(), hash, "{range}");
        assert_eq!(output.status(), 206);
    }
    let described = client.describe_job().vault_name("v").job_id(&job).send().await.unwrap();
    assert_eq!(described.archive_sha256_tree_hash(), Some(whole));
    assert_eq!(described.status_code(), Some(&StatusCode::Succeeded));
}

#[tokio::test]
async fn an_inventory_lists_what_was_there_when_it_was_asked_for() {
    let (emulator, client) = emulator().await;
    client.create_vault().vault_name("v").send().await.unwrap();
    let body = ByteStream::from_static(b"x");
    client.upload_archive().vault_name("v").archive_description("a \"b\"").body(body).send().await.unwrap();
    let job = job(&client, JobParameters::builder().r#type("inventory-retrieval").build()).await;
    let body = ByteStream::from_static(b"later");
    client.upload_archive().vault_name("v").body(body).send().await.unwrap();
    emulator.advance(4 * HOUR);
    let output = client.get_job_output().vault_name("v").job_id(&job).send().await.unwrap();
    let text = String::from_utf8(output.body.collect().await.unwrap().to_vec()).unwrap();
    assert!(
        text.starts_with(
            r#"{"VaultARN":"arn:aws:glacier:us-east-1:111122223333:vaults/v","InventoryDate":""#
        )
    );
    assert!(
        text.contains(r#""ArchiveDescription":"a \"b\"","CreationDate":""#)
            && text.matches("ArchiveId").count() == 1
    );
}

#[tokio::test]
async fn vaults_come_in_pages_of_ten() {
    let (emulator, client) = emulator().await;
    for number in 0..25 {
        client.create_vault().vault_name(format!("v{number:02}")).send().await.unwrap();
    }
    let mut pages = client.list_vaults().into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        names.extend(page.unwrap().vault_list().iter().map(|vault| vault.vault_name().unwrap().to_owned()));
    }
    assert_eq!(names, (0..25).map(|number| format!("v{number:02}")).collect::<Vec<_>>());
    assert_eq!(emulator.requests()["ListVaults"], 3);
}

#[tokio::test]
async fn refusals_have_the_words_of_the_service() {
    let (_emulator, client) = emulator().await;
    let missing = client.describe_vault().vault_name("none").send().await.unwrap_err().into_service_error();
    assert_eq!(
        missing.message(),
        Some("Vault not found for ARN: arn:aws:glacier:us-east-1:111122223333:vaults/none")
    );
    client.create_vault().vault_name("v").send().await.unwrap();
    let empty = client.upload_archive().vault_name("v").body(ByteStream::from_static(b"")).send().await;
    assert_eq!(empty.unwrap_err().into_service_error().message(), Some("Invalid Content-Length: 0"));
    let body = ByteStream::from_static(b"x");
    let wrong = client.upload_archive().vault_name("v").checksum("0".repeat(64)).body(body).send().await;
    assert!(
        wrong
            .unwrap_err()
            .into_service_error()
            .message()
            .unwrap()
            .starts_with("Checksum mismatch: expected 0000")
    );
    let body = ByteStream::from_static(b"x");
    client.upload_archive().vault_name("v").body(body).send().await.unwrap();
    let full = client.delete_vault().vault_name("v").send().await.unwrap_err().into_service_error();
    assert!(full.message().unwrap().starts_with("Vault not empty or recently written to: arn:"));
}

#[tokio::test]
async fn an_acknowledged_archive_is_there_after_a_restart_and_a_directory_has_one_master() {
    let directory = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data_dir(directory.path()).start_blocking();
    let first = start().unwrap();
    assert!(start().unwrap_err().to_string().contains("in use"));
    let client = Client::new(&first.sdk_config());
    client.create_vault().vault_name("v").send().await.unwrap();
    let body = ByteStream::from_static(b"kept");
    let id = client.upload_archive().vault_name("v").body(body).send().await.unwrap().archive_id.unwrap();
    drop(first);
    let second = start().unwrap();
    let client = Client::new(&second.sdk_config());
    let job = job(&client, retrieval(&id)).await;
    let output = client.get_job_output().vault_name("v").job_id(&job).send().await.unwrap();
    assert_eq!(&output.body.collect().await.unwrap().into_bytes()[..], b"kept");
}

async fn store(client: &Client, body: &'static [u8]) -> String {
    let body = ByteStream::from_static(body);
    client.upload_archive().vault_name("v").body(body).send().await.unwrap().archive_id.unwrap()
}

#[tokio::test]
async fn what_was_uploaded_after_a_push_of_the_clock_is_not_in_the_future_of_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data_dir(directory.path()).start_blocking().unwrap();
    let first = start();
    let client = Client::new(&first.sdk_config());
    client.create_vault().vault_name("v").send().await.unwrap();
    first.advance(100 * HOUR);
    store(&client, b"late").await;
    let then = first.now();
    drop(first);
    let second = start();
    assert!(second.now() >= then, "the clock stays where it was pushed to");
    let client = Client::new(&second.sdk_config());
    let described = client.describe_vault().vault_name("v").send().await.unwrap();
    assert_eq!(described.number_of_archives(), 1);
    assert!(
        client.delete_vault().vault_name("v").send().await.is_err(),
        "it would have taken the archive with it"
    );
}

#[tokio::test]
async fn faults_are_set_and_ended_while_it_runs() {
    let (emulator, client) = emulator().await;
    client.create_vault().vault_name("v").send().await.unwrap();
    emulator.set_fault("access-denied@DescribeVault".parse().unwrap());
    let describe = || client.describe_vault().vault_name("v").send();
    let refused = describe().await.unwrap_err().into_service_error();
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    emulator.clear_faults();
    assert!(describe().await.is_ok());
}

#[tokio::test]
async fn discarded_content_is_hashed_and_listed_but_never_made_up() {
    let emulator = Emulator::builder().discard().start().await.unwrap();
    let client = Client::new(&emulator.sdk_config());
    client.create_vault().vault_name("v").send().await.unwrap();
    let whole = store(&client, b"hello").await;
    let upload =
        client.initiate_multipart_upload().vault_name("v").part_size("1048576").send().await.unwrap();
    let upload = upload.upload_id.unwrap();
    let part = client.upload_multipart_part().vault_name("v").upload_id(&upload).range("bytes 0-1048575/*");
    part.body(ByteStream::from(vec![0; MIB])).send().await.unwrap();
    let hash = "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58";
    let complete = client.complete_multipart_upload().vault_name("v").upload_id(&upload);
    complete.archive_size("1048576").checksum(hash).send().await.unwrap();
    assert_eq!(client.describe_vault().vault_name("v").send().await.unwrap().number_of_archives(), 2);
    let job = job(&client, retrieval(&whole)).await;
    let described = client.describe_job().vault_name("v").job_id(&job).send().await.unwrap();
    assert_eq!(described.status_code(), Some(&StatusCode::Failed));
}

#[tokio::test]
async fn a_try_that_is_cut_off_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let emulator = Emulator::builder().data_dir(directory.path());
    let emulator = emulator.fault("cut-middle@UploadArchive#1".parse().unwrap()).start().await.unwrap();
    let client = Client::new(&emulator.sdk_config());
    client.create_vault().vault_name("v").send().await.unwrap();
    let body = ByteStream::from(vec![7; 3 * MIB]);
    // The SDK tries again, so that one archive is there in the end.
    client.upload_archive().vault_name("v").body(body).send().await.unwrap();
    let wrong = client.upload_archive().vault_name("v").checksum("0".repeat(64));
    assert!(wrong.body(ByteStream::from_static(b"x")).send().await.is_err());
    assert_eq!(std::fs::read_dir(directory.path().join("archives")).unwrap().count(), 1);
}

#[tokio::test]
async fn parts_of_an_upload_that_was_left_alone_for_a_day_are_swept() {
    let directory = tempfile::tempdir().unwrap();
    let emulator = Emulator::builder().data_dir(directory.path()).start().await.unwrap();
    let client = Client::new(&emulator.sdk_config());
    client.create_vault().vault_name("v").send().await.unwrap();
    let begin = || client.initiate_multipart_upload().vault_name("v").part_size("1048576").send();
    let upload = begin().await.unwrap().upload_id.unwrap();
    let part = client.upload_multipart_part().vault_name("v").upload_id(&upload).range("bytes 0-4/*");
    part.body(ByteStream::from_static(b"hello")).send().await.unwrap();
    let files = || std::fs::read_dir(directory.path().join("parts")).unwrap().count();
    assert_eq!(files(), 1);
    emulator.advance(25 * HOUR);
    begin().await.unwrap();
    assert_eq!(files(), 0);
}

#[tokio::test]
#[should_panic = "a thousand years"]
async fn the_clock_cannot_be_pushed_beyond_all_dates() {
    let (emulator, _) = emulator().await;
    emulator.advance(Duration::from_secs(u64::MAX));
}
