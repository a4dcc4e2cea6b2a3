//! What commands say on standard output. Who reads it may have seen enough (`marquee verify DIR | head`): the command then goes on to its
//! end, and its exit code says the rest.

use std::{
    fmt,
    io::{self, Write},
    process,
};

/// Writes a line, as `println!` does.
macro_rules! say {
    ($($text:tt)*) => { $crate::say::line(format_args!($($text)*)) };
}

/// Writes `text` and the end of its line. Ends the process where there is no room for them.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "marquee: nothing can be written to standard output: {error}");
            process::exit(1);
        }
        _ => {}
    }
}
