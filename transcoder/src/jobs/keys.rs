//! Where the keys of a protected encode come from.

use super::Jobs;
use marquee_backends::key_server::SealedKey;
use marquee_core::{
    Error, Result,
    id::{EncodeId, VideoId},
    object::Layout,
    plan::{PLAN_VERSION, Plan},
    protection::{Choice, ContentKeys, Protected},
};
use marquee_packager::protect::cpix;

impl Jobs {
    /// The same plan of the encode that will be called `encode`, protected as `choice` says with keys of its own, and how these are stored.
    ///
    /// # Errors
    /// `Unavailable` if nothing can be protected here, or a key server does not answer; `Invalid` if it refuses, or answers what is none.
    pub(super) async fn protected(
        &self,
        (video, encode): (VideoId, EncodeId),
        choice: Option<Choice>,
        plan: Plan,
    ) -> Result<(Plan, Vec<SealedKey>)> {
        let Some(choice) = choice else { return Ok((Plan { protected: None, ..plan }, Vec::new())) };
        // From a media playlist, past the token, to where edges have keys.
        let key_url = format!("../../../../../keys/{}/", Layout::new(video, encode).scope());
        let (protected, keys) = self.issued(encode, choice, &key_url).await?;
        let sealed = self.deps.key_server.seal(encode, &keys)?;
        // A worker that would store it in the clear must not understand it, whatever plan it is like.
        Ok((Plan { version: PLAN_VERSION, protected: Some(protected), ..plan }, sealed))
    }

    /// The keys that what is stored of `plan` is protected with; `None` if it stays in the clear.
    pub(super) async fn keys(&self, encode: EncodeId, plan: &Plan) -> Result<Option<ContentKeys>> {
        match &plan.protected {
            Some(protected) => Ok(Some(self.deps.key_server.open(&self.deps.db, encode, protected).await?)),
            None => Ok(None),
        }
    }

    /// New keys, of a key server of others if there is one. It knows what is made as `encode`: a server that derives keys from the name of
    /// the content must give each encode others.
    async fn issued(&self, encode: EncodeId, choice: Choice, key_url: &str) -> Result<(Protected, ContentKeys)> {
        self.deps.key_server.check()?;
        let (protected, keys) = self.deps.key_server.generate(encode, choice, key_url);
        let Some(server) = self.deps.key_server.speke() else { return Ok((protected, keys)) };
        if choice.rotation_segments.is_some() {
            let message = "keys that change are made here alone, not by a key server of others: protect it without rotation_segments, \
                           or unset protection.key_server_url";
            return Err(Error::invalid("no_key_rotation", message));
        }
        let request = cpix::request(&encode.to_string(), choice.scheme, &keys, &protected.systems);
        let answer = server.exchange(request).await?;
        let (names, keys) = cpix::answer(&answer, choice.scheme, &keys, &protected.systems)?;
        Ok((Protected { names, ..protected }, keys))
    }
}
