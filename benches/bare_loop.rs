//! What the SDK costs by itself, for benchmarks: a loop that sends or fetches parts, some at a time, and does nothing
//! else. `bare_loop upload FILE PART_BYTES JOBS` or `bare_loop download FILE SIZE_BYTES RANGE_BYTES JOBS`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use aws_sdk_glacier::Client;
use aws_sdk_glacier::primitives::ByteStream;
use glacier_engine::treehash::TreeHasher;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let client = Client::new(&config);
    let arguments: Vec<String> = std::env::args().collect();
    let number = |index: usize| arguments[index].parse::<u64>().unwrap();
    match arguments[1].as_str() {
        "upload" => upload(&client, &arguments[2], number(3), number(4)).await,
        _ => download(&client, &arguments[2], number(3), number(4), number(5)).await,
    }
}

async fn upload(client: &Client, path: &str, part_bytes: u64, jobs: u64) {
    let file = Arc::new(File::open(path).unwrap());
    let size_bytes = file.metadata().unwrap().len();
    let begun = client.initiate_multipart_upload().vault_name("v").part_size(part_bytes.to_string());
    let id = begun.send().await.unwrap().upload_id.unwrap();
    let mut tasks = JoinSet::new();
    for start in (0..size_bytes).step_by(usize::try_from(part_bytes).unwrap()) {
        while tasks.len() as u64 >= jobs {
            tasks.join_next().await.unwrap().unwrap();
        }
        let (client, id, file) = (client.clone(), id.clone(), Arc::clone(&file));
        tasks.spawn(async move {
            let length = part_bytes.min(size_bytes - start);
            let data = tokio::task::spawn_blocking(move || {
                let mut data = vec![0; usize::try_from(length).unwrap()];
                file.read_exact_at(&mut data, start).unwrap();
                data
            });
            let request = client
                .upload_multipart_part()
                .vault_name("v")
                .upload_id(id)
                .range(format!("bytes {start}-{}/*", start + length - 1))
                .body(ByteStream::from(data.await.unwrap()));
            request.send().await.unwrap();
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let completed = client.complete_multipart_upload().vault_name("v").upload_id(id);
    completed.archive_size(size_bytes.to_string()).checksum("0".repeat(64)).send().await.unwrap();
}

async fn download(client: &Client, path: &str, size_bytes: u64, range_bytes: u64, jobs: u64) {
    let file = Arc::new(File::create(path).unwrap());
    let mut tasks = JoinSet::new();
    for start in (0..size_bytes).step_by(usize::try_from(range_bytes).unwrap()) {
        while tasks.len() as u64 >= jobs {
            tasks.join_next().await.unwrap().unwrap();
        }
        let (client, file) = (client.clone(), Arc::clone(&file));
        tasks.spawn(async move {
            let end = (start + range_bytes).min(size_bytes);
            let request = client.get_job_output().vault_name("v").job_id(format!("size-{size_bytes}"));
            let mut answer = request.range(format!("bytes={start}-{}", end - 1)).send().await.unwrap();
            let (mut hasher, mut at) = (TreeHasher::new(), start);
            while let Some(bytes) = answer.body.try_next().await.unwrap() {
                hasher.update(&bytes);
                file.write_all_at(&bytes, at).unwrap();
                at += bytes.len() as u64;
            }
            assert_eq!(Some(hasher.finish().to_string()), answer.checksum);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    file.sync_all().unwrap();
}
