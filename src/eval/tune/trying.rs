//! Every setting on the fitting part: embedders, compositions and weights, and for `concat` fewer dimensions.

use super::Tuning;
use super::ask;
use super::choose::{self, Reduced, Tried};
use super::gather::Asked;
use super::pca::{self, Reduction};
use super::sets::{Set, Source};
use crate::domain::strategy::Strategy;
use crate::domain::text::FreshText;
use crate::domain::vector::UnitVector;
use crate::eval::stream;
use crate::eval::workbench::{EvalError, Pipeline, Question, Workbench};
use crate::limits::PROJECTION_VECTORS_MAX;
use std::time::Instant;

/// Texts on which an embedder's time is taken.
const TIMED_TEXTS: usize = 100;

/// What was tried, in one order: the figures, and the workbench that they come from.
#[derive(Default)]
struct Trials {
    tried: Vec<Tried>,
    settings: Vec<Workbench>,
}

impl Tuning<'_, '_> {
    /// Tries every embedder, composition and weights on the fitting part, then fewer dimensions, and takes one.
    pub(super) async fn chosen(&mut self, benches: &[Workbench]) -> Result<(Workbench, Vec<Tried>, String), EvalError> {
        let mut trials = Trials::default();
        for (place, bench) in benches.iter().enumerate() {
            let embed_us = self.embedding_time(bench).await?;
            for (other, variant) in
                choose::variants(bench.strategy(), self.fills_context(bench.strategy())).into_iter().enumerate()
            {
                let tried = self.try_setting(&mut trials, bench.with_strategy(variant, None), embed_us).await?;
                tried.own = place == 0 && other == 0;
            }
        }
        let (mut at, mut why) = choose::choose(&trials.tried);
        if let (false, Some(whole)) = (self.options.floors_only, choose::to_reduce(&trials.tried, at)) {
            let found = self.reduced(&mut trials, whole).await?;
            let (chosen, said) = choose::choose_reduced(&trials.tried, (at, whole), found);
            at = chosen;
            why = format!("{why} {said}");
        }
        let Trials { mut tried, mut settings } = trials;
        if let Some(chosen) = tried.get_mut(at) {
            chosen.chosen = true;
        }
        Ok((settings.swap_remove(at), tried, why))
    }

