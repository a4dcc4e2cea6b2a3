//! Sums up what decides the bytes of an encode, so that those of another version are told from ours.

use std::{fs, io, path::Path};

/// Folders whose code does, from where Cargo runs this.
const FOLDERS: [&str; 3] = ["src", "../packager/src", "../core/src/plan"];

fn main() -> io::Result<()> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        collect(Path::new(folder), &mut files)?;
    }
    files.sort();
    // FNV-1a: <https://datatracker.ietf.org/doc/html/rfc9923>
    let sum = files
        .iter()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    println!("cargo::rustc-env=MARQUEE_MEDIA_SUM={sum:016x}");
    Ok(())
}

/// The contents of all files below `folder`.
fn collect(folder: &Path, files: &mut Vec<Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(fs::read(path)?);
        }
    }
    Ok(())
}
