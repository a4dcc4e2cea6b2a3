//! The publish job: check everything that is stored against the ledger and the rules, write the final manifests, flip the
//! video to ready. Run again after a crash anywhere it writes the same bytes under the same names.

use super::{Jobs, cancelled, committed, layout, package::Package, piece::refuse_damage, shelf::sha256, source::read_all};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use marquee_backends::{
    db::{
        jobs::Claim,
        ledger::{Ledger, Report, Sha256, StoredSegment},
        thumbnails::State,
    },
    dispatch::Work,
};
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{Blobs, Created},
    id::EncodeId,
    job::Failure,
    object::{self, CHAPTERS, IMAGES, Layout, MANIFEST, MASTER, Track, init_path, segment_path, subtitles_path},
    plan::Plan,
    source::{Note, Source},
    thumbnails::Thumbnails,
};
use marquee_packager::{
    dash,
    gate::{self, Finding, Severity},
    hls,
    model::{self, Presentation, Rendition},
    verify, webvtt,
};
use std::sync::Arc;

/// Objects that are looked at a time.
const CHECKS_MAX: usize = 8;
/// Bytes that are read back at most; of a longer title evenly spread segments are read, of every object the size.
const READ_BACK_BYTES_MAX: u64 = 1 << 30;
/// Findings that a failure names.
const FINDINGS_SHOWN_MAX: usize = 3;

impl Jobs {
    pub(super) async fn publish(&self, claim: &Claim, work: &Work, encode: EncodeId) -> Result<(), Failure> {
        let db = &self.deps.db;
        let encode = db.encode(encode).await?;
        // What comes later is offered beside the manifests only.
        let thumbnails = match db.thumbnails(encode.id).await? {
            State::Stored(made, _) => Some(made),
            State::Absent | State::GaveUp => None,
        };
        let shown = Shown {
            blobs: self.deps.blobs.clone(),
            layout: layout(&encode)?,
            plan: &encode.plan,
            source: &encode.source,
            thumbnails: thumbnails.as_ref(),
        };
        let ledger = db.ledger(encode.id).await?;
        let progress = |done| work.progress(done);
        let mut report =
            work.cancelled().run_until_cancelled(shown.publish(&ledger, &progress)).await.ok_or_else(cancelled)??;
        report.cost.inspect_cpu_ms = encode.inspect_cpu_ms;
        report.cpu_ms = report.cost.total_cpu_ms();
        Ok(committed(db.finish_publish(claim, encode.id, encode.plan.duration_ms(), &report).await?)?)
    }
}

/// Who wants to know what share is done.
pub(crate) type Progress<'a> = dyn Fn(f32) + Send + Sync + 'a;

/// An encode whose pieces are all stored.
pub(crate) struct Shown<'a> {
    /// Where they are stored.
    pub(crate) blobs: Arc<dyn Blobs>,
    /// Under which names.
    pub(crate) layout: Layout,
    /// What was to be done.
    pub(crate) plan: &'a Plan,
    /// What it was done to.
    pub(crate) source: &'a Source,
    /// Its tiles, if they are stored already.
    pub(crate) thumbnails: Option<&'a Thumbnails>,
}

