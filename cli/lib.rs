//! Marquee: subcommands and the one wiring function.
