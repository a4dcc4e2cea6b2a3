//! End to end: the real binary, started as a newcomer starts it, used from outside.

mod bad_input;
mod browser;
mod change;
mod command_line;
mod crash;
mod hostile;
mod main_job;
mod memory;
mod real_films;
mod recommend;
mod shutdown;
mod start;
mod subtitles;
mod tls;
mod traps;
mod verify;
