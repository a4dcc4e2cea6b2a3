//! The CDN node: token check, cache, one origin fetch per miss, ranges.
