//! Tests of the volatility regimes.
