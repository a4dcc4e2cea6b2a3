//! A new migration changes the binary, although no source file names it.

#[expect(clippy::print_stdout, reason = "how a build script talks to cargo")]
fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
