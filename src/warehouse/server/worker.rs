//! The thread on which the connections to one server live.
//!
//! A connection belongs to the runtime that made it. Callers come from runtimes that end, or that are at other work for a while, and a
//! caller that goes away must still have its statement called off.

use super::OpenError;
use crate::warehouse::WarehouseError;
use std::thread::JoinHandle;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// A thread with a runtime of its own. What runs on it ends with it.
#[derive(Debug)]
pub(in crate::warehouse) struct Worker {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A task that ends where nobody waits for it any more.
struct Awaited(AbortHandle);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`OpenError::Setting`], of the section's URL, where the system gives no thread.
    pub(in crate::warehouse) fn start(section: &str) -> Result<Self, OpenError> {
        let failed = |error: std::io::Error| OpenError::setting(format!("{section}.url"), format!("no thread for it: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(section.to_owned()).spawn(move || {
            let _ = runtime.block_on(stopped);
        });
        Ok(Self { handle, stop: Some(stop), thread: Some(thread.map_err(failed)?) })
    }

    /// Has work done on the thread and waits for it. Where the caller goes away the work is dropped, on the thread.
    pub(in crate::warehouse) async fn run<T, F>(&self, work: F) -> Result<T, WarehouseError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, WarehouseError>> + Send + 'static,
    {
        let task = self.handle.spawn(work);
        let _awaited = Awaited(task.abort_handle());
        task.await.unwrap_or_else(|error| Err(WarehouseError::Away { said: format!("its thread did not do it: {error}") }))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the connections to a warehouse ended by a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    struct Tells(Arc<AtomicBool>);

    impl Drop for Tells {
        fn drop(&mut self) {
            // What calls a statement off needs a runtime.
            self.0.store(Handle::try_current().is_ok(), Ordering::SeqCst);
        }
    }

    #[test]
    fn work_whose_caller_goes_away_is_dropped_on_the_thread_even_when_the_callers_runtime_is_gone() {
        let (worker, dropped) = (Worker::start("test").unwrap(), Arc::new(AtomicBool::new(false)));
        let tells = Tells(Arc::clone(&dropped));
        let caller = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let work = async move {
            let _tells = tells;
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(())
        };
        assert!(caller.block_on(async { tokio::time::timeout(Duration::from_millis(50), worker.run(work)).await }).is_err());
        drop(caller);
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(10));
            if dropped.load(Ordering::SeqCst) {
                return;
            }
        }
        panic!("it was not dropped within a second");
    }
}
