//! HTTP to servers of others, over TLS or not.

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use marquee_core::{Error, Result};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::{sync::Arc, time::Duration};

/// A client of such servers. It follows no redirects.
pub type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that trusts the authorities that this machine trusts, `SSL_CERT_FILE` included, and gives up connecting after
/// `connect_timeout`.
///
/// # Errors
/// `Internal` if TLS cannot be set up.
pub fn client(connect_timeout: Duration) -> Result<Client> {
    let mut roots = RootCertStore::empty();
    // A machine that trusts nobody can still do without TLS.
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(error = %error, "certificates of authorities that cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().map_err(Error::internal)?;
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(connect_timeout));
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    Ok(legacy::Client::builder(TokioExecutor::new()).build(connector))
}
