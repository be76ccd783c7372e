//! Black-box tests: each starts the real binary on a free port with a data folder of its own.

mod architecture;
mod contract;
mod crash;
mod engine_seam;
mod fast_path;
mod prototype;
mod restart;
mod service;
