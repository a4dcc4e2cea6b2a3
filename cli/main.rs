//! The `marquee` binary: parse the command line, run the command, turn its outcome into an exit code.

fn main() -> std::process::ExitCode {
    marquee::run(std::env::args_os())
}
