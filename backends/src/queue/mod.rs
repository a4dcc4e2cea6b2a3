//! Job queues.

mod postgres;

pub use postgres::PostgresQueue;
