//! The embedder made of worker threads behind a queue; the same for the model and for its twin.

use super::pieces::Pieces;
use super::queue::{Job, Queue};
use super::worker::Worker;
use super::{DocumentEmbedding, EmbedError, EmbedStats, Embedder, Embedding, OpenError};
use crate::domain::component::ModelRef;
use crate::domain::deadline::Deadline;
use crate::domain::text::FreshText;
use crate::domain::vector::UnitVector;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// What one worker does with its texts.
pub trait Encoder: Send + 'static {
    /// What a text is cut into.
    type Token: Send;

    /// All tokens of a text, without marks.
    fn tokenise(&mut self, text: &str) -> Result<Vec<Self::Token>, EmbedError>;

    /// The vector of each piece, in order; `None` for a piece that has no direction, which is no fault of the others.
    /// There is at least one piece, and a piece may have no token.
    fn run(&mut self, pieces: &[&[Self::Token]]) -> Result<Vec<Option<UnitVector>>, EmbedError>;
}

/// What every worker of a pool goes by.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// The model that the encoders run.
    pub model: ModelRef,
    /// Dimensions of its vectors.
    pub dim: usize,
    /// Where texts are cut.
    pub pieces: Pieces,
    /// Texts that may wait in each lane.
    pub queue_capacity: usize,
    /// Pieces that one run may take together.
    pub batch_size_max: usize,
}

/// An embedder made of one thread for each encoder.
pub struct Pool<E: Encoder> {
    terms: Terms,
    queue: Arc<Queue<E::Token>>,
    threads: Vec<JoinHandle<()>>,
}

impl<E: Encoder> Pool<E> {
    /// Starts a thread for each of `encoders`, of which there is at least one.
    pub(super) fn start(terms: Terms, encoders: Vec<E>) -> Result<Self, OpenError> {
        let queue = Arc::new(Queue::new(terms.queue_capacity));
        // Built first, so that where a later thread cannot be started the drop ends the earlier ones.
        let mut pool = Self { terms, queue, threads: Vec::with_capacity(encoders.len()) };
        for (index, encoder) in encoders.into_iter().enumerate() {
            let worker = Worker { encoder, queue: pool.queue.clone(), terms: pool.terms.clone() };
            let name = format!("embed-{index}");
            pool.threads.push(thread::Builder::new().name(name).spawn(|| worker.work()).map_err(OpenError::Thread)?);
        }
        Ok(pool)
    }
}

#[async_trait]
impl<E: Encoder> Embedder for Pool<E> {
    fn model(&self) -> &ModelRef {
        &self.terms.model
    }

    fn dim(&self) -> usize {
        self.terms.dim
    }

    async fn embed(&self, text: &FreshText, deadline: Deadline) -> Result<Embedding, EmbedError> {
        if deadline.passed() {
            return Err(EmbedError::DeadlinePassed);
        }
        let (job, answer) = Job::new(text, deadline, ());
        self.queue.submit(|lanes| &mut lanes.fresh, job)?;
        wait(answer, deadline).await
    }

    async fn embed_document(&self, text: &FreshText, deadline: Deadline) -> Result<DocumentEmbedding, EmbedError> {
        if deadline.passed() {
            return Err(EmbedError::DeadlinePassed);
        }
        let (job, answer) = Job::new(text, deadline, None);
        self.queue.submit(|lanes| &mut lanes.documents, job)?;
        wait(answer, deadline).await
    }

    fn stats(&self) -> EmbedStats {
        let (queued, queued_documents) = self.queue.lengths();
        EmbedStats { workers: self.threads.len(), queued, queued_documents, queue_capacity: self.terms.queue_capacity }
    }

    fn close(&self) {
        self.queue.close();
    }
}

impl<E: Encoder> Drop for Pool<E> {
    /// Waits for the workers: ONNX Runtime must not be torn down at the end of the process under a running session.
    fn drop(&mut self) {
        self.close();
        for thread in self.threads.drain(..) {
            // A worker catches the panics of its jobs; were there another, it is past mending here.
            let _ = thread.join();
        }
    }
}

impl<E: Encoder> fmt::Debug for Pool<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("terms", &self.terms).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

