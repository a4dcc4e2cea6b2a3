//! Where a request came from: whoever connects, or whom a proxy of ours names.

use crate::{app::App, extract::header, problem::Problem};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use marquee_core::Error;
use std::net::{IpAddr, SocketAddr};

/// The address that limits are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl FromRequestParts<App> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>().ok_or_else(|| Error::internal("no peer"))?;
        Ok(Self(origin(peer.ip(), &parts.headers, &app.deps.trusted_proxies)))
    }
}

/// The last address in the chain of proxies that none of ours has: what stands before it anybody may have written.
fn origin(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let chain = header(headers, "x-forwarded-for").unwrap_or_default();
    let named = chain.rsplit(',').map_while(|address| address.trim().parse::<IpAddr>().ok());
    let mut last = peer;
    for address in named {
        last = address;
        if !trusted.contains(&address) {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_of_ours_are_believed_and_only_what_they_wrote() {
        let ours: IpAddr = [10, 0, 0, 1].into();
        let (client, stranger): (IpAddr, IpAddr) = ([198, 51, 100, 7].into(), [203, 0, 113, 9].into());
        let told = |peer: IpAddr, chain: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", chain.parse().unwrap());
            origin(peer, &headers, &[ours])
        };
        assert_eq!(told(stranger, "198.51.100.7"), stranger);
        assert_eq!(told(ours, "198.51.100.7"), client);
        assert_eq!(told(ours, "1.2.3.4, 198.51.100.7"), client, "the first is the client's own invention");
        assert_eq!(told(ours, "198.51.100.7, 10.0.0.1"), client, "two proxies of ours");
        assert_eq!(told(ours, "nonsense"), ours);
        assert_eq!(origin(ours, &HeaderMap::new(), &[ours]), ours);
    }
}
