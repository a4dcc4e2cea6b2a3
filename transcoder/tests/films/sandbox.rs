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
    os::{fd::IntoRawFd, unix::net::UnixStream},
    process::{Command, exit},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("sandbox::forbids_files_network_and_programs", || {
            let probe = Command::new(std::env::current_exe()?).arg("probe").output()?;
            let said = String::from_utf8_lossy(&probe.stderr).into_owned();
            if probe.status.success() { Ok(()) } else { Err(format!("{} {said}", probe.status).into()) }
        }),
        Trial::test("sandbox::ends_what_takes_too_much_time", || {
            use std::os::unix::process::ExitStatusExt;
            let status = Command::new(std::env::current_exe()?).args(["probe", "spin"]).status()?;
            let ended = status.signal();
            let by_limit = matches!(ended, Some(libc::SIGXCPU | libc::SIGKILL));
            if by_limit { Ok(()) } else { Err(format!("it ended with {status}").into()) }
        }),
        Trial::test("host::ends_a_child_when_cancelled", || {
            let cancel = CancellationToken::new();
            cancel.cancel();
            let end = driver::run_on(
                &driver::host(),
                &Task::Inspect { ends_bytes: None },
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
                &Task::Inspect { ends_bytes: None },
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

/// System calls that lead out of a sandbox, or deep into the kernel.
const CALLS: [(&str, libc::c_long); 14] = [
    ("trace a process", libc::SYS_ptrace),
    ("read another process", libc::SYS_process_vm_readv),
    ("hold another process", libc::SYS_pidfd_open),
    ("make a ring", libc::SYS_io_uring_setup),
    ("load a program into the kernel", libc::SYS_bpf),
    ("watch the kernel", libc::SYS_perf_event_open),
    ("handle page faults", libc::SYS_userfaultfd),
    ("read keys", libc::SYS_keyctl),
    ("mount", libc::SYS_mount),
    ("make namespaces", libc::SYS_unshare),
    ("make a file in memory", libc::SYS_memfd_create),
    ("run a program by descriptor", libc::SYS_execveat),
    ("open by handle", libc::SYS_open_by_handle_at),
    ("load a module", libc::SYS_finit_module),
];

/// Whether the kernel does not even look at what a system call wants.
fn is_forbidden(call: libc::c_long) -> bool {
    // SAFETY: arguments of zero name nothing: whatever gets through fails, or makes a descriptor that nobody uses.
    #[expect(unsafe_code, reason = "calls that have no safe form are what is tried")]
    let answer = unsafe { libc::syscall(call, 0, 0, 0, 0, 0, 0) };
    answer == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// Enters the sandbox and tries everything that a broken decoder might be made to try. Exits with 0 if nothing works.
pub(crate) fn probe() -> ! {
    if std::env::args().nth(2).is_some_and(|what| what == "spin") {
        child::confine(&Limits { cpu: Duration::from_secs(1), ..Limits::default() }).expect("the sandbox can be set up here");
        loop {
            std::hint::spin_loop();
        }
    }
    // The first stands where a child has its socket.
    let [_, inherited] = [(); 2].map(|()| File::open("/etc/passwd").expect("it is there").into_raw_fd());
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
    broken.extend(CALLS.iter().filter(|(_, call)| !is_forbidden(*call)).map(|(name, _)| *name));
    let mut byte = [0_u8];
    // SAFETY: one byte is read into one byte. The descriptor was ours, and nothing else has taken its number.
    #[expect(unsafe_code, reason = "the sandbox has closed it behind its owner's back")]
    let read = unsafe { libc::read(inherited, byte.as_mut_ptr().cast(), byte.len()) };
    if read >= 0 {
        broken.push("read what was open before");
    }
    let far_more = usize::try_from(Limits::default().memory_bytes).unwrap_or(usize::MAX) + (1 << 30);
    if Vec::<u8>::new().try_reserve_exact(far_more).is_ok() {
        broken.push("take more memory than allowed");
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
