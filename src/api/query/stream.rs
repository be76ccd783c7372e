//! A question about data as its answer comes about, as server-sent events.

use super::super::error::Problem;
use super::super::events::{KEEP_ALIVE, STILL, event};
use super::super::trace::Arrival;
use super::{QueryAnswer, answer};
use crate::app::App;
use crate::decide::analytics::DataQuestion;
use crate::engine::analytics::answer::ChartHint;
use crate::engine::steps::Steps;
use actix_web::web::{Bytes, Data};
use futures_util::stream;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

type Work = Pin<Box<dyn Future<Output = Result<QueryAnswer, Problem>>>>;

/// The events of one question. The work is done where they are asked for, so that it ends when nobody does any more.
struct Following {
    work: Option<Work>,
    /// The last event, once the work is done; the steps that are not told yet come before it.
    last: Option<Bytes>,
    steps: Steps,
    told: usize,
    _room: OwnedSemaphorePermit,
}

pub(super) fn events(
    app: Data<App>,
    question: DataQuestion,
    (hint, arrival): (Option<ChartHint>, Arrival),
    room: OwnedSemaphorePermit,
) -> impl stream::Stream<Item = Result<Bytes, Infallible>> {
    let steps = question.steps.clone();
    let work: Work = Box::pin(async move { answer(&app, &question, (hint, arrival)).await });
    stream::unfold(Following { work: Some(work), last: None, steps, told: 0, _room: room }, Following::next)
}

impl Following {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if let Some(step) = self.steps.from(self.told).first() {
                self.told += 1;
                return Some((Ok(event("step", step)), self));
            }
            if let Some(last) = self.last.take() {
                return Some((Ok(last), self));
            }
            let mut work = self.work.take()?;
            tokio::select! {
                biased;
                () = self.steps.more_than(self.told) => self.work = Some(work),
                done = &mut work => {
                    self.last = Some(match done {
                        Ok(answer) => event("answer", &answer),
                        Err(problem) => event("error", problem.details()),
                    });
                }
                () = sleep(KEEP_ALIVE) => {
                    self.work = Some(work);
                    return Some((Ok(Bytes::from_static(STILL)), self));
                }
            }
        }
    }
}
