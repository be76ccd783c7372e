//! Questions about data, answered without a model: a semantic layer says what the words mean, the words become a typed intent, the intent
//! becomes SQL, and what the SQL returned is verified before it is believed.
//!
//! Everything here is pure: nothing runs a query, and the same question on the same day against the same layer gives the same SQL.

pub mod answer;
pub mod compile;
pub mod derive;
pub mod frames;
pub mod intent;
pub mod layer;
pub mod reconcile;
pub mod words;
