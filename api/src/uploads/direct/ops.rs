//! What happens to uploads in parts.

use super::super::{
    ops::{self, Held, Opening},
    receive::{keeping, taken_over},
};
use crate::{
    app::App,
    auth::Caller,
    problem::{Answer, Problem},
};
use marquee_backends::db::uploads::Upload;
use marquee_core::{
    Error, ErrorKind,
    blobs::{Direct, Part},
    id::UploadId,
    parts::Cut,
};
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;

/// Addresses in one answer.
const ADDRESSES_MAX: usize = 100;
/// How long an address takes its part.
const ADDRESS_LIFE: Duration = Duration::from_secs(3600);
/// Parts that a refusal names.
const NAMED_MAX: usize = 10;

/// Addresses of parts.
pub(super) struct Addresses {
    /// In the order in which they were asked for.
    pub(super) items: Vec<(Part, Url)>,
    /// When they end.
    pub(super) expires_at: OffsetDateTime,
}

/// Opens an upload in parts.
pub(super) async fn open(app: &App, caller: &Caller, opening: Opening) -> Answer<Upload> {
    store(app)?;
    let part_bytes = opening.length_bytes.map(|length| Cut::of(length).part_bytes);
    let held = ops::open(app, caller, Opening { part_bytes, ..opening }).await?;
    ops::let_go(app, held).await
}

/// How an upload of the caller is cut that still takes parts, and the parts that the store has as they should be.
pub(super) async fn look(app: &App, caller: &Caller, id: UploadId) -> Answer<(Cut, Vec<Part>)> {
    let (upload, cut) = find(app, caller, id).await?;
    let stored = store(app)?.gather(&mut upload.growing.clone()).await.map_err(|error| match error.kind() {
        // Completed by another request just now.
        ErrorKind::NotFound => taken_over(),
        _ => error.into(),
    })?;
    Ok((cut, stored.into_iter().filter(|part| cut.part(part.number) == Some(*part)).collect()))
}

/// Makes addresses of parts. Whoever asks for them is about to send something, so the expiry moves on.
pub(super) async fn addresses(app: &App, caller: &Caller, id: UploadId, numbers: &[u32]) -> Answer<Addresses> {
    let (upload, cut) = find(app, caller, id).await?;
    if !(1..=ADDRESSES_MAX).contains(&numbers.len()) {
        return Err(Problem::bad_request("too_many_parts", format!("ask for 1 to {ADDRESSES_MAX} parts at a time")));
    }
    let (store, now) = (store(app)?, app.deps.clock.now());
    let mut items = Vec::with_capacity(numbers.len());
    for number in numbers {
        let part = cut.part(*number).ok_or_else(|| {
            Problem::bad_request("no_such_part", format!("the parts of this upload are called 1 to {}", cut.count()))
        })?;
        items.push((part, store.address(&upload.growing, part, now, ADDRESS_LIFE).await?));
    }
    if !app.deps.db.postpone_upload(id, ops::expiry(app)).await? {
        return Err(taken_over());
    }
    Ok(Addresses { items, expires_at: now + ADDRESS_LIFE })
}

/// Hands over an upload whose parts are all there.
pub(super) async fn complete(app: &App, caller: &Caller, id: UploadId, stated_sha256: Option<[u8; 32]>) -> Answer<Upload> {
    cut_of(&ops::find(app, caller, id).await?)?;
    let held = ops::hold(app, caller, id).await?;
    ops::release(app, held, async |held| {
        if held.upload.finished {
            return Ok(held.upload.clone());
        }
        gather(app, held).await?;
        if !app.deps.db.complete_upload(&held.upload, held.holder, stated_sha256.as_ref()).await? {
            return Err(taken_over());
        }
        held.upload.offset_bytes = held.upload.length_bytes;
        ops::hand_in(app, held).await
    })
    .await
}

/// Takes over what the store has of an upload in parts, which has to be all of it. A part may have been sent again since somebody
/// looked last, and has another name then.
pub(in super::super) async fn gather(app: &App, held: &mut Held) -> Answer<()> {
    let (upload, cut) = (&held.upload, cut_of(&held.upload)?);
    let is_whole = upload.offset_bytes == upload.length_bytes;
    let mut growing = upload.growing.clone();
    let stored = keeping(app, upload.id, held.holder, async {
        match store(app)?.gather(&mut growing).await {
            Ok(stored) if is_whole && stored.is_empty() => Ok(None),
            // Some stores refuse what is gone.
            Err(error) if is_whole && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Internal) => Ok(None),
            stored => Ok::<_, Problem>(Some(stored?)),
        }
    });
    // An object already, if somebody died before handing it over: the store will tell when it is finished again.
    let Some(stored) = stored.await? else { return Ok(()) };
    let wrong = cut.wrong(&stored);
    if wrong.is_empty() {
        held.upload.growing = growing;
        return Ok(());
    }
    let named: Vec<String> = wrong.iter().take(NAMED_MAX).map(u32::to_string).collect();
    let more = if wrong.len() > NAMED_MAX { ", …" } else { "" };
    let detail = format!("{} parts are missing or have a wrong size: {}{more}", wrong.len(), named.join(", "));
    Err(Error::conflict("parts_missing", detail).into())
}

/// An upload of the caller that still takes parts, and how it is cut.
async fn find(app: &App, caller: &Caller, id: UploadId) -> Answer<(Upload, Cut)> {
    let upload = ops::find(app, caller, id).await?;
    if upload.finished {
        return Err(ops::finished());
    }
    let cut = cut_of(&upload)?;
    if upload.offset_bytes == upload.length_bytes {
        // Somebody hands it over, or died over that.
        return Err(Error::conflict("upload_complete", "all parts of this upload are there: complete it again").into());
    }
    Ok((upload, cut))
}

/// How an upload is cut.
pub(super) fn cut_of(upload: &Upload) -> Answer<Cut> {
    let by_tus =
        || Error::conflict("tus_upload", "this upload was opened for tus: send its bytes with PATCH, or open another one");
    Ok(upload.cut().ok_or_else(by_tus)?)
}

/// The store, if it takes parts.
pub(in super::super) fn store(app: &App) -> Answer<&dyn Direct> {
    app.deps.blobs.direct().ok_or_else(|| {
        Error::conflict("not_direct", "the store of this installation takes no parts from clients: upload with tus").into()
    })
}
