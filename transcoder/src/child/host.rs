//! The host's side: starts a child, answers its reads, passes its outputs on, and ends it when it must end.

use super::{
    Output, Report, Sink, SourceReader, Task, link,
    protocol::{self, Message, Order, READ_BYTES_MAX},
};
use bytes::Bytes;
use marquee_core::{Error, ErrorKind, job::Failure, object::Track};
use serde::{Deserialize, Serialize};
use std::{
    io,
    os::{
        fd::{AsRawFd, RawFd},
        unix::{net::UnixStream as StdStream, process::ExitStatusExt},
    },
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStderr, Command},
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Reads a child may have outstanding: the one it waits for and the one ahead of it.
const READS_MAX: usize = 4;
/// Bytes of the child's last words that are kept for the log.
const LAST_WORDS_BYTES_MAX: usize = 4096;
/// How long the child's last words are waited for after its end.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(2);

/// Code of a child's end by a signal that only what it does can be the reason of.
pub const CRASHED: &str = "media_crashed";
/// Code of the end of a child that computed or was silent for longer than it may.
pub const STUCK: &str = "media_stuck";

/// What a child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory, without what is merely reserved.
    pub memory_bytes: u64,
    /// Processor time of all its threads.
    pub cpu: Duration,
    /// Time from start to end, whatever happens.
    pub wall: Duration,
    /// Time without a sign of life.
    pub silence: Duration,
}

impl Default for Limits {
    /// Generous for a chunk of 4K HDR on one slow core, and an end for everything that would never end.
    fn default() -> Self {
        Self {
            memory_bytes: 3 << 30,
            cpu: Duration::from_secs(4 * 3600),
            wall: Duration::from_secs(12 * 3600),
            silence: Duration::from_secs(180),
        }
    }
}

/// Starts children. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {
    program: PathBuf,
    limits: Limits,
}

/// How a conversation with a child ended.
enum End {
    Done(Report),
    Failed {
        code: String,
        message: String,
    },
    Broken(String),
    /// The child hung up without a last frame.
    Vanished(io::Error),
    Silent,
    /// The child took longer than it may.
    Late,
    /// The source or the sink of this side failed.
    Ours(Error),
}

impl Host {
    /// A host whose children are `program child`: this very binary, as `std::env::current_exe` names it.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program, limits: Limits::default() }
    }

    /// The same host with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Runs one task in a child of its own. Whatever the outcome, the child is gone when this returns.
    ///
    /// # Errors
    /// [`Failure::Fail`] if the child says that the input is at fault; [`Failure::Retry`] for everything else, with code
    /// [`CRASHED`] or [`STUCK`] where the input may have been: what it is each time, it is.
    pub async fn run(
        &self,
        task: &Task,
        source: Arc<dyn SourceReader>,
        sink: &mut dyn Sink,
        cancel: CancellationToken,
    ) -> Result<Report, Failure> {
        let (socket, theirs) = StdStream::pair().map_err(Error::from)?;
        socket.set_nonblocking(true).map_err(Error::from)?;
        let socket = UnixStream::from_std(socket).map_err(Error::from)?;
        let mut child = self.spawn(&theirs)?;
        drop(theirs);
        let last_words = tokio::spawn(last_words(child.stderr.take()));

        let end = tokio::select! {
            end = self.converse(socket, task, source, sink) => end,
            () = cancel.cancelled() => {
                End::Ours(Error::new(ErrorKind::Cancelled, "cancelled", "the work was cancelled"))
            }
            () = tokio::time::sleep(self.limits.wall) => End::Late,
        };
        let status = match end {
            // It has said its last and is about to end by itself; its status says nothing more.
            End::Done(_) | End::Failed { .. } | End::Broken(_) | End::Silent | End::Late | End::Ours(_) => {
                let _ = child.start_kill();
                child.wait().await
            }
            // It may still be dying: how is what we want to know.
            End::Vanished(_) => match timeout(LAST_WORDS_WAIT, child.wait()).await {
                Ok(status) => status,
                Err(_) => {
                    let _ = child.start_kill();
                    child.wait().await
                }
            },
        };
        let words = timeout(LAST_WORDS_WAIT, last_words).await.ok().and_then(Result::ok).unwrap_or_default();
        outcome(end, status.map_err(Error::from)?, &words)
    }

    fn spawn(&self, theirs: &StdStream) -> Result<Child, Error> {
        let descriptor = theirs.as_raw_fd();
        let mut command = Command::new(&self.program);
        command.arg("child").env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        // SAFETY: between fork and exec only async-signal-safe system calls run; nothing is allocated or locked.
        #[expect(unsafe_code, reason = "handing a descriptor to a child has no safe form")]
        unsafe {
            command.pre_exec(move || hand_over(descriptor));
        }
        command.spawn().map_err(|error| Error::internal(error).caused_by(format!("{} cannot be started", self.program.display())))
    }

    /// Talks to the child until it has said its last.
    async fn converse(&self, socket: UnixStream, task: &Task, source: Arc<dyn SourceReader>, sink: &mut dyn Sink) -> End {
        let (mut incoming, mut outgoing) = socket.into_split();
        let order = Order::Run { task: Box::new(task.clone()), size_bytes: source.size_bytes(), limits: self.limits };
        if let Err(error) = send(&mut outgoing, &order, &[]).await {
            return End::Vanished(error);
        }
        let (asks, asked) = mpsc::channel(READS_MAX);
        tokio::select! {
            end = listen(&mut incoming, asks, sink, self.limits.silence) => end,
            error = serve(&mut outgoing, asked, source, self.limits.silence / 2) => End::Ours(error),
        }
    }
}

