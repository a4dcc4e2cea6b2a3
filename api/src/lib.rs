//! The HTTP interface: accounts, videos, uploads, playback, events, recommendations.
