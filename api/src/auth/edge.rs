//! Edges show a secret that they share with the API.

use super::caller::bearer;
use crate::{app::App, problem::Problem};
use axum::{extract::FromRequestParts, http::request::Parts};
use marquee_core::{Error, ErrorKind};
use subtle::ConstantTimeEq;

/// An edge that showed the right key.
pub(crate) struct Edge;

impl FromRequestParts<App> for Edge {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let shown = bearer(parts).unwrap_or_default();
        if shown.as_bytes().ct_eq(app.deps.edge_key.as_bytes()).into() {
            return Ok(Self);
        }
        let message = "this is for edges alone: edge.key must be the same here and on the edge";
        Err(Error::new(ErrorKind::Forbidden, "not_an_edge", message).into())
    }
}
