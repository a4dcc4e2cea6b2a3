//! The interface over HTTP: a real server on a port of its own, a real database, a real store.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

mod accounts;
mod app;
mod attacks;
mod change;
mod direct;
mod multipart;
mod openapi;
mod operations;
mod playback;
mod posters;
mod protection;
mod stopping;
mod subtitles;
mod taste;
mod tus;
mod videos;
mod worker;
