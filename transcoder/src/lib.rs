//! Any film in, CMAF renditions out: the only crate that links libav.
