//! What a worker must not be able to do, tried by a worker of the tests.

use crate::solver::frame::Reply;
use serde::{Deserialize, Serialize};
use std::net::{TcpListener, UdpSocket};
use std::process::Command;

/// What to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// Everything that needs a right that was given up; the reply lists what worked.
    Rights,
    /// Start a thread, which must work.
    Thread,
    /// Never end.
    EndlessLoop,
    /// Take memory without end.
    EndlessMemory,
    /// Crash.
    Crash,
    /// Say something that is no frame.
    Babble,
}

impl Probe {
    pub(in crate::solver) fn attempt(self) -> Reply {
        match self {
            Self::Rights => Reply::Refused(rights().join(", ")),
            Self::Thread => Reply::Refused(std::thread::spawn(|| "a thread ran".to_owned()).join().unwrap()),
            Self::EndlessLoop => loop {
                std::hint::spin_loop();
            },
            Self::EndlessMemory => {
                let mut taken = Vec::new();
                loop {
                    taken.push(std::hint::black_box(vec![1_u8; 16 << 20]));
                }
            }
            // SAFETY: kills this process, as a solver's fault would.
            Self::Crash => unsafe { libc::abort() },
            Self::Babble => {
                use std::io::Write;
                std::io::stdout().write_all(b"this is no frame at all, and rather long for one").unwrap();
                Reply::Refused("babbled".to_owned())
            }
        }
    }
}

/// The names of the things that could be done.
fn rights() -> Vec<&'static str> {
    let fork = || {
        // SAFETY: where it works, against what is expected, the child ends at once.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) };
        }
        child >= 0
    };
    // SAFETY: asks for nothing but the right to be traced, and to set a limit to what it is.
    let (trace, limit) = unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        (libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) == 0, libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0)
    };
    let tried = [
        ("read a file", std::fs::read("/etc/passwd").is_ok()),
        ("list a folder", std::fs::read_dir("/").is_ok()),
        ("write a file", std::fs::write("/tmp/instinct-probe", "x").is_ok()),
        ("open a TCP socket", TcpListener::bind("127.0.0.1:0").is_ok()),
        ("open a UDP socket", UdpSocket::bind("127.0.0.1:0").is_ok()),
        ("run a program", Command::new("/bin/true").spawn().is_ok()),
        ("fork", fork()),
        ("be traced", trace),
        ("set a limit", limit),
        // SAFETY: signal 0 only asks whether it may be sent.
        ("signal its parent", unsafe { libc::kill(libc::getppid(), 0) == 0 }),
    ];
    tried.into_iter().filter(|(_, worked)| *worked).map(|(what, _)| what).collect()
}
