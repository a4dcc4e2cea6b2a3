//! Parts of a multipart upload that their sender gives to the store itself, by addresses that we sign.

#[cfg(test)]
mod tests;

use super::{
    S3Blobs,
    error::{told, unavailable},
    grow::{self, State},
};
use async_trait::async_trait;
use aws_sdk_s3::{presigning::PresigningConfig, types};
use marquee_core::{
    Error, Result,
    blobs::{Direct, Growing, Part},
    object::Key,
};
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;

#[async_trait]
impl Direct for S3Blobs {
    async fn begin_in_parts(&self, key: &Key) -> Result<Growing> {
        grow::begin(self, key, None).await
    }

    async fn address(&self, growing: &Growing, part: Part, now: OffsetDateTime, valid_for: Duration) -> Result<Url> {
        let when = PresigningConfig::builder().start_time(now.into()).expires_in(valid_for).build().map_err(Error::internal)?;
        let put = self
            .signer
            .upload_part()
            .bucket(&self.bucket)
            .key(self.raw(&growing.key))
            .upload_id(State::of(growing)?.upload)
            .part_number(i32::try_from(part.number).map_err(Error::internal)?)
            // Signed with the rest, so that no other size is taken.
            .content_length(i64::try_from(part.size_bytes).map_err(Error::internal)?);
        let signed = put.presigned(when).await.map_err(told)?;
        Url::parse(signed.uri()).map_err(Error::internal)
    }

    async fn gather(&self, growing: &mut Growing) -> Result<Vec<Part>> {
        let mut state = State::of(growing)?;
        let (mut parts, mut in_a_row) = (Vec::new(), Vec::new());
        for listed in list(self, growing, &state).await? {
            let number = listed.part_number().and_then(|number| u32::try_from(number).ok());
            let number = number.ok_or_else(|| unavailable("the store listed a part without its number"))?;
            let size_bytes = listed.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
            parts.push(Part { number, size_bytes });
            if number as usize == in_a_row.len() + 1 {
                in_a_row.push(grow::Part { etag: listed.e_tag, crc32: listed.checksum_crc32, size_bytes });
            }
        }
        state.parts = in_a_row;
        state.keep(growing)?;
        Ok(parts)
    }
}

/// The parts that the store has, in order.
async fn list(store: &S3Blobs, growing: &Growing, state: &State) -> Result<Vec<types::Part>> {
    let (mut parts, mut marker) = (Vec::new(), None);
    loop {
        let list = store.client.list_parts().bucket(&store.bucket).key(store.raw(&growing.key)).upload_id(&state.upload);
        let mut listed = list.set_part_number_marker(marker).send().await.map_err(told)?;
        let is_truncated = listed.is_truncated().unwrap_or(false);
        marker = listed.next_part_number_marker.take();
        parts.append(&mut listed.parts.unwrap_or_default());
        if !is_truncated {
            break;
        }
        if marker.is_none() {
            return Err(unavailable("the store has more parts and does not say where"));
        }
    }
    // Not every store lists them in order.
    parts.sort_by_key(types::Part::part_number);
    Ok(parts)
}
