//! From the driver's errors to the house's, by kind and never by message.

use marquee_core::{Error, ErrorKind};
use sqlx::error::ErrorKind as Constraint;

/// What a caller can do about a failed statement. A query whose constraint means something to the caller maps it itself first.
pub(crate) fn error(cause: sqlx::Error) -> Error {
    let unavailable = |cause| Error::unavailable("the database").caused_by(cause);
    match &cause {
        sqlx::Error::RowNotFound => Error::not_found("row").caused_by(cause),
        // `Protocol` is what the driver makes of an answer that breaks off.
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => unavailable(cause),
        sqlx::Error::Database(refusal) => match refusal.kind() {
            Constraint::UniqueViolation => Error::conflict("already_exists", "it exists already").caused_by(cause),
            Constraint::ForeignKeyViolation => {
                Error::conflict("missing_reference", "something that this refers to is not there").caused_by(cause)
            }
            _ => match refusal.code().as_deref().map(kind_of) {
                Some(ErrorKind::Unavailable) => unavailable(cause),
                Some(ErrorKind::Invalid) => {
                    Error::invalid("invalid_value", "a value has a form that cannot be stored").caused_by(cause)
                }
                _ => Error::internal(cause),
            },
        },
        _ => Error::internal(cause),
    }
}

/// The same while connecting to `place`, which `key` configures, where a refusal is the operator's to mend.
pub(super) fn at_connect(cause: sqlx::Error, key: &str, place: &str) -> Error {
    match &cause {
        // Wrong password, no such database or user.
        sqlx::Error::Database(refusal) if refusal.code().is_some_and(|code| code.starts_with("28") || code.starts_with("3D")) => {
            let message = format!("{key}: the server at {place} refuses: {}", refusal.message());
            Error::invalid("invalid_config", message).caused_by(cause)
        }
        _ => error(cause),
    }
}

/// Kind of a SQLSTATE, see appendix A of the PostgreSQL manual.
fn kind_of(code: &str) -> ErrorKind {
    match (code.get(..2), code) {
        // Connection lost, resources, operator intervention (which includes statement timeouts), serialization and deadlocks,
        // lock timeouts: all may pass.
        (Some("08" | "40" | "53" | "57"), _) | (_, "55P03" | "25P03") => ErrorKind::Unavailable,
        // Data exceptions, such as a NUL in a text.
        (Some("22"), _) => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_that_pass_are_worth_a_retry() {
        for code in ["08006", "40001", "40P01", "53300", "57014", "57P01", "57P03", "55P03"] {
            assert_eq!(kind_of(code), ErrorKind::Unavailable, "{code}");
        }
        assert_eq!(kind_of("22021"), ErrorKind::Invalid);
        assert_eq!(kind_of("42P01"), ErrorKind::Internal);
        assert_eq!(kind_of(""), ErrorKind::Internal);
    }

    #[test]
    fn the_drivers_own_errors_are_sorted() {
        assert_eq!(error(sqlx::Error::PoolTimedOut).kind(), ErrorKind::Unavailable);
        assert_eq!(error(sqlx::Error::Protocol("unexpected response".into())).kind(), ErrorKind::Unavailable);
        assert_eq!(error(sqlx::Error::RowNotFound).kind(), ErrorKind::NotFound);
        assert_eq!(error(sqlx::Error::ColumnNotFound("x".into())).kind(), ErrorKind::Internal);
    }

    #[tokio::test]
    async fn a_server_that_refuses_is_not_waited_for() {
        let mut url = crate::testing::database_url().await;
        url.set_path("no_such_database");
        let refused = super::super::Db::connect(&url).await.expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert!(refused.message().contains("no_such_database") && refused.message().contains("database.url"), "{refused}");
    }

    #[tokio::test]
    async fn violations_are_told_apart() {
        let (db, _guard) = crate::testing::database().await;
        let film = crate::testing::video(&db, marquee_core::video::Status::Created).await;
        let again = db.insert_fixture_video(film, marquee_core::video::Status::Created).await.expect_err("there already");
        assert_eq!((again.kind(), again.code()), (ErrorKind::Conflict, "already_exists"));
        let nul =
            sqlx::query!("update videos set title = $1", "a\0b").execute(db.pool()).await.map_err(error).expect_err("refused");
        assert_eq!((nul.kind(), nul.code()), (ErrorKind::Invalid, "invalid_value"));
        let mut tx = db.pool().begin().await.expect("begun");
        sqlx::query!("select set_config('statement_timeout', '20', true)").fetch_one(&mut *tx).await.expect("set");
        let slow = sqlx::query!("select pg_sleep(60)").fetch_one(&mut *tx).await.map(drop).map_err(error).expect_err("cut");
        assert_eq!(slow.kind(), ErrorKind::Unavailable);
        drop(tx);
        db.close().await;
        assert_eq!(db.ping().await.expect_err("closed").kind(), ErrorKind::Unavailable);
    }
}
