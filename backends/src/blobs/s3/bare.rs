//! The SDK alone, for tests and benches: what the adapter does not do, and what it is measured against.

use super::connect;
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use url::Url;

const PART_BYTES: usize = 8 << 20;

/// Makes the bucket of `url`.
///
/// # Panics
/// When the store refuses.
pub(crate) async fn create_bucket(url: &Url) {
    let store = connect::connect(url).await.expect("a URL of a store");
    store.client.create_bucket().bucket(&store.bucket).send().await.expect("created");
}

/// Writes `body` to the store at `url` as one multipart upload, part after part.
///
/// # Panics
/// When the store refuses.
pub async fn bare_upload(url: &Url, name: &str, body: Bytes) {
    let store = connect::connect(url).await.expect("a URL of a store");
    let (client, bucket) = (&store.client, &store.bucket);
    let begun = client.create_multipart_upload().bucket(bucket).key(name).send().await.expect("begun");
    let upload = begun.upload_id().expect("an upload");
    let mut parts = Vec::new();
    for (index, start) in (0..body.len()).step_by(PART_BYTES).enumerate() {
        let number = i32::try_from(index + 1).expect("few parts");
        let part = ByteStream::from(body.slice(start..(start + PART_BYTES).min(body.len())));
        let send = client.upload_part().bucket(bucket).key(name).upload_id(upload).part_number(number).body(part);
        let sent = send.send().await.expect("sent");
        let crc32 = sent.checksum_crc32().map(str::to_owned);
        parts.push(
            CompletedPart::builder().part_number(number).e_tag(sent.e_tag().expect("a tag")).set_checksum_crc32(crc32).build(),
        );
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client.complete_multipart_upload().bucket(bucket).key(name).upload_id(upload).multipart_upload(parts);
    complete.send().await.expect("completed");
    client.delete_object().bucket(bucket).key(name).send().await.expect("deleted");
}
