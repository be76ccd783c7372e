//! Work that outlives the request that it is about.

use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where such work runs, and how much of it is under way.
#[derive(Debug)]
pub struct Background {
    under_way: Arc<watch::Sender<usize>>,
    // The runtime that this was made in, which ends after those that serve requests.
    runtime: Option<Handle>,
}

impl Default for Background {
    fn default() -> Self {
        Self { under_way: Arc::new(watch::Sender::new(0)), runtime: Handle::try_current().ok() }
    }
}

/// A piece of work that is under way, until it is dropped.
struct UnderWay(Arc<watch::Sender<usize>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

impl Background {
    /// Runs work to its end, whether or not anybody waits for it.
    pub(super) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.under_way.send_modify(|n| *n += 1);
        let under_way = UnderWay(Arc::clone(&self.under_way));
        let counted = async move {
            let _under_way = under_way;
            work.await
        };
        match &self.runtime {
            Some(runtime) => runtime.spawn(counted),
            None => tokio::spawn(counted),
        }
    }

    /// Waits until nothing is under way.
    pub(super) async fn settled(&self) {
        // It fails only once the sender is gone, and `self` holds it.
        let _ = self.under_way.subscribe().wait_for(|n| *n == 0).await;
    }
}