/// Makes `descriptor` the child's only extra one, and lets the child die with this process.
fn hand_over(descriptor: RawFd) -> io::Result<()> {
    // SAFETY: plain system calls on a descriptor that the parent keeps open until after the exec.
    #[expect(unsafe_code, reason = "the safe wrappers own descriptors, which must survive this function")]
    unsafe {
        let done = if descriptor == link::DESCRIPTOR {
            libc::fcntl(descriptor, libc::F_SETFD, 0)
        } else {
            libc::dup2(descriptor, link::DESCRIPTOR)
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // What a terminal or a service manager sends to everybody is for the parent, which lets its children finish.
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        libc::signal(libc::SIGTERM, libc::SIG_IGN);
    }
    Ok(())
}

/// Takes frames from the child until the last one. The time that the sink needs does not count as the child's silence.
async fn listen(incoming: &mut OwnedReadHalf, asks: mpsc::Sender<(u64, u32)>, sink: &mut dyn Sink, silence: Duration) -> End {
    loop {
        let (message, bytes) = match timeout(silence, protocol::receive::<Message, _>(incoming)).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) => return End::Vanished(error),
            Err(_) => return End::Silent,
        };
        let output = match message {
            Message::Read { offset, length } => {
                if length > READ_BYTES_MAX || asks.try_send((offset, length)).is_err() {
                    return End::Broken("the child asked for more than it may".into());
                }
                continue;
            }
            Message::Done(report) => return End::Done(report),
            Message::Failed { code, message } => return End::Failed { code, message },
            Message::Broken { detail } => return End::Broken(detail),
            Message::Source(source) => Output::Source(source),
            Message::Measures(measures) => Output::Measures(measures),
            Message::Fingerprints => match serde_json::from_slice(&bytes) {
                Ok(prints) => Output::Fingerprints(prints),
                Err(error) => return End::Broken(format!("the child's fingerprints cannot be read: {error}")),
            },
            Message::Image { image } => Output::Image { image, bytes },
            Message::Progress(done) => Output::Progress(if done.is_finite() { done.clamp(0.0, 1.0) } else { 0.0 }),
            Message::Init { folder, rendition } => match Track::from_folder(&folder) {
                Some(track) => Output::Init { track, rendition, bytes },
                None => return End::Broken("the child named a folder that does not exist".into()),
            },
            Message::Segment { folder, rendition, segment, judged } => match Track::from_folder(&folder) {
                Some(track) => Output::Segment { track, rendition, segment, bytes, judged },
                None => return End::Broken("the child named a folder that does not exist".into()),
            },
        };
        if let Err(error) = sink.accept(output).await {
            return End::Ours(error);
        }
    }
}

/// Answers the child's reads in order; returns only when one cannot be answered within `patience`, which is less than a child may be silent:
/// a source that hangs is not the child's fault.
async fn serve(
    outgoing: &mut OwnedWriteHalf,
    mut asked: mpsc::Receiver<(u64, u32)>,
    source: Arc<dyn SourceReader>,
    patience: Duration,
) -> Error {
    while let Some((offset, length)) = asked.recv().await {
        let bytes = match timeout(patience, source.read_at(offset, length)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return error,
            Err(_) => return Error::unavailable("the source"),
        };
        if send(outgoing, &Order::Data, &bytes).await.is_err() {
            // The child is gone; whoever listens to it finds out why.
            break;
        }
    }
    std::future::pending().await
}

async fn send(outgoing: &mut OwnedWriteHalf, order: &Order, payload: &[u8]) -> io::Result<()> {
    let head = protocol::prefix(order, payload)?;
    outgoing.write_all(&head).await?;
    outgoing.write_all(payload).await
}

/// The end of what the child wrote to standard error.
async fn last_words(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        let surplus = kept.len().saturating_sub(LAST_WORDS_BYTES_MAX);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

/// What the end of a child means for its job.
fn outcome(end: End, status: ExitStatus, last_words: &str) -> Result<Report, Failure> {
    let broken = |code: &'static str, what: String| {
        let message = match code {
            CRASHED => "the media process crashed on the film",
            STUCK => "the media process did not come to an end with the film",
            _ => "the media process ended without a result",
        };
        let error = Error::new(ErrorKind::Internal, code, message);
        Failure::Retry(error.caused_by(format!("{what}; its last words: {last_words}")))
    };
    match end {
        End::Done(report) => {
            tracing::debug!(child.words = last_words, child.cpu_ms = report.cpu_ms, "media process done");
            Ok(report)
        }
        End::Failed { code, message } => {
            tracing::info!(child.words = last_words, failure.code = code, "media process refused the source");
            Err(Failure::Fail { code, message })
        }
        End::Broken(detail) => Err(broken("media_child", detail)),
        End::Vanished(error) => Err(broken(code_of(status), format!("it vanished ({error}), {status}"))),
        End::Silent => Err(broken(STUCK, "it gave no sign of life for too long".into())),
        End::Late => Err(broken(STUCK, "it took longer than allowed".into())),
        End::Ours(error) => Err(Failure::Retry(error)),
    }
}

/// What a child died of. Whoever kills one from outside, for its memory or to end it, does so by SIGKILL or SIGTERM.
fn code_of(status: ExitStatus) -> &'static str {
    match status.signal() {
        Some(libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE | libc::SIGABRT | libc::SIGTRAP | libc::SIGSYS) => {
            CRASHED
        }
        Some(libc::SIGXCPU) => STUCK,
        _ => "media_child",
    }
}

/// Bytes in memory are a source too: of tests, and of clips small enough.
#[async_trait::async_trait]
impl SourceReader for Bytes {
    fn size_bytes(&self) -> u64 {
        self.len() as u64
    }

    async fn read_at(&self, offset: u64, length: u32) -> marquee_core::Result<Bytes> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let end = start.saturating_add(length as usize).min(self.len());
        Ok(self.slice(start..end))
    }
}
