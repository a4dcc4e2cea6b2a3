//! Real engines for tests, each on ports and in a folder of its own, gone with the test process however that ends.

mod authority;
#[cfg(feature = "s3")]
mod moto;
mod postgres;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "s3")]
mod s3;
mod speke;

pub use authority::Authority;
#[cfg(feature = "s3")]
pub use moto::MotoServer;
pub use postgres::PostgresServer;
#[cfg(feature = "rabbitmq")]
pub use rabbitmq::RabbitServer;
#[cfg(feature = "redis")]
pub use redis::RedisServer;
#[cfg(feature = "s3")]
pub use s3::S3Server;
pub use speke::SpekeServer;

use super::eventually;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use rand::RngExt;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tokio::net::TcpStream;

/// Runs the command after `folder` as a process group until its own input ends, then kills the group and removes the folder.
/// It prints the group; a line of input kills and starts again.
const KEEPER: &str = r#"folder=$1; shift
while :; do
  setsid "$@" >>"$folder/log" 2>&1 </dev/null & group=$!
  echo $group
  read -r order || order=
  kill -9 -$group 2>/dev/null; wait $group 2>/dev/null
  [ -n "$order" ] || break
done
rm -rf -- "$folder""#;

/// A server program in a folder of its own.
#[derive(Debug)]
pub struct Kept {
    group: Pid,
    keeper: Child,
    /// While it is open the program runs. `None` only while dropping.
    orders: Option<ChildStdin>,
    groups: BufReader<ChildStdout>,
}

impl Kept {
    /// Starts what `command` makes for the new folder.
    ///
    /// # Panics
    /// When it cannot.
    pub fn start(name: &str, command: impl FnOnce(&Path) -> Command) -> Self {
        let folder = tempfile::Builder::new().prefix(&format!("marquee-{name}-")).tempdir().expect("a folder").keep();
        let wanted = command(&folder);
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&folder).arg(wanted.get_program()).args(wanted.get_args()).current_dir("/");
        keeper.envs(wanted.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("there is a shell");
        let orders = keeper.stdin.take();
        let mut groups = BufReader::new(keeper.stdout.take().expect("it has an output"));
        let group = read_group(&mut groups);
        Self { group, keeper, orders, groups }
    }

    /// `kill -9`, then the same command on the same folder.
    ///
    /// # Panics
    /// When whoever keeps it is gone.
    pub fn restart(&mut self) {
        self.orders.as_mut().expect("open until dropped").write_all(b"again\n").expect("the keeper lives");
        self.group = read_group(&mut self.groups);
    }

    /// Sends `signal` to all its processes.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        killpg(self.group, signal).expect("it runs");
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.orders = None;
        // Until the folder is gone too.
        let _ = self.keeper.wait();
    }
}

fn read_group(groups: &mut impl BufRead) -> Pid {
    let mut line = String::new();
    groups.read_line(&mut line).expect("the keeper prints");
    Pid::from_raw(line.trim().parse().expect("a number"))
}

/// Waits until somebody takes connections on `port`.
async fn listening(port: u16) {
    let what = format!("somebody listens on {port}");
    eventually(&what, async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()).await;
}

/// Ports that the system gives to nobody by itself (it has its own from 32768 on): one that is free stays so until it is listened on.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port that nobody listens on now.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    // Tests run beside each other, in several processes too: each begins somewhere else.
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(|| rand::rng().random_range(PORTS)).take(1000).find(is_free).expect("a free port")
}
