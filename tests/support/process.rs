//! Servers as processes of a test.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{OnceLock, mpsc};

/// A port that nobody listens on. From below those that the system gives to outgoing connections, or a client that tries to reconnect
/// could be given the very port of a server that is down.
pub fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| fastrand::u16(15_000..32_000)).take(1_000).find(free).unwrap()
}

/// Starts a process that ends with this one, however that ends. The kernel binds a child to the thread that started it, and threads
/// of tests end early, so one that never does starts them all.
pub fn spawn_bound(mut command: Command) -> Child {
    type Order = (Command, mpsc::Sender<Child>);
    static STARTER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, taken) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in taken {
                let _ = answer.send(command.spawn().unwrap());
            }
        });
        orders
    });
    // SAFETY: between fork and exec there is but one system call, which touches no memory of this process.
    unsafe {
        command.pre_exec(|| {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        })
    };
    let (answer, child) = mpsc::channel();
    starter.send((command, answer)).unwrap();
    child.recv().unwrap()
}
