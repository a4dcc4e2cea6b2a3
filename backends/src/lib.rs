//! Every adapter to the outside: Postgres, object stores, queues, caches. The only crate that names an SDK.
//!
//! [`db::Db`] is the truth; [`open`] turns the URLs of a configuration into the ports of `marquee_core`; [`dispatch`] gets
//! jobs from the database to workers, whatever dies on the way; [`key_server`] makes, seals and opens content keys; [`https`] asks
//! servers of others; [`private_postgres`] is the database of a single machine.

pub mod blobs;
pub mod cache;
pub mod db;
pub mod dispatch;
pub mod https;
pub mod key_server;
pub mod open;
pub mod private_postgres;
pub mod queue;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
