//! Who gets which key: whoever holds the token of a playback session, for as long as that works, the keys of what it plays.

use crate::{app::App, auth::Caller, videos};
use marquee_core::{
    Error, ErrorKind, Result, Role,
    id::{EncodeId, VideoId},
    object::Layout,
    protection::{Choice, ContentKey, ContentKeys, Protected, Secret, System},
    token::{self, Refusal},
};
use marquee_packager::protect::{
    clear_key::{LicenceRequest, licence},
    cpix,
};
use uuid::Uuid;

/// The answer to a Clear Key request, for whoever shows the token of a session that plays `encode`.
///
/// # Errors
/// `Forbidden` if the token does not open it; `Invalid` for a request that is none; `NotFound` if a key is not of this encode.
pub(crate) async fn clear_key(app: &App, video: VideoId, encode: EncodeId, token: &str, request: &[u8]) -> Result<String> {
    let scope = Layout::new(video, encode).scope();
    let checked = token::verify(&app.keys.live().playback.keys, token, &scope, app.deps.clock.now());
    checked.map_err(|refusal| match refusal {
        Refusal::Forged => Error::new(ErrorKind::Forbidden, "invalid_token", "this token does not open these keys"),
        Refusal::Expired => Error::new(ErrorKind::Forbidden, "expired_token", "this token has expired: press play again"),
    })?;
    let request = LicenceRequest::parse(request)?;
    let (choice, keys) = keys_of(app, video, encode, |_| true).await?;
    let asked: Result<Vec<&ContentKey>> =
        request.key_ids.iter().map(|id| keys.find(*id).ok_or_else(|| Error::not_found("key"))).collect();
    let mut given = asked?;
    if choice.rotation_segments.is_some() {
        // Not every player asks again when keys change.
        given = keys.0.iter().map(|(_, key)| key).collect();
    }
    Ok(licence(request.session, &given))
}

/// The secret of one key, for an edge that has checked the token of who asks.
///
/// # Errors
/// `NotFound` if the encode has no such key.
pub(crate) async fn secret(app: &App, video: VideoId, encode: EncodeId, id: Uuid) -> Result<Secret> {
    let (_, keys) = keys_of(app, video, encode, Option::is_some).await?;
    keys.find(id).map(|key| key.secret.clone()).ok_or_else(|| Error::not_found("key"))
}

/// All keys of what a video shows, as a CPIX document with their secrets.
///
/// # Errors
/// `Forbidden` for all but administrators; `Conflict` if what it shows is in the clear.
pub(crate) async fn export(app: &App, caller: &Caller, id: VideoId) -> Result<String> {
    caller.require(Role::Admin)?;
    let video = videos::ops::find(app, caller, id).await?;
    let clear = || Error::conflict("not_protected", "what the video shows is not protected: there are no keys");
    let encode = video.encode.ok_or_else(clear)?;
    let plan = app.deps.db.encode(encode).await?.plan;
    let protected = plan.protected.as_ref().ok_or_else(clear)?;
    let keys = app.deps.key_server.open(&app.deps.db, encode, protected).await?;
    tracing::info!(video.id = %id, by = %caller.user, "content keys exported");
    Ok(cpix::export(&encode.to_string(), protected, &keys, plan.last_segment()))
}

/// The keys of an encode of a video that is there, those of all its crypto periods, if viewers are given such: to Clear Key alone, whose
/// addresses are as `fits` wants. What is for licence servers of others never leaves.
async fn keys_of(
    app: &App,
    video: VideoId,
    encode: EncodeId,
    fits: impl Fn(&Option<String>) -> bool,
) -> Result<(Choice, ContentKeys)> {
    app.deps.db.video(video).await?;
    let encode = app.deps.db.encode(encode).await?;
    let is_open = |system: &System| matches!(system, System::ClearKey { key_url } if fits(key_url));
    let is_given = |protected: &Protected| encode.video == video && protected.systems.iter().any(is_open);
    let protected = encode.plan.protected.as_ref().filter(|protected| is_given(protected));
    let protected = protected.ok_or_else(|| Error::not_found("encode with keys"))?;
    let keys = app.deps.key_server.open(&app.deps.db, encode.id, protected).await?;
    Ok((protected.choice, keys.of_periods(protected.choice, encode.plan.last_segment())))
}
