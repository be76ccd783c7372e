//! The error budget: at most a stated share of what is reused may be wrong.
//!
//! A near candidate has [`Evidence`](crate::domain::calibration::Evidence). A logistic model, fitted offline, makes one score of it: an
//! estimate of P(right). The score alone proves nothing; it only sorts. What is served is decided by counting: from the strictest
//! score down, the error among all that would be served is bounded from above, and the line is drawn where the bound still keeps to
//! the budget ([`acceptance`]). Statistics are pooled over the strategy, for an entry sees too few outcomes to prove anything.
//!
//! Where there is no calibration the [`learner`] fits the model to what the service meets. The [`ledger`] goes on counting while the service runs, closes the strategy for near reuse when the budget is overspent, and opens
//! it again by evidence. The [`sampler`] says which hits are decided again to have something to count, and the [`neighbourhood`] keeps
//! what was served wrongly from being served again.

pub mod acceptance;
pub mod books;
pub mod bound;
pub mod evidence;
pub mod fit;
pub mod learner;
pub mod ledger;
pub mod model;
pub mod neighbourhood;
pub mod sampler;
