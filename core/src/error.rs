//! One error type for the whole house: a small kind to branch on, a message for the caller, the cause for the log.

use std::fmt;

/// What a caller can do about an error. Branch on this, never on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request cannot be right, however often it is sent.
    Invalid,
    /// No or wrong credentials.
    Unauthenticated,
    /// Known caller, not allowed.
    Forbidden,
    /// There is no such thing (or the caller may not know of it).
    NotFound,
    /// It exists already, or its state does not allow this now.
    Conflict,
    /// A bound was exceeded.
    TooLarge,
    /// The caller asks too often.
    RateLimited,
    /// A part that is needed does not answer now; trying again later may work.
    Unavailable,
    /// Cancelled because the process stops or the caller went away.
    Cancelled,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unavailable | Self::RateLimited | Self::Cancelled)
    }
}

/// An error: `kind` to branch on, `code` that scripts may rely on, `message` that tells the caller what to do, and the
/// `source` chain that only the log sees.
pub struct Error {
    kind: ErrorKind,
    code: &'static str,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Shorthand for results of this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a stable `code` (snake_case) and a message for the caller.
    #[must_use]
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), source: None }
    }

    /// [`ErrorKind::Invalid`] with the given code.
    #[must_use]
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, code, message)
    }

    /// [`ErrorKind::NotFound`]: `what` names the missing thing, as in "video".
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorKind::NotFound, "not_found", format!("there is no such {what}"))
    }

    /// [`ErrorKind::Conflict`] with the given code.
    #[must_use]
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, code, message)
    }

    /// [`ErrorKind::Unavailable`]: `what` names the part that did not answer.
    #[must_use]
    pub fn unavailable(what: &str) -> Self {
        Self::new(ErrorKind::Unavailable, "unavailable", format!("{what} does not answer, try again shortly"))
    }

    /// [`ErrorKind::Internal`]: the caller learns nothing, the log learns `detail`.
    #[must_use]
    pub fn internal(detail: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Internal, "internal", "something went wrong on our side").caused_by(detail)
    }

    /// The same error with its cause attached, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to branch on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Stable snake_case code for scripts and problem documents.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What the caller may read.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The whole chain of causes, for one log line.
    #[must_use]
    pub fn detail(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.kind, self.code, self.detail())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        match error.kind() {
            Io::NotFound => Self::not_found("object").caused_by(error),
            Io::AlreadyExists => Self::conflict("already_exists", "it exists already").caused_by(error),
            Io::StorageFull | Io::QuotaExceeded => {
                Self::new(ErrorKind::Unavailable, "storage_full", "the storage is full, free space and try again")
                    .caused_by(error)
            }
            Io::TimedOut | Io::ConnectionReset | Io::ConnectionRefused | Io::BrokenPipe | Io::UnexpectedEof => {
                Self::unavailable("the other end").caused_by(error)
            }
            _ => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_holds_the_chain_and_display_does_not() {
        let error = Error::unavailable("the database").caused_by("connection refused");
        assert_eq!(error.to_string(), "the database does not answer, try again shortly");
        assert!(error.detail().ends_with("connection refused"));
        assert!(error.kind().is_transient());
    }
}