impl Shown<'_> {
    /// Checks it and writes its manifests. Nothing refers to them until the caller lets something.
    ///
    /// # Errors
    /// `Fail` with code `damaged` or `gate_failed` for what must not be shown; `Retry` if the store does not answer.
    pub(crate) async fn publish(&self, ledger: &Ledger, progress: &Progress<'_>) -> Result<Report, Failure> {
        let mut report = ledger.report(self.plan);
        refuse_damage(self.source, self.plan, report.damaged)?;
        if report.damaged > 0 {
            let message = format!("{} of {} frames were damaged and are concealed", report.damaged, report.frames);
            report.notes.push(Note::new("damage_concealed", message));
        }
        let chapters = self.source.chapters.clone();
        let presentation = Presentation { chapters, ..ledger.presentation(self.plan) };
        refuse(missing(self.plan, ledger, &presentation))?;
        refuse(gate::check(&presentation))?;
        self.check_objects(ledger, progress).await?;
        let mut playlists = playlists(&presentation);
        let master = hls::master(&presentation);
        refuse(gate::check_playlists(&presentation, &master, &playlists))?;
        let (duration_ms, mut named) = (self.plan.duration_ms(), master.clone());
        if let Some(thumbnails) = self.thumbnails {
            let images = hls::images(&thumbnails.tiles, duration_ms);
            named = hls::with_images(&master, thumbnails, duration_ms);
            refuse(gate::check_images(thumbnails, duration_ms, &named, &images))?;
            playlists.push((IMAGES.to_owned(), images));
        }
        let manifest = dash::manifest(&presentation, self.thumbnails);
        refuse(gate::check_manifest(&presentation, self.thumbnails, &manifest))?;
        let mut texts: Vec<(String, Vec<String>)> = playlists.into_iter().map(|(path, text)| (path, vec![text])).collect();
        texts.extend(hls::chapters(&presentation.chapters).map(|chapters| (CHAPTERS.to_owned(), vec![chapters])));
        for track in presentation.tracks.iter().filter(|track| track.rendition.folder() == Track::Text) {
            texts.push((subtitles_path(&track.rendition.id), vec![self.subtitles(track).await?]));
        }
        // An attempt before this one may have written its own when there were no tiles yet.
        texts.push((MANIFEST.to_owned(), vec![manifest, dash::manifest(&presentation, None)]));
        texts.push((MASTER.to_owned(), vec![named, master]));
        self.verify(&texts).await?;
        for (path, texts) in &texts {
            self.write(path, texts).await?;
        }
        report.dash = true;
        Ok(report)
    }

    /// Holds what is stored and the first of each of `texts` to the public rules, as anybody would who gets nothing but the files.
    async fn verify(&self, texts: &[(String, Vec<String>)]) -> Result<(), Failure> {
        let texts = texts.iter().filter_map(|(path, texts)| Some((path.clone(), texts.first()?.clone().into())));
        let verdict = Package::new(self.blobs.clone(), self.layout, texts.collect()).verdict().await?;
        let finding = |found: &verify::Finding| {
            let place = found.places.first().map(|place| format!("{}: {}", place.path, place.message));
            let message = place.unwrap_or_default();
            Finding { severity: found.severity, rule: found.rule.clone(), message }
        };
        refuse(verdict.findings.iter().map(finding).collect())
    }

    /// Compares every stored object with its row: sizes of all, bytes of as many as [`READ_BACK_BYTES_MAX`] allows.
    async fn check_objects(&self, ledger: &Ledger, progress: &Progress<'_>) -> Result<(), Failure> {
        for stored in ledger.renditions.iter().filter(|stored| stored.track.has_init()) {
            let key = self.layout.key(&init_path(stored.track, &stored.rendition.id))?;
            let bytes = read_all(&*self.blobs, &key).await?;
            let mut findings = gate::check_init(&stored.rendition, &bytes);
            findings.extend(gate::check_protected_init(self.plan.protected.as_ref(), &stored.rendition, &bytes));
            findings.extend(differing(key.as_str(), sha256(bytes).await?, stored.init_sha256));
            refuse(findings)?;
        }
        let total_bytes: u64 = ledger.segments.iter().map(|stored| stored.segment.size_bytes).sum();
        let every = usize::try_from(total_bytes.div_ceil(READ_BACK_BYTES_MAX)).unwrap_or(usize::MAX).max(1);
        let count = ledger.segments.len().max(1) as f32;
        let mut checks: Vec<BoxFuture<'_, Result<Vec<Finding>>>> = Vec::with_capacity(ledger.segments.len());
        for (index, stored) in ledger.segments.iter().enumerate() {
            let rendition = ledger.rendition(stored.track, &stored.rendition);
            checks.push(self.check_segment(stored, rendition, index % every == 0).boxed());
        }
        let mut checked = 0.0;
        let mut findings = stream::iter(checks).buffer_unordered(CHECKS_MAX);
        while let Some(found) = findings.try_next().await? {
            refuse(found)?;
            checked += 1.0;
            progress(checked / count);
        }
        Ok(())
    }

    async fn check_segment(
        &self,
        stored: &StoredSegment,
        rendition: Option<&Rendition>,
        read_back: bool,
    ) -> Result<Vec<Finding>> {
        let key = self.layout.key(&segment_path(stored.track, &stored.rendition, stored.segment.number))?;
        let size_bytes = match self.blobs.head(&key).await {
            Ok(meta) => meta.size_bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![finding("stored", format!("{key} is missing"))]),
            Err(error) => return Err(error),
        };
        if size_bytes != stored.segment.size_bytes {
            let message = format!("{key} has {size_bytes} bytes where the ledger says {}", stored.segment.size_bytes);
            return Ok(vec![finding("stored", message)]);
        }
        let Some(rendition) = rendition.filter(|_| read_back) else { return Ok(Vec::new()) };
        let bytes = read_all(&*self.blobs, &key).await?;
        let mut findings = gate::check_segment(rendition, &stored.segment, &bytes);
        let protected = self.plan.protected.as_ref();
        findings.extend(gate::check_protected_segment(protected, rendition, stored.segment.number, &bytes));
        findings.extend(differing(key.as_str(), sha256(bytes).await?, stored.sha256));
        Ok(findings)
    }

    /// The cues of a track's segments in one file.
    async fn subtitles(&self, track: &model::Track) -> Result<String, Failure> {
        let id = &track.rendition.id;
        let mut reads: Vec<BoxFuture<'_, Result<Bytes>>> = Vec::with_capacity(track.segments.len());
        for segment in &track.segments {
            let key = self.layout.key(&segment_path(Track::Text, id, segment.number))?;
            reads.push(async move { read_all(&*self.blobs, &key).await }.boxed());
        }
        let bytes: Vec<Bytes> = stream::iter(reads).buffered(CHECKS_MAX).try_collect().await?;
        let cues: Result<Vec<_>> = bytes.iter().map(|bytes| Ok(webvtt::read(bytes)?.cues)).collect();
        match cues {
            Ok(cues) => Ok(webvtt::whole(cues)),
            Err(error) => Err(refusal(&[finding("RFC 8216 3.5", format!("{id}: {}", error.detail()))])),
        }
    }

    /// Writes a text. What an earlier attempt wrote must be one of `texts`, of which the first is written, since it was made from the same
    /// rows.
    async fn write(&self, path: &str, texts: &[String]) -> Result<()> {
        let key = self.layout.key(path)?;
        let bytes = Bytes::from(texts.first().cloned().unwrap_or_default());
        if self.blobs.create(&key, bytes).await? == Created::Existed {
            let there = read_all(&*self.blobs, &key).await?;
            if !texts.iter().any(|text| text.as_bytes() == there) {
                return Err(Error::conflict("playlist_mismatch", format!("{key} was written by another version: encode anew")));
            }
        }
        Ok(())
    }
}

