//! A worker: one thread with one encoder, which takes what waits and answers it.

use super::pool::{Encoder, Terms};
use super::queue::{DocumentJob, FreshJob, Job, Queue, Taken};
use super::{DocumentEmbedding, EmbedError, Embedding};
use crate::domain::component::Cut;
use crate::domain::vector::UnitVector;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// By how much a worker stands back, in steps of nice(2), which Linux counts by thread: hits, refusals and health checks take
/// microseconds and should not wait for the end of a worker's slice on a machine whose cores are all busy with texts.
const STANDS_BACK: i32 = 5;

/// One thread's part of a pool.
pub(super) struct Worker<E: Encoder> {
    pub encoder: E,
    pub queue: Arc<Queue<E::Token>>,
    pub terms: Terms,
}

impl<E: Encoder> Worker<E> {
    /// Runs until the queue is closed and empty.
    pub(super) fn work(mut self) {
        if let Err(error) = rustix::process::nice(STANDS_BACK) {
            tracing::debug!(%error, "an embedding thread keeps its priority");
        }
        while let Some(taken) = self.queue.take(self.terms.batch_size_max) {
            match taken {
                Taken::Fresh(jobs) => self.embed_fresh(jobs),
                Taken::Document(job) => self.embed_document(job),
            }
        }
    }

    fn embed_fresh(&mut self, jobs: Vec<FreshJob>) {
        let mut wanted = Vec::with_capacity(jobs.len());
        for job in jobs.into_iter().filter_map(Job::if_wanted) {
            let start = Instant::now();
            let queue_us = micros(start - job.submitted);
            match guarded(|| self.encoder.tokenise(job.text.as_str())) {
                Ok(tokens) => wanted.push((job, tokens, queue_us, micros(start.elapsed()))),
                Err(error) => job.answer(Err(error)),
            }
        }
        if wanted.is_empty() {
            return;
        }
        let start = Instant::now();
        let (pieces, cuts): (Vec<_>, Vec<_>) = wanted.iter().map(|(_, tokens, ..)| self.terms.pieces.fresh(tokens)).unzip();
        let vectors = run(&mut self.encoder, &pieces);
        let run_us = micros(start.elapsed());
        match vectors {
            Ok(vectors) => {
                for (((job, _, queue_us, tokenize_us), vector), cut) in wanted.into_iter().zip(vectors).zip(cuts) {
                    job.answer(vector.map(|vector| Embedding { vector, cut, queue_us, tokenize_us, run_us }));
                }
            }
            Err(error) => wanted.into_iter().for_each(|(job, ..)| job.answer(Err(error.clone()))),
        }
    }

    /// Runs the next chunks of a document, as many as one run takes.
    fn embed_document(&mut self, job: DocumentJob<E::Token>) {
        let Some(mut job) = job.if_wanted() else { return };
        let progress = match job.progress.take() {
            Some(progress) => Ok(progress),
            None => self.begin(&job),
        };
        match progress.and_then(|progress| self.run_chunks(progress)) {
            Ok(progress) if progress.chunks_done == progress.chunks => job.answer(progress.finish()),
            Ok(progress) => {
                job.progress = Some(progress);
                self.queue.resume(job);
            }
            Err(error) => job.answer(Err(error)),
        }
    }

    fn begin(&mut self, job: &DocumentJob<E::Token>) -> Result<Progress<E::Token>, EmbedError> {
        let start = Instant::now();
        let tokens = guarded(|| self.encoder.tokenise(job.text.as_str()))?;
        let (chunks, cut) = self.terms.pieces.chunks(tokens.len());
        Ok(Progress {
            tokens,
            chunks,
            cut,
            chunks_done: 0,
            sum: vec![0.0; self.terms.dim],
            queue_us: micros(start - job.submitted),
            tokenize_us: micros(start.elapsed()),
            run_us: 0,
        })
    }

    fn run_chunks(&mut self, mut progress: Progress<E::Token>) -> Result<Progress<E::Token>, EmbedError> {
        let start = Instant::now();
        let end = progress.chunks.min(progress.chunks_done + self.terms.batch_size_max);
        let chunks: Vec<_> = (progress.chunks_done..end)
            .map(|index| &progress.tokens[self.terms.pieces.chunk_range(index, progress.tokens.len())])
            .collect();
        let vectors: Vec<UnitVector> = run(&mut self.encoder, &chunks)?.into_iter().collect::<Result<_, _>>()?;
        progress.add(&vectors);
        progress.run_us += micros(start.elapsed());
        Ok(progress)
    }
}

/// One run of the model: an error for all of it, or for each piece that has no direction.
fn run<E: Encoder>(encoder: &mut E, pieces: &[&[E::Token]]) -> Result<Vec<Result<UnitVector, EmbedError>>, EmbedError> {
    let vectors = guarded(|| encoder.run(pieces))?;
    if vectors.len() != pieces.len() {
        return Err(EmbedError::Runtime { detail: format!("{} vectors for {} texts", vectors.len(), pieces.len()) });
    }
    let directed = |vector: Option<_>| {
        vector.ok_or_else(|| EmbedError::TextNotEmbeddable { detail: "the model gives it no direction".to_owned() })
    };
    Ok(vectors.into_iter().map(directed).collect())
}

/// Turns a panic into an error, so that one bad text costs neither the worker nor the texts behind it.
fn guarded<T>(work: impl FnOnce() -> Result<T, EmbedError>) -> Result<T, EmbedError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(EmbedError::Runtime { detail: "the worker panicked on this text".to_owned() }))
}

fn micros(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

/// How far a document has come.
pub(super) struct Progress<T> {
    tokens: Vec<T>,
    chunks: usize,
    cut: Option<Cut>,
    chunks_done: usize,
    sum: Vec<f64>,
    queue_us: u64,
    tokenize_us: u64,
    run_us: u64,
}

impl<T> Progress<T> {
    fn add(&mut self, vectors: &[UnitVector]) {
        for vector in vectors {
            for (sum, value) in self.sum.iter_mut().zip(vector.as_slice()) {
                *sum += f64::from(*value);
            }
        }
        self.chunks_done += vectors.len();
    }

    fn finish(self) -> Result<DocumentEmbedding, EmbedError> {
        let mean = self.sum.iter().map(|sum| (*sum / self.chunks as f64) as f32).collect();
        let vector = UnitVector::normalised(mean)
            .ok_or_else(|| EmbedError::TextNotEmbeddable { detail: "its chunks cancel each other out".to_owned() })?;
        Ok(DocumentEmbedding {
            vector,
            // At most `CHUNKS_MAX`.
            chunks: self.chunks as u32,
            cut: self.cut,
            queue_us: self.queue_us,
            tokenize_us: self.tokenize_us,
            run_us: self.run_us,
        })
    }
}
