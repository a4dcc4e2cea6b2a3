//! Keys in order, from folders.

use marquee_core::{Result, object::Key};
use std::path::Path;

/// Up to `limit` keys that start with `prefix` and come after `after`.
pub(super) fn keys(root: &Path, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Key>> {
    let mut walk = Walk { prefix, after: after.map_or("", Key::as_str), limit, found: Vec::new() };
    // The folders that the prefix names in full need not be searched for.
    match prefix.rsplit_once('/') {
        None => walk.folder(root, "")?,
        Some((folder, _)) if Key::parse(folder).is_ok() => walk.folder(&root.join(folder), &format!("{folder}/"))?,
        Some(_) => {}
    }
    Ok(walk.found)
}

struct Walk<'a> {
    prefix: &'a str,
    after: &'a str,
    limit: usize,
    found: Vec<Key>,
}

impl Walk<'_> {
    /// Visits what lies in `folder`, whose keys begin with `base`.
    fn folder(&mut self, folder: &Path, base: &str) -> Result<()> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            // Removed meanwhile, or never there.
            Err(cause) if matches!(cause.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(cause) => return Err(cause.into()),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // With the slash, names sort as the keys below them do.
            names.push(if entry.file_type()?.is_dir() { format!("{base}{name}/") } else { format!("{base}{name}") });
        }
        names.sort_unstable();
        for name in names {
            if self.found.len() >= self.limit {
                break;
            }
            match name.strip_suffix('/') {
                Some(below) if self.may_hold(&name) && Key::parse(below).is_ok() => {
                    self.folder(&folder.join(&below[base.len()..]), &name)?;
                }
                None if name.starts_with(self.prefix) && name.as_str() > self.after => self.found.extend(Key::parse(&name)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a key that begins with `base` can start with the prefix and come after `after`.
    fn may_hold(&self, base: &str) -> bool {
        (base.starts_with(self.prefix) || self.prefix.starts_with(base)) && (base > self.after || self.after.starts_with(base))
    }
}
