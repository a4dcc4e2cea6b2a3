//! How good a title is, by pictures that were judged while it was made.

use super::ops;
use crate::{
    app::App,
    auth::Caller,
    extract::{Json, Path},
    problem::{self, Answer},
};
use axum::extract::State;
use marquee_core::{
    ErrorKind, Result,
    id::{EncodeId, VideoId},
    quality::{Moment, Quality, RungQuality},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show))
}

/// How good a title is. Pictures are compared with what their encoder was given, in the rung's own size.
#[derive(Serialize, ToSchema)]
#[schema(as = Quality)]
struct QualityView {
    /// Processor time that judging took.
    cpu_ms: u64,
    /// Rungs of which pictures were judged, highest first; empty if none were.
    rungs: Vec<RungView>,
}

/// How good a rung is.
#[derive(Serialize, ToSchema)]
#[schema(as = RungQuality)]
struct RungView {
    /// Folder and name of the rendition, such as `v/540p`.
    id: String,
    /// Pictures that were judged.
    pictures: u64,
    /// Their mean VMAF (model v0.6.1), 0 to 100.
    vmaf: f64,
    /// The VMAF that nineteen of twenty pictures reach.
    vmaf_low: f64,
    /// Their mean PSNR of the brightness, in dB.
    psnr_db: f64,
    /// Where it is worst, worst first: at most ten moments, five seconds apart.
    worst: Vec<MomentView>,
    /// VMAF over time: means over parts of equal length, at most 120.
    curve: Vec<MomentView>,
}

/// VMAF at a time.
#[derive(Serialize, ToSchema)]
#[schema(as = QualityMoment)]
struct MomentView {
    /// From the beginning.
    time_ms: u64,
    /// Of a picture, or the mean of several.
    vmaf: f64,
}

impl From<Moment> for MomentView {
    fn from(Moment { time_ms, vmaf }: Moment) -> Self {
        Self { time_ms, vmaf }
    }
}

impl From<RungQuality> for RungView {
    fn from(rung: RungQuality) -> Self {
        Self {
            id: rung.id,
            pictures: rung.pictures,
            vmaf: rung.vmaf,
            vmaf_low: rung.vmaf_low,
            psnr_db: rung.psnr_db,
            worst: rung.worst.into_iter().map(MomentView::from).collect(),
            curve: rung.curve.into_iter().map(MomentView::from).collect(),
        }
    }
}

/// Show how good a video is
///
/// As measured on samples while it was made: also of what there is of one that is not ready.
#[utoipa::path(get, path = "/v1/videos/{id}/quality", tag = "videos",
    params(("id" = String, Path, description = "The video")),
    responses((status = 200, body = QualityView), (status = "default", body = problem::Body)))]
async fn show(State(app): State<App>, caller: Caller, Path(id): Path<VideoId>) -> Answer<Json<QualityView>> {
    let video = ops::find(&app, &caller, id).await?;
    let quality = match video.encode {
        Some(encode) => of_encode(&app, encode).await?,
        None => Quality::default(),
    };
    Ok(Json(QualityView { cpu_ms: quality.cpu_ms, rungs: quality.rungs.into_iter().map(RungView::from).collect() }))
}

/// What the report says, or as long as there is none the ledger.
async fn of_encode(app: &App, id: EncodeId) -> Result<Quality> {
    let encode = match app.deps.db.encode(id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Quality::default()),
        found => found?,
    };
    match encode.report {
        Some(report) => Ok(report.quality),
        None => Ok(app.deps.db.ledger(encode.id).await?.quality(&encode.plan)),
    }
}