async fn wait<T>(answer: oneshot::Receiver<Result<T, EmbedError>>, deadline: Deadline) -> Result<T, EmbedError> {
    match tokio::time::timeout_at(deadline.at().into(), answer).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(EmbedError::Runtime { detail: "the worker was lost".to_owned() }),
        Err(_) => Err(EmbedError::DeadlinePassed),
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::{in_time, text};
    use super::*;
    use crate::embed::Config;
    use std::sync::mpsc;
    use std::time::Duration;

    /// Runs only when it is let, and says what it ran. A token is a character.
    struct Gated {
        started: mpsc::Sender<String>,
        go: mpsc::Receiver<()>,
    }

    impl Encoder for Gated {
        type Token = char;

        fn tokenise(&mut self, text: &str) -> Result<Vec<char>, EmbedError> {
            Ok(text.chars().collect())
        }

        fn run(&mut self, pieces: &[&[char]]) -> Result<Vec<Option<UnitVector>>, EmbedError> {
            let said: Vec<String> = pieces.iter().map(|piece| piece.iter().collect()).collect();
            self.started.send(said.join("|")).unwrap();
            self.go.recv().unwrap();
            assert!(!said.contains(&"panic".to_owned()), "asked to");
            Ok(said.iter().map(|piece| UnitVector::normalised(vec![if piece == "none" { 0.0 } else { 1.0 }; 4])).collect())
        }
    }

    struct Bench {
        pool: Arc<Pool<Gated>>,
        started: mpsc::Receiver<String>,
        go: mpsc::Sender<()>,
    }

    impl Bench {
        fn new(queue_capacity: usize, batch_size_max: usize) -> Self {
            let (told, started) = mpsc::channel();
            let (go, gate) = mpsc::channel();
            let lengths = Config { chunk_tokens: 4, chunk_overlap: 0, ..Config::default() };
            let terms = Terms {
                model: ModelRef { id: "gated".into(), revision: "1".into() },
                dim: 4,
                pieces: Pieces::new(&lengths, 0, 512).unwrap(),
                queue_capacity,
                batch_size_max,
            };
            let pool = Arc::new(Pool::start(terms, vec![Gated { started: told, go: gate }]).unwrap());
            Self { pool, started, go }
        }

        /// Lets the worker end all that it does from now on. A worker that has ended already needs no leave.
        fn open_gate(&self) {
            for _ in 0..100 {
                let _ = self.go.send(());
            }
        }

        async fn fresh(&self, of: &str, deadline: Deadline) -> tokio::task::JoinHandle<Result<Embedding, EmbedError>> {
            let (pool, of) = (self.pool.clone(), text(of));
            let caller = tokio::spawn(async move { pool.embed(&of, deadline).await });
            tokio::task::yield_now().await;
            caller
        }

        async fn document(&self, of: &str) -> tokio::task::JoinHandle<Result<DocumentEmbedding, EmbedError>> {
            let (pool, of) = (self.pool.clone(), text(of));
            let caller = tokio::spawn(async move { pool.embed_document(&of, in_time()).await });
            tokio::task::yield_now().await;
            caller
        }

        fn ran(&self) -> Vec<String> {
            self.started.try_iter().collect()
        }
    }

    #[tokio::test]
    async fn one_text_more_than_the_queue_holds_is_refused() {
        let bench = Bench::new(2, 1);
        let running = bench.fresh("running", in_time()).await;
        assert_eq!(bench.started.recv().unwrap(), "running");
        let queued = [bench.fresh("first", in_time()).await, bench.fresh("second", in_time()).await];
        assert_eq!(bench.pool.stats().queued, 2);
        let refused = bench.fresh("third", in_time()).await.await.unwrap();
        assert_eq!(refused, Err(EmbedError::Overloaded { queue_capacity: 2 }));
        bench.open_gate();
        assert!(running.await.unwrap().is_ok());
        for caller in queued {
            assert!(caller.await.unwrap().is_ok());
        }
    }

    #[tokio::test]
    async fn a_text_whose_deadline_passed_or_whose_caller_left_is_never_run() {
        let bench = Bench::new(8, 1);
        let running = bench.fresh("running", in_time()).await;
        assert_eq!(bench.started.recv().unwrap(), "running");
        let late = bench.fresh("late", Deadline::after(Duration::from_millis(5))).await;
        let left = bench.fresh("left", in_time()).await;
        left.abort();
        assert_eq!(late.await.unwrap(), Err(EmbedError::DeadlinePassed));
        assert!(left.await.is_err());
        bench.open_gate();
        assert!(running.await.unwrap().is_ok());
        assert!(bench.fresh("next", in_time()).await.await.unwrap().is_ok());
        assert_eq!(bench.ran(), ["next"]);
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_the_worker_goes_on() {
        let bench = Bench::new(8, 1);
        bench.open_gate();
        let answer = bench.fresh("panic", in_time()).await.await.unwrap();
        assert!(matches!(answer, Err(EmbedError::Runtime { .. })));
        assert!(bench.fresh("next", in_time()).await.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_fresh_text_passes_a_document_between_its_chunks_and_documents_keep_their_order() {
        let bench = Bench::new(8, 1);
        let first = bench.document("aaaabbbb").await;
        assert_eq!(bench.started.recv().unwrap(), "aaaa");
        let second = bench.document("cccc").await;
        let fresh = bench.fresh("fresh", in_time()).await;
        bench.open_gate();
        assert_eq!(first.await.unwrap().unwrap().chunks, 2);
        assert!(second.await.unwrap().is_ok());
        assert!(fresh.await.unwrap().is_ok());
        assert_eq!(bench.ran(), ["fresh", "bbbb", "cccc"]);
    }

    #[tokio::test]
    async fn texts_that_wait_are_run_together_up_to_the_batch_size() {
        let bench = Bench::new(8, 3);
        let mut callers = vec![bench.fresh("running", in_time()).await];
        assert_eq!(bench.started.recv().unwrap(), "running");
        for of in ["a", "b", "c", "d"] {
            callers.push(bench.fresh(of, in_time()).await);
        }
        let document = bench.document("aaaabbbbccccdddd").await;
        bench.open_gate();
        for caller in callers {
            assert!(caller.await.unwrap().is_ok());
        }
        assert_eq!(document.await.unwrap().unwrap().chunks, 4);
        assert_eq!(bench.ran(), ["a|b|c", "d", "aaaa|bbbb|cccc", "dddd"]);
    }

    #[tokio::test]
    async fn a_batch_that_fails_is_answered_to_each_of_its_callers() {
        let bench = Bench::new(8, 2);
        let running = bench.fresh("running", in_time()).await;
        assert_eq!(bench.started.recv().unwrap(), "running");
        let failing = [bench.fresh("a", in_time()).await, bench.fresh("panic", in_time()).await];
        let next = bench.fresh("next", in_time()).await;
        bench.open_gate();
        assert!(running.await.unwrap().is_ok());
        for caller in failing {
            assert!(matches!(caller.await.unwrap(), Err(EmbedError::Runtime { .. })));
        }
        assert!(next.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_text_without_direction_spoils_no_other_of_its_batch() {
        let bench = Bench::new(8, 2);
        let running = bench.fresh("running", in_time()).await;
        assert_eq!(bench.started.recv().unwrap(), "running");
        let (good, bad) = (bench.fresh("good", in_time()).await, bench.fresh("none", in_time()).await);
        bench.open_gate();
        assert!(running.await.unwrap().is_ok());
        assert!(good.await.unwrap().is_ok());
        assert!(matches!(bad.await.unwrap(), Err(EmbedError::TextNotEmbeddable { .. })));
        assert_eq!(bench.ran(), ["good|none"]);
    }

    #[tokio::test]
    async fn once_closed_the_queued_are_still_embedded_and_others_refused() {
        let bench = Bench::new(8, 1);
        let running = bench.fresh("running", in_time()).await;
        assert_eq!(bench.started.recv().unwrap(), "running");
        let queued = bench.fresh("queued", in_time()).await;
        bench.pool.close();
        let refused = bench.fresh("late", in_time()).await.await.unwrap();
        assert_eq!(refused, Err(EmbedError::ShuttingDown));
        bench.open_gate();
        assert!(running.await.unwrap().is_ok());
        assert!(queued.await.unwrap().is_ok());
    }
}
