//! An edge in this process, in front of a real folder of objects and a small API that speaks the real feed.

mod coalescing;
mod connections;
mod feed;
mod harness;
mod live;
mod objects;
mod ranges;
mod tokens;
