//! A TCP proxy whose line can be made bad while it is in use.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

/// Where a line leads.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Line {
    /// Nothing.
    Good,
    /// Every piece comes later.
    Slow(Duration),
    /// So many bytes a second come back.
    Narrow(u64),
    /// Nothing comes through, and nobody is told.
    Silent,
    /// All connections break, and new ones too.
    Cut,
    /// Each connection ends, as if in good order, after so many bytes came back.
    Truncating(u64),
    /// One bit of each connection turns over after so many bytes came back.
    Flipping(u64),
}

/// See the module. Dropping it breaks every connection.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    line: watch::Sender<Line>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    /// A proxy on a free port.
    pub(crate) async fn start(target: Target) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (line, state) = watch::channel(Line::Good);
        let target = Arc::new(target);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (target, state) = (target.clone(), state.clone());
                connections.spawn(async move { connect(client, &target, state).await });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, line, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// Makes the line what it says, for connections that are open too.
    pub(crate) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

async fn connect(client: TcpStream, target: &Target, line: watch::Receiver<Line>) {
    if *line.borrow() == Line::Cut {
        return;
    }
    let _ = client.set_nodelay(true);
    let (client_read, client_write) = client.into_split();
    match target {
        Target::Tcp(address) => {
            let Ok(server) = TcpStream::connect(address).await else { return };
            let _ = server.set_nodelay(true);
            let (read, write) = server.into_split();
            both((client_read, client_write), (read, write), line).await;
        }
        Target::Unix(path) => {
            let Ok(server) = UnixStream::connect(path).await else { return };
            let (read, write) = server.into_split();
            both((client_read, client_write), (read, write), line).await;
        }
    }
}

async fn both<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    server: (R, W),
    line: watch::Receiver<Line>,
) {
    let there = carry(client.0, server.1, line.clone(), false);
    let back = carry(server.0, client.1, line.clone(), true);
    let mut line = line;
    tokio::select! {
        _ = async { tokio::join!(there, back) } => {}
        _ = line.wait_for(|line| *line == Line::Cut) => {}
    }
}

/// Carries bytes one way until either side ends.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut line: watch::Receiver<Line>,
    is_back: bool,
) {
    let mut buffer = vec![0; 16 << 10];
    let mut carried = 0;
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if line.wait_for(|line| *line != Line::Silent).await.is_err() {
            break;
        }
        let now = *line.borrow();
        let mut end = false;
        let mut sent = length;
        match now {
            Line::Slow(by) => tokio::time::sleep(by).await,
            Line::Narrow(bytes_per_s) if is_back => {
                tokio::time::sleep(Duration::from_secs_f64(length as f64 / bytes_per_s as f64)).await;
            }
            Line::Truncating(after) if is_back && carried + length as u64 > after => {
                sent = after.saturating_sub(carried) as usize;
                end = true;
            }
            Line::Flipping(after) if is_back && (carried..carried + length as u64).contains(&after) => {
                buffer[(after - carried) as usize] ^= 1;
            }
            _ => {}
        }
        if to.write_all(&buffer[..sent]).await.is_err() || end {
            break;
        }
        carried += length as u64;
    }
    let _ = to.shutdown().await;
}
