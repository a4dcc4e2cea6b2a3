//! An object while it arrives: one writer, any number of readers, each at its own pace and in its own range.

use crate::flight::Outcome;
use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use marquee_core::{Error, blobs::ByteStream};
use std::{ops::Range, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long the origin may pause between two pieces of a body.
const STALL: Duration = Duration::from_secs(15);

/// The bytes so far, and how it ended.
#[derive(Default)]
struct Progress {
    chunks: Vec<Bytes>,
    end: Option<Outcome<()>>,
}

/// An object of a known size whose bytes are arriving.
pub(crate) struct Arrival {
    size_bytes: u64,
    progress: watch::Sender<Progress>,
}

impl Arrival {
    /// An object of which nothing is here yet.
    pub(crate) fn new(size_bytes: u64) -> Arc<Self> {
        Arc::new(Self { size_bytes, progress: watch::Sender::new(Progress::default()) })
    }

    /// Takes in `body` to its end and answers all of it in one piece. A body that fails, stalls, or is not exactly as long as the
    /// object fails every reader too: nobody takes a part for the whole.
    ///
    /// # Errors
    /// What went wrong with the body.
    pub(crate) async fn fill(self: Arc<Self>, body: ByteStream) -> Outcome<Bytes> {
        let filling = Filling(self);
        let outcome = filling.take(body).await.map_err(Arc::new);
        filling.0.progress.send_modify(|progress| progress.end = Some(outcome.clone()));
        outcome?;
        let progress = filling.0.progress.borrow();
        let mut whole = BytesMut::with_capacity(progress.chunks.iter().map(Bytes::len).sum());
        progress.chunks.iter().for_each(|chunk| whole.extend_from_slice(chunk));
        Ok(whole.freeze())
    }

    /// The bytes in `range` as they arrive. Ends in an error if the object does not arrive whole.
    pub(crate) fn stream(self: Arc<Self>, range: Range<u64>) -> impl Stream<Item = Result<Bytes, Arc<Error>>> + Send {
        let reader = Reader { progress: self.progress.subscribe(), _arrival: self, range, chunk: 0, chunk_start: 0 };
        stream::unfold(reader, |mut reader| async move { reader.next().await.map(|chunk| (chunk, reader)) })
    }
}

/// The writing side. Dropped early, by a panic or at shutdown, it leaves no reader waiting.
struct Filling(Arc<Arrival>);

impl Filling {
    async fn take(&self, body: ByteStream) -> Result<(), Error> {
        let mut received = 0;
        let pieces = pieces(body);
        futures::pin_mut!(pieces);
        while let Some(piece) = futures::StreamExt::next(&mut pieces).await {
            let piece = piece?;
            received += piece.len() as u64;
            if received > self.0.size_bytes {
                break;
            }
            self.0.progress.send_modify(|progress| progress.chunks.push(piece));
        }
        if received == self.0.size_bytes {
            Ok(())
        } else {
            let detail = format!("an object of {} bytes came with {received}", self.0.size_bytes);
            Err(Error::unavailable("the origin").caused_by(detail))
        }
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        self.0.progress.send_if_modified(|progress| {
            let abandoned = progress.end.is_none();
            if abandoned {
                progress.end = Some(Err(Arc::new(Error::unavailable("the origin").caused_by("the fetch was abandoned"))));
            }
            abandoned
        });
    }
}

/// The pieces of `body`, none of them empty; a pause that is too long is an error.
pub(crate) fn pieces(body: ByteStream) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    stream::unfold(Some(body), |body| async move {
        let mut body = body?;
        loop {
            match tokio::time::timeout(STALL, futures::StreamExt::next(&mut body)).await {
                Ok(Some(Ok(piece))) if piece.is_empty() => {}
                Ok(Some(Ok(piece))) => return Some((Ok(piece), Some(body))),
                Ok(Some(Err(error))) => return Some((Err(error), None)),
                Ok(None) => return None,
                Err(_elapsed) => return Some((Err(Error::unavailable("the origin").caused_by("the body stalled")), None)),
            }
        }
    })
}