    async fn try_setting<'t>(
        &mut self,
        trials: &'t mut Trials,
        setting: Workbench,
        embed_us: u64,
    ) -> Result<&'t mut Tried, EvalError> {
        let (strategy, dimensions) = (setting.strategy(), setting.composed_dim());
        let what = format!("trying {} with {} in {dimensions} dimensions", setting.model(), strategy.composition.as_str());
        let mut asked: Vec<Asked> = Vec::new();
        for set in &self.sets {
            asked.extend(ask(&setting, set, set.fit().end, &what, self.progress).await?);
        }
        let (hit_rate, error) = choose::hits(&asked, self.error_budget);
        let tried = Tried {
            model: setting.model().to_string(),
            composition: strategy.composition,
            weights: strategy.slots.iter().map(|slot| slot.weight).collect(),
            dimensions,
            projected: setting.projection().is_some(),
            hit_rate,
            error,
            embed_us,
            search_us: median(asked.iter().map(|asked| asked.took_us).filter(|us| *us > 0).collect()),
            vector_bytes: dimensions * size_of::<f32>(),
            own: false,
            chosen: false,
        };
        let place = trials.tried.len();
        trials.settings.push(setting);
        trials.tried.push(tried);
        Ok(&mut trials.tried[place])
    }

    /// Learns projections for one of the settings and tries each.
    async fn reduced(&mut self, trials: &mut Trials, whole: usize) -> Result<Result<Vec<Reduced>, String>, EvalError> {
        let Some((setting, embed_us)) = trials.settings.get(whole).zip(trials.tried.get(whole).map(|tried| tried.embed_us))
        else {
            return Ok(Err("there is no setting to reduce".to_owned()));
        };
        let (early, late) = self.composed(setting).await?;
        let slots = &setting.strategy().slots;
        let never = pca::empty_slot(&early, slots.len()).filter(|slot| pca::empty_slot(&late, slots.len()) == Some(*slot));
        if let Some(slot) = never.and_then(|slot| slots.get(slot)) {
            let role = slot.source.role_name();
            return Ok(Err(format!("the data never fill the slot of role \"{role}\", and a projection would forget it")));
        }
        (self.progress)("principal components", 0, 1);
        let reductions = match pca::reduce(&early, &late, &pca::DIMENSIONS) {
            Ok(reductions) => reductions,
            Err(why) => return Ok(Err(why)),
        };
        let whole = setting.with_strategy(setting.strategy().clone(), None);
        let mut found = Vec::new();
        for Reduction { projection, cosine_error } in reductions {
            found.push(Reduced { at: trials.tried.len(), explained: projection.explained, cosine_error });
            self.try_setting(trials, whole.with_projection(projection), embed_us).await?;
        }
        Ok(Ok(found))
    }

    /// The composed vectors of the fitting part, those of its first half and those of its second.
    async fn composed(&mut self, setting: &Workbench) -> Result<(Vec<UnitVector>, Vec<UnitVector>), EvalError> {
        let every = self.sets.iter().map(|set| set.fit().len()).sum::<usize>().div_ceil(PROJECTION_VECTORS_MAX).max(1);
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for set in &self.sets {
            let fit = set.fit();
            let of = fit.len();
            for (at, vector) in composed(setting, set, every).await? {
                (self.progress)(&format!("{}: composing", set.name), at, of);
                if at < of / 2 { early.push(vector) } else { late.push(vector) }
            }
        }
        Ok((early, late))
    }

    /// Whether the data fill a soft slot of the strategy.
    fn fills_context(&self, strategy: &Strategy) -> bool {
        self.sets.iter().any(|set| match &set.source {
            Source::Stream(rows) => rows.iter().any(|row| !stream::question(row, strategy, 0).context.is_empty()),
            Source::Pairs(_) => false,
        })
    }

    /// Microseconds that a text takes at the median. What was embedded before is not embedded again, so this comes first.
    async fn embedding_time(&self, bench: &Workbench) -> Result<u64, EvalError> {
        let texts = |set: &Set<'_>| -> Vec<FreshText> {
            match &set.source {
                Source::Stream(rows) => rows.iter().take(TIMED_TEXTS).map(|row| row.text.clone()).collect(),
                Source::Pairs(pairs) => pairs.iter().take(TIMED_TEXTS).map(|pair| pair.b.clone()).collect(),
            }
        };
        let mut times = Vec::new();
        for text in self.sets.iter().flat_map(texts).take(TIMED_TEXTS) {
            let since = Instant::now();
            match bench.vector(&text).await {
                Err(error) if error.is_unembeddable_text() => {}
                vector => drop(vector?),
            }
            times.push(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        Ok(median(times))
    }
}

/// Every so many composed vectors of the fitting part of a set, each with its place; a text that the model makes nothing of has none.
async fn composed(setting: &Workbench, set: &Set<'_>, every: usize) -> Result<Vec<(usize, UnitVector)>, EvalError> {
    let floors = setting.strategy().thresholds;
    let mut all = Vec::new();
    match &set.source {
        Source::Stream(rows) => {
            let rows = rows.get(set.fit()).unwrap_or_default();
            let pipeline = stream::opened(setting, rows.iter(), floors).await?;
            for (at, row) in rows.iter().enumerate().step_by(every) {
                let question = stream::arrive(&pipeline, row, at).await?;
                all.extend(vector_of(&pipeline, &question).await?.map(|vector| (at, vector)));
            }
        }
        Source::Pairs(pairs) => {
            let pipeline = setting.pipeline(floors, stream::start()).await?;
            for (at, pair) in pairs.get(set.fit()).unwrap_or_default().iter().enumerate().step_by(every) {
                for text in [&pair.a, &pair.b] {
                    let question = Question { text: text.clone(), as_of: stream::start(), tags: Vec::new(), context: Vec::new() };
                    all.extend(vector_of(&pipeline, &question).await?.map(|vector| (at, vector)));
                }
            }
        }
    }
    Ok(all)
}

async fn vector_of(pipeline: &Pipeline, question: &Question) -> Result<Option<UnitVector>, EvalError> {
    match pipeline.composed(question).await {
        Err(error) if error.is_unembeddable_text() => Ok(None),
        vector => vector.map(Some),
    }
}

fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0)
}
