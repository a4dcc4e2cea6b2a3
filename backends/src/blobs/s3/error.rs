//! What a store tells us, as something to branch on.

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};
use marquee_core::{Error, ErrorKind};

/// An answer that is not a success, with its cause for the log.
#[derive(Debug)]
pub(super) enum Told {
    /// There is no such object, upload or bucket.
    Missing(String),
    /// There is one already.
    Exists(String),
    /// Somebody else writes the same object right now.
    Conflict(String),
    /// The range does not lie in the object.
    Range(String),
    /// The store cannot do this.
    Unsupported(String),
    /// The store does not let us.
    Refused(String),
    /// It does not answer, or not sensibly: trying again later may work.
    Silent(String),
}

/// What the store's error means. Codes: Amazon S3 API reference, "Error responses".
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` takes")]
pub(super) fn told<E>(error: SdkError<E, HttpResponse>) -> Told
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let code = error.code().unwrap_or_default().to_owned();
    let cause = format!("{code} {status} {}", DisplayErrorContext(&error));
    match (code.as_str(), status) {
        ("NoSuchKey" | "NoSuchUpload" | "NoSuchBucket" | "NotFound", _) | (_, 404) => Told::Missing(cause),
        ("PreconditionFailed", _) | (_, 412) => Told::Exists(cause),
        ("InvalidRange", _) | (_, 416) => Told::Range(cause),
        ("NotImplemented", _) | (_, 501) => Told::Unsupported(cause),
        (_, 409) => Told::Conflict(cause),
        ("RequestTimeout" | "RequestTimeTooSkewed", _) => Told::Silent(cause),
        (_, 400 | 401 | 403 | 405) => Told::Refused(cause),
        _ => Told::Silent(cause),
    }
}

pub(super) fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::unavailable("the object store").caused_by(cause)
}

impl Told {
    /// The same, when the store is opened: what is missing then is the bucket.
    pub(super) fn at_start(self) -> Error {
        let wrong = |what: &str, cause| Error::invalid("invalid_config", format!("blobs.url: {what}")).caused_by(cause);
        match self {
            Self::Missing(cause) => wrong("there is no such bucket", cause),
            Self::Refused(cause) => wrong("the store refuses the access key, or what it may do with this bucket", cause),
            told => told.into(),
        }
    }
}

impl From<Told> for Error {
    fn from(told: Told) -> Self {
        match told {
            Told::Missing(cause) => Self::not_found("object").caused_by(cause),
            Told::Exists(cause) => Self::conflict("already_exists", "there is another object of that name").caused_by(cause),
            Told::Range(cause) => Self::invalid("invalid_range", "the range does not lie in the object").caused_by(cause),
            Told::Refused(cause) | Told::Unsupported(cause) => {
                Self::new(ErrorKind::Internal, "internal", "something went wrong on our side").caused_by(cause)
            }
            Told::Conflict(cause) | Told::Silent(cause) => unavailable(cause),
        }
    }
}