/// One reader's place.
struct Reader {
    progress: watch::Receiver<Progress>,
    /// Keeps the sending side alive.
    _arrival: Arc<Arrival>,
    /// What is still to be given out.
    range: Range<u64>,
    /// Index of the chunk that holds the start of `range`, or one before it.
    chunk: usize,
    /// Place of that chunk in the object.
    chunk_start: u64,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Bytes, Arc<Error>>> {
        while !self.range.is_empty() {
            {
                let progress = self.progress.borrow_and_update();
                while let Some(chunk) = progress.chunks.get(self.chunk) {
                    let chunk_end = self.chunk_start + chunk.len() as u64;
                    if self.range.start < chunk_end {
                        let end = self.range.end.min(chunk_end);
                        let within = |place: u64| usize::try_from(place - self.chunk_start).expect("inside a chunk in memory");
                        let piece = chunk.slice(within(self.range.start)..within(end));
                        self.range.start = end;
                        return Some(Ok(piece));
                    }
                    self.chunk += 1;
                    self.chunk_start = chunk_end;
                }
                match &progress.end {
                    Some(Err(error)) => {
                        self.range.end = self.range.start;
                        return Some(Err(error.clone()));
                    }
                    Some(Ok(())) => return None,
                    None => {}
                }
            }
            if self.progress.changed().await.is_err() {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt, TryStreamExt};
    use marquee_core::ErrorKind;

    fn body(pieces: Vec<Result<&'static str, Error>>) -> ByteStream {
        stream::iter(pieces).map(|piece| piece.map(|text| Bytes::from_static(text.as_bytes()))).boxed()
    }

    async fn read(arrival: &Arc<Arrival>, range: Range<u64>) -> Result<String, Arc<Error>> {
        let pieces: Vec<Bytes> = arrival.clone().stream(range).try_collect().await?;
        Ok(String::from_utf8(pieces.concat()).expect("text"))
    }

    #[tokio::test]
    async fn every_range_is_read_by_those_who_come_early_and_late() {
        let text = "0123456789";
        for start in 0..=10 {
            for end in start..=10 {
                let arrival = Arrival::new(10);
                let expected = &text[start as usize..end as usize];
                let early = tokio::spawn({
                    let arrival = arrival.clone();
                    async move { read(&arrival, start..end).await }
                });
                tokio::task::yield_now().await;
                let whole = arrival.clone().fill(body(vec![Ok("01"), Ok(""), Ok("2345678"), Ok("9")])).await;
                assert_eq!(whole.ok().as_deref(), Some(text.as_bytes()));
                assert_eq!(early.await.expect("no panic").ok().as_deref(), Some(expected), "{start}..{end}");
                assert_eq!(read(&arrival, start..end).await.ok().as_deref(), Some(expected), "{start}..{end}");
            }
        }
    }

    #[tokio::test]
    async fn a_reader_gets_bytes_before_the_rest_is_there() {
        let arrival = Arrival::new(4);
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let pieces = stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (Ok(piece), receiver)) });
        let filling = tokio::spawn(arrival.clone().fill(pieces.boxed()));
        let mut reader = Box::pin(arrival.stream(0..4));
        sender.send(Bytes::from_static(b"ab")).await.expect("open");
        assert_eq!(reader.next().await.and_then(Result::ok).as_deref(), Some(&b"ab"[..]));
        sender.send(Bytes::from_static(b"cd")).await.expect("open");
        assert_eq!(reader.next().await.and_then(Result::ok).as_deref(), Some(&b"cd"[..]));
        drop(sender);
        assert_eq!(filling.await.expect("no panic").ok().as_deref(), Some(&b"abcd"[..]));
    }

    #[tokio::test]
    async fn a_body_that_is_short_long_or_broken_fails_everyone() {
        let bodies =
            [vec![Ok("0123")], vec![Ok("0123"), Ok("4567890")], vec![Ok("0123"), Err(Error::unavailable("the disk"))], vec![]];
        for pieces in bodies {
            let arrival = Arrival::new(10);
            let reader = tokio::spawn({
                let arrival = arrival.clone();
                async move { read(&arrival, 0..10).await }
            });
            let error = arrival.clone().fill(body(pieces)).await.expect_err("not whole");
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(reader.await.expect("no panic").is_err());
            assert!(read(&arrival, 0..10).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_or_is_abandoned_fails_its_readers() {
        let arrival = Arrival::new(10);
        let error = arrival.clone().fill(stream::pending().boxed()).await.expect_err("stalled");
        assert!(error.detail().contains("stalled"), "{}", error.detail());
        let arrival = Arrival::new(10);
        let filling = tokio::spawn(arrival.clone().fill(stream::pending().boxed()));
        tokio::task::yield_now().await;
        filling.abort();
        assert!(read(&arrival, 0..10).await.is_err());
    }
}
