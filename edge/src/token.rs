//! Who may read what: the keys that this edge knows, and the check of a request's token.

use arc_swap::ArcSwapOption;
use marquee_core::token::{Refusal, SigningKey, verify};
use std::sync::Arc;
use time::OffsetDateTime;

/// The keys that sign tokens now. Empty until the feed has brought some; kept while the API is away.
#[derive(Default)]
pub(crate) struct Keys(ArcSwapOption<Vec<SigningKey>>);

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// This edge does not know any keys yet.
    Early,
    /// The token is refused.
    Refused(Refusal),
}

impl Keys {
    /// Replaces all keys.
    pub(crate) fn replace(&self, keys: Vec<SigningKey>) {
        self.0.store(Some(Arc::new(keys)));
    }

    /// Whether the feed has brought keys since this edge started.
    pub(crate) fn are_known(&self) -> bool {
        self.0.load().is_some()
    }

    /// Checks `token` for `scope` at `now`.
    pub(crate) fn check(&self, token: &str, scope: &str, now: OffsetDateTime) -> Result<(), Denied> {
        let keys = self.0.load();
        let keys = keys.as_ref().ok_or(Denied::Early)?;
        verify(keys, token, scope, now).map_err(Denied::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::token::sign;
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn key(kid: &str) -> SigningKey {
        SigningKey { kid: kid.into(), secret: kid.as_bytes().repeat(8) }
    }

    #[test]
    fn keys_rotate_without_a_gap() {
        let keys = Keys::default();
        let token = sign(&key("k1"), "v/e", NOW + Duration::HOUR);
        assert_eq!(keys.check(&token, "v/e", NOW), Err(Denied::Early));
        keys.replace(vec![key("k1")]);
        assert_eq!(keys.check(&token, "v/e", NOW), Ok(()));
        keys.replace(vec![key("k2"), key("k1")]);
        assert_eq!(keys.check(&token, "v/e", NOW), Ok(()));
        assert_eq!(keys.check(&token, "v/e", NOW + Duration::HOUR), Err(Denied::Refused(Refusal::Expired)));
        keys.replace(vec![key("k2")]);
        assert_eq!(keys.check(&token, "v/e", NOW), Err(Denied::Refused(Refusal::Forged)));
    }
}
