//! The interface over HTTP: a real server on a port of its own, a real database, a real store.

mod accounts;
mod app;
mod attacks;
mod multipart;
mod openapi;
mod playback;
mod tus;
mod videos;
mod worker;