/// Every playlist but the master, with its path in the encode.
fn playlists(presentation: &Presentation) -> Vec<(String, String)> {
    let mut playlists = Vec::new();
    for track in &presentation.tracks {
        let folder = track.rendition.folder();
        let id = &track.rendition.id;
        let text = hls::media(presentation, track, hls::Kind::Vod, "");
        playlists.push((object::playlist_path(folder, id), text));
        if folder == Track::Video {
            playlists.push((object::iframes_path(id), hls::iframes(presentation, track)));
        }
    }
    playlists
}

/// What the plan promises and the ledger does not have.
fn missing(plan: &Plan, ledger: &Ledger, presentation: &Presentation) -> Vec<Finding> {
    let offered: usize = presentation.tracks.iter().map(|track| track.segments.len()).sum();
    let mut findings = Vec::new();
    if presentation.tracks.len() != plan.rungs.len() + plan.audio.len() + plan.subtitles.len() {
        findings.push(finding("complete", "a rendition of the plan has no segments".to_owned()));
    }
    if offered != ledger.segments.len() {
        findings.push(finding("complete", "the segments of a rendition have a gap".to_owned()));
    }
    findings
}

fn differing(key: &str, stored: Sha256, expected: Sha256) -> Option<Finding> {
    (stored != expected).then(|| finding("stored", format!("{key} is not what the ledger's checksum says")))
}

fn finding(rule: &'static str, message: String) -> Finding {
    Finding { severity: Severity::Error, rule: rule.into(), message }
}

/// Turns errors among `findings` into a failure that names them; the rest goes to the log.
fn refuse(findings: Vec<Finding>) -> Result<(), Failure> {
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.into_iter().partition(|found| found.severity == Severity::Error);
    for warning in warnings {
        tracing::warn!(gate.rule = warning.rule.as_ref(), "{}", warning.message);
    }
    if errors.is_empty() { Ok(()) } else { Err(refusal(&errors)) }
}

/// The failure that names `errors`.
fn refusal(errors: &[Finding]) -> Failure {
    let shown: Vec<_> =
        errors.iter().take(FINDINGS_SHOWN_MAX).map(|found| format!("{} ({})", found.message, found.rule)).collect();
    let more = errors.len() - shown.len();
    let tail = if more > 0 { format!(", and {more} more") } else { String::new() };
    let message = format!("what was encoded did not pass the conformance gate: {}{tail}", shown.join("; "));
    Failure::Fail { code: "gate_failed".into(), message }
}
