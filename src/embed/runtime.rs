//! ONNX Runtime itself: loads its library once for the process and builds sessions.

use super::manifest::Library;
use super::{Device, OpenError};
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};

/// The one environment that ONNX Runtime allows in a process, and the library that it came from. Kept for good, for
/// another cannot be made after it.
static ENVIRONMENT: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// Loads the library, or gives the environment of an earlier call.
pub(super) fn environment(library: &Library, runtime_dir: &Path) -> Result<Environment, OpenError> {
    let given = runtime_dir.join(&library.file.path);
    let version = &library.version;
    let fault = |detail: String| OpenError::Library { version: version.clone(), path: given.clone(), detail };
    let path = given.canonicalize().map_err(|error| fault(error.to_string()))?;
    let mut loaded = ENVIRONMENT.lock();
    if let Some((loaded_path, environment)) = &*loaded {
        if *loaded_path == path {
            return Ok(environment.clone());
        }
        return Err(fault(format!("{} is loaded already, and a process loads only one", loaded_path.display())));
    }
    let builder = ort::init_from(&path).map_err(|error| fault(error.to_string()))?;
    let environment = builder.with_name("instinct").with_telemetry(false).build().map_err(|error| fault(error.to_string()))?;
    *loaded = Some((path, environment.clone()));
    Ok(environment)
}

/// A session of one thread for this graph. The error is text for the operator.
pub(super) fn session(environment: &Environment, device: Device, graph: &[u8]) -> Result<Session, String> {
    let text = |error: ort::Error| error.to_string();
    let built = || {
        let builder = Session::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?;
        let mut builder = on_device(builder, device)?;
        builder.commit_from_memory(graph)
    };
    built().map_err(text)
}

#[cfg(feature = "cuda")]
fn on_device(builder: SessionBuilder, device: Device) -> Result<SessionBuilder, ort::Error> {
    match device {
        Device::Cpu => Ok(builder),
        // Without this the session would silently run on the processor where CUDA cannot be used.
        Device::Cuda => Ok(builder.with_execution_providers([ort::ep::CUDA::default().build().error_on_failure()])?),
    }
}

/// Only the processor is left: CUDA is refused before, in a build without it.
#[cfg(not(feature = "cuda"))]
fn on_device(builder: SessionBuilder, _device: Device) -> Result<SessionBuilder, ort::Error> {
    Ok(builder)
}
