//! The numeric research engine: models that are fitted ahead, and looked up in milliseconds.
//!
//! A case of the catalogue says what is asked, from which data, by which [`method::Method`], how long a fit stays fresh and how its
//! numbers are put into words. A method knows its data and nothing of the service around it.

pub mod method;
pub mod methods;
