//! A new migration changes the binary, although no source file names it.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
