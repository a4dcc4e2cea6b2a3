//! What a child gives up before it looks at a single byte of a source: descriptors, memory without bound, files, the
//! network, other programs and other processes.
//!
//! Three layers on Linux, each enough by itself against most of what a broken decoder could be made to do: resource
//! limits; no file system and no network by Landlock and namespaces (where the kernel has them); and a list of the few
//! system calls that decoding needs, everything else being answered with an error. Only the last one is required.

use super::{Limits, link};
use nix::sys::resource::{Resource, setrlimit};
use std::io;

/// Descriptors a child may have: standard streams, the socket, and a few that library code may want for a moment.
const DESCRIPTORS_MAX: u64 = 16;
/// Address space beyond the memory limit: thread stacks and allocator arenas reserve far more than they use.
#[cfg(target_os = "linux")]
const RESERVED_BYTES: u64 = 16 << 30;

/// Confines the calling process for good.
///
/// # Errors
/// A limit or the system call filter cannot be set: then nothing of the source may be read.
pub(super) fn enter(limits: &Limits) -> io::Result<()> {
    let cpu_seconds = limits.cpu.as_secs().max(1);
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS_MAX, DESCRIPTORS_MAX)?;
    // The first limit says of what the process dies; the second is for one that does not care.
    setrlimit(Resource::RLIMIT_CPU, cpu_seconds, cpu_seconds.saturating_add(1))?;
    // RLIMIT_NPROC counts every process of the user, not ours alone; the system call filter forbids new processes instead.
    setrlimit(Resource::RLIMIT_DATA, limits.memory_bytes, limits.memory_bytes)?;
    #[cfg(target_os = "linux")]
    {
        let address_space = limits.memory_bytes.saturating_add(RESERVED_BYTES);
        setrlimit(Resource::RLIMIT_AS, address_space, address_space)?;
        linux::enter()?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{io, link};
    use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope};
    use nix::sched::CloneFlags;
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    };
    use std::collections::BTreeMap;

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    /// System calls that take whatever arguments they like: memory, threads' waits, clocks, and reading and writing what is open.
    const ALLOWED: &[i64] = &[
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_readv,
        libc::SYS_writev,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_shutdown,
        libc::SYS_ppoll,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_lseek,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_membarrier,
        libc::SYS_futex,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_clone3,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_getparam,
        libc::SYS_sched_getscheduler,
        libc::SYS_getrusage,
        libc::SYS_getrandom,
        libc::SYS_sysinfo,
        libc::SYS_uname,
        libc::SYS_clock_gettime,
        libc::SYS_clock_getres,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_times,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_time,
    ];

    pub(super) fn enter() -> io::Result<()> {
        close_others();
        // Both are best effort: containers often forbid one or the other, and the filter below stands by itself.
        let _ = nix::sched::unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC)
            .or_else(|_| nix::sched::unshare(CloneFlags::CLONE_NEWNET));
        nix::sys::prctl::set_no_new_privs()?;
        let _ = forbid_files();
        filter_system_calls().map_err(io::Error::other)
    }

    /// Closes whatever was inherited beside the standard streams and the socket.
    fn close_others() {
        let first = libc::c_uint::try_from(link::DESCRIPTOR + 1).unwrap_or(libc::c_uint::MAX);
        // SAFETY: this runs before anything in the process owns a descriptor above the socket's. Old kernels answer ENOSYS.
        #[expect(unsafe_code, reason = "libc has no safe form of close_range")]
        unsafe {
            libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0);
        }
    }

    /// Landlock without a single rule: no file can be opened, no port bound or connected, no signal sent outside.
    fn forbid_files() -> Result<(), landlock::RulesetError> {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V6))?
            .handle_access(AccessNet::from_all(ABI::V6))?
            .scope(Scope::from_all(ABI::V6))?
            .create()?
            .restrict_self()?;
        Ok(())
    }

    fn filter_system_calls() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let arch: TargetArch = std::env::consts::ARCH.try_into()?;
        let mut rules: Rules = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
        // A new thread of ours, never a process.
        rules
            .insert(libc::SYS_clone, vec![one(0, SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64), libc::CLONE_THREAD as u64)?]);
        // Threads name themselves, and abort() signals its own process.
        rules.insert(libc::SYS_prctl, vec![one(0, SeccompCmpOp::Eq, libc::PR_SET_NAME as u64)?]);
        let own = u64::from(std::process::id());
        rules.insert(libc::SYS_tgkill, vec![one(0, SeccompCmpOp::Eq, own)?]);
        // Asking for a limit (stack size of a new thread), not changing one: no new value.
        rules.insert(libc::SYS_prlimit64, vec![one(2, SeccompCmpOp::Eq, 0)?]);
        // Arguments of clone3 lie in memory where a filter cannot look. Told that the kernel lacks it, the C library uses
        // clone. Of two filters the stricter answer counts; this one must come first, since the other forbids a second.
        let clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
        install(clone3, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32), arch)?;
        install(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow, arch)
    }

    fn install(
        rules: Rules,
        otherwise: SeccompAction,
        matched: SeccompAction,
        arch: TargetArch,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let program: BpfProgram = SeccompFilter::new(rules, otherwise, matched, arch)?.try_into()?;
        Ok(seccompiler::apply_filter_all_threads(&program)?)
    }

    /// A rule with one condition: argument `index` compares to `value`.
    fn one(index: u8, comparison: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
        SeccompRule::new(vec![SeccompCondition::new(index, SeccompCmpArgLen::Qword, comparison, value)?])
    }
}
