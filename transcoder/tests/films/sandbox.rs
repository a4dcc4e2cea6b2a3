//! What a child cannot do, shown by trying.

use crate::driver;
use bytes::Bytes;
use libtest_mimic::Trial;
use marquee_core::{ErrorKind, Result, job::Failure};
use marquee_transcoder::child::{self, Limits, SourceReader, Task};
use std::{
    fs::File,
    io::ErrorKind as Io,
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
    process::{Command, exit},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("sandbox::forbids_files_network_and_programs", || {
            let probe = Command::new(std::env::current_exe()?).arg("probe").output()?;
            let said = String::from_utf8_lossy(&probe.stderr).into_owned();
            if probe.status.success() { Ok(()) } else { Err(format!("{} {said}", probe.status).into()) }
        }),
        Trial::test("host::ends_a_child_when_cancelled", || {
            let cancel = CancellationToken::new();
            cancel.cancel();
            let end = driver::run_on(
                &driver::host(),
                &Task::Inspect,
                Arc::new(Bytes::from_static(&[0; 64])),
                &mut driver::Folder::default(),
                cancel,
            );
            match end {
                Err(Failure::Retry(error)) if error.kind() == ErrorKind::Cancelled => Ok(()),
                other => Err(format!("{other:?}").into()),
            }
        }),
        Trial::test("host::retries_when_the_store_fails", || {
            let end = driver::run_on(
                &driver::host(),
                &Task::Inspect,
                Arc::new(Broken),
                &mut driver::Folder::default(),
                CancellationToken::new(),
            );
            match end {
                Err(Failure::Retry(error)) if error.kind() == ErrorKind::Unavailable => Ok(()),
                other => Err(format!("{other:?}").into()),
            }
        }),
    ]
}

/// A store that never answers well.
struct Broken;

#[async_trait::async_trait]
impl SourceReader for Broken {
    fn size_bytes(&self) -> u64 {
        1 << 20
    }

    async fn read_at(&self, _offset: u64, _length: u32) -> Result<Bytes> {
        Err(marquee_core::Error::unavailable("the store"))
    }
}

/// Enters the sandbox and tries everything that a broken decoder might be made to try. Exits with 0 if nothing works.
pub(crate) fn probe() -> ! {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    child::confine(&Limits::default()).expect("the sandbox can be set up here");
    let address = listener.expect("a port was free before");
    // Allowed: memory and threads.
    let sum = std::thread::spawn(|| vec![1_u8; 10 << 20].iter().map(|byte| u64::from(*byte)).sum::<u64>()).join();
    let mut broken = Vec::new();
    if sum.ok() != Some(10 << 20) {
        broken.push("threads and memory do not work");
    }
    let attempts: [(&str, std::io::Result<()>); 9] = [
        ("read a file", File::open("/etc/passwd").map(drop)),
        ("write a file", File::create("/tmp/marquee-sandbox-probe").map(drop)),
        ("list a folder", std::fs::read_dir("/").map(drop)),
        ("stat a file", std::fs::metadata("/etc/passwd").map(drop)),
        ("connect", TcpStream::connect(address).map(drop)),
        ("bind", UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("make a socket", UnixStream::pair().map(drop)),
        ("run a program", Command::new("/bin/true").status().map(drop)),
        ("signal another process", nix::sys::signal::kill(nix::unistd::getppid(), None).map_err(Into::into)),
    ];
    for (name, result) in attempts {
        match result {
            Err(error) if error.kind() == Io::PermissionDenied => {}
            _ => broken.push(name),
        }
    }
    if nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CPU, 1, 1).is_ok() {
        broken.push("change a limit");
    }
    if !broken.is_empty() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "possible inside the sandbox: {broken:?}");
        exit(1);
    }
    exit(0)
}
