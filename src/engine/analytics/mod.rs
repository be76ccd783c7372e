//! Questions about data, answered without a model: a semantic layer says what the words mean, the words become a typed intent, the intent
//! becomes SQL, and what the SQL returned is verified before it is believed. Where the words are not enough, a language model may write
//! the SQL ([`written`]).
//!
//! All but [`written`] is pure: nothing runs a query, and the same question on the same day against the same layer gives the same SQL.

pub mod compile;
pub mod follow;
pub mod intent;
pub mod knowledge;
pub mod layer;
pub mod linking;
pub mod reconcile;
pub mod words;
pub mod written;
