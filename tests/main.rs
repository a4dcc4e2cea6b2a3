//! The one integration binary: what the crates may know of each other, and the real `marquee` driven from outside.

mod crash;
mod e2e;
mod layers;
mod support;
