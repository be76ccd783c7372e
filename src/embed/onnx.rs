//! The model in ONNX Runtime, loaded from a library file when the service starts.
//!
//! A model takes `input_ids` and `attention_mask` (and `token_type_ids` where it asks for them), each `[batch, tokens]` of
//! int64, and gives `[batch, dim]` of float32 with pooling inside the graph. One session for each worker, each of one
//! thread: under concurrency the default threads are several times slower than one. A session shares no weights with
//! another, for `ort` runs a session from one thread at a time; int8 takes about 60 MB of resident memory for each worker,
//! fp32 about 135 MB. Memory patterns, initialisers outside the arena and no arena were measured: none was faster or
//! smaller by more than the noise, so they are left as ONNX Runtime has them.

use super::manifest::{self, Model, Precision};
use super::pieces::Pieces;
use super::pool::{Encoder, Pool, Terms};
use super::runtime::{environment, session};
use super::tokens::TextTokens;
use super::{Config, Device, EmbedError, OpenError};
use crate::domain::component::ModelRef;
use crate::domain::vector::UnitVector;
use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;
use std::borrow::Cow;
use std::sync::Arc;
use std::thread;

/// Opens the model that `config` names, with a session for each worker.
pub(super) fn open(config: &Config) -> Result<Pool<OnnxEncoder>, OpenError> {
    let manifest = manifest::read(config.manifest.as_deref())?;
    let entry = manifest.find(&config.model)?;
    check_device(config.device, entry)?;
    if config.verify_checksum {
        // A truncated library may load and then end the process with a signal, past any error.
        manifest.runtime.check(&config.runtime_dir)?;
    }
    let graph = entry.model.read(&config.runtime_dir, config.verify_checksum)?;
    let tokenizer = entry.tokenizer.read(&config.runtime_dir, config.verify_checksum)?;
    let fault = |detail: String| OpenError::Model { id: entry.id.clone(), detail };
    let tokens = Arc::new(TextTokens::from_bytes(&tokenizer, &entry.prefix).map_err(fault)?);
    let pieces = Pieces::new(config, tokens.marks(), entry.tokens_max)?;
    let environment = environment(&manifest.runtime, &config.runtime_dir)?;
    let workers = match config.device {
        Device::Cpu => config.worker_count(),
        Device::Cuda => 1,
    };
    let build = || {
        let session = session(&environment, config.device, &graph)?;
        OnnxEncoder::new(session, tokens.clone(), entry.dim, pieces.longest())
    };
    let encoders = thread::scope(|scope| {
        let building: Vec<_> = (0..workers).map(|_| scope.spawn(build)).collect();
        building.into_iter().map(|built| built.join().unwrap_or_else(|_| Err("the build panicked".to_owned()))).collect()
    });
    let terms = Terms {
        model: ModelRef { id: entry.id.as_str().into(), revision: entry.revision.as_str().into() },
        dim: entry.dim,
        pieces,
        queue_capacity: config.queue_capacity,
        batch_size_max: match config.device {
            Device::Cpu => 1,
            Device::Cuda => config.batch_size_max,
        },
    };
    Pool::start(terms, Result::<Vec<_>, String>::map_err(encoders, fault)?)
}

fn check_device(device: Device, entry: &Model) -> Result<(), OpenError> {
    if device == Device::Cpu {
        return Ok(());
    }
    let detail = if !cfg!(feature = "cuda") {
        "\"cuda\" needs a build with `--features cuda` and the GPU build of ONNX Runtime".to_owned()
    } else if entry.precision == Precision::Int8 {
        // Batches are what a GPU is for, and dynamic int8 gives a text another vector in each batch.
        format!("{} is int8, which depends on the batch; choose an fp32 model for \"cuda\"", entry.id)
    } else {
        return Ok(());
    };
    Err(OpenError::Setting { name: "device", detail })
}

/// One session with its buffers.
pub struct OnnxEncoder {
    session: Session,
    tokens: Arc<TextTokens>,
    dim: usize,
    /// Names of the model's inputs, in its order.
    inputs: Vec<Input>,
    ids: Vec<i64>,
    mask: Vec<i64>,
    zeros: Vec<i64>,
}

/// An input that a model may have.
#[derive(Clone, Copy)]
enum Input {
    Ids,
    Mask,
    Types,
}

impl Input {
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "input_ids" => Ok(Self::Ids),
            "attention_mask" => Ok(Self::Mask),
            "token_type_ids" => Ok(Self::Types),
            other => Err(format!("its input {other:?} is none that a sentence encoder has")),
        }
    }
}

impl OnnxEncoder {
    /// Runs one piece of `longest` tokens, which shows that the model gives what the manifest says and lets the session
    /// grow its memory before the first text comes.
    fn new(session: Session, tokens: Arc<TextTokens>, dim: usize, longest: usize) -> Result<Self, String> {
        let inputs = session.inputs().iter().map(|input| Input::named(input.name())).collect::<Result<_, _>>()?;
        if session.outputs().len() != 1 {
            return Err(format!("it has {} outputs, not the sentence's vector alone", session.outputs().len()));
        }
        let mut encoder = Self { session, tokens, dim, inputs, ids: vec![], mask: vec![], zeros: vec![] };
        let word = encoder.tokens.ids("a").map_err(|error| error.to_string())?;
        let piece: Vec<i64> = word.into_iter().cycle().take(longest).collect();
        encoder.run(&[&piece]).map_err(|error| error.to_string())?;
        Ok(encoder)
    }

    /// Lays the pieces out as rows of one width; the rest of a shorter row is masked.
    fn fill(&mut self, pieces: &[&[i64]]) -> usize {
        let width = pieces.iter().map(|piece| piece.len()).max().unwrap_or(0) + self.tokens.marks();
        self.ids.clear();
        self.mask.clear();
        for (row, piece) in pieces.iter().enumerate() {
            self.tokens.push_marked(piece, &mut self.ids);
            self.mask.resize(self.ids.len(), 1);
            self.ids.resize((row + 1) * width, 0);
            self.mask.resize((row + 1) * width, 0);
        }
        self.zeros.resize(self.ids.len(), 0);
        width
    }
}

impl Encoder for OnnxEncoder {
    type Token = i64;

    fn tokenise(&mut self, text: &str) -> Result<Vec<i64>, EmbedError> {
        self.tokens.ids(text)
    }

    fn run(&mut self, pieces: &[&[i64]]) -> Result<Vec<Option<UnitVector>>, EmbedError> {
        let width = self.fill(pieces);
        let shape = [pieces.len(), width];
        let fault = |error: ort::Error| EmbedError::Runtime { detail: error.to_string() };
        let mut values = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let (name, data) = match input {
                Input::Ids => ("input_ids", &self.ids),
                Input::Mask => ("attention_mask", &self.mask),
                Input::Types => ("token_type_ids", &self.zeros),
            };
            let view = TensorRef::from_array_view((shape, data.as_slice())).map_err(fault)?;
            values.push((Cow::from(name), SessionInputValue::from(view)));
        }
        let outputs = self.session.run(values).map_err(fault)?;
        let (shape, data) = outputs[0].try_extract_tensor::<f32>().map_err(fault)?;
        if **shape != [pieces.len() as i64, self.dim as i64] {
            let detail = format!("its output is {shape:?}, not {} vectors of dimension {}", pieces.len(), self.dim);
            return Err(EmbedError::Runtime { detail });
        }
        Ok(data.chunks_exact(self.dim).map(|values| UnitVector::normalised(values.to_vec())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::{in_time, opened, runtime_dir, text};
    use super::super::open as open_any;
    use super::*;
    use std::fs;

    fn open_error(config: &Config) -> OpenError {
        open_any(config).map(|embedder| panic!("{embedder:?} opened")).unwrap_err()
    }

    /// A runtime folder whose files are those of the real one, but for the file `changed`.
    fn folder_with(changed: &str, content: Option<&[u8]>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = manifest::read(None).unwrap();
        let model = manifest.find(&Config::default().model).unwrap();
        for path in [&manifest.runtime.file.path, &model.model.path, &model.tokenizer.path] {
            let target = folder.path().join(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            if !path.ends_with(changed) {
                let real = runtime_dir().canonicalize().expect("run `make setup`").join(path);
                std::os::unix::fs::symlink(real, target).unwrap();
            } else if let Some(content) = content {
                fs::write(target, content).unwrap();
            }
        }
        folder
    }

    fn in_folder(folder: &tempfile::TempDir) -> Config {
        Config { runtime_dir: folder.path().to_owned(), workers: 1, ..Config::default() }
    }

    #[test]
    fn a_truncated_model_is_refused_and_the_error_says_what_to_do() {
        let real = fs::read(runtime_dir().join("all-minilm-l6-v2/model-int8.onnx")).expect("run `make setup`");
        let folder = folder_with("model-int8.onnx", Some(&real[..1_000_000]));
        let error = open_error(&in_folder(&folder)).to_string();
        assert!(error.contains("it has 1000000 bytes instead of"), "{error}");
        assert!(error.contains("run `make setup` again"), "{error}");
    }

    #[test]
    fn a_changed_byte_of_the_model_is_found_unless_the_check_is_off() {
        let mut bytes = fs::read(runtime_dir().join("all-minilm-l6-v2/tokenizer.json")).expect("run `make setup`");
        bytes[0] = b' ';
        let folder = folder_with("tokenizer.json", Some(&bytes));
        assert!(matches!(open_error(&in_folder(&folder)), OpenError::DamagedFile { .. }));
        let unchecked = Config { verify_checksum: false, ..in_folder(&folder) };
        assert!(matches!(open_error(&unchecked), OpenError::Model { .. }));
    }

    #[test]
    fn a_missing_model_is_named() {
        let folder = folder_with("model-int8.onnx", None);
        let error = open_error(&in_folder(&folder)).to_string();
        assert!(error.ends_with("model-int8.onnx is missing: run `make setup`"), "{error}");
    }

    #[test]
    fn a_missing_library_gives_an_error() {
        let folder = folder_with("libonnxruntime.so", None);
        assert!(matches!(open_error(&in_folder(&folder)), OpenError::MissingFile { .. }));
        let unchecked = Config { verify_checksum: false, ..in_folder(&folder) };
        assert!(matches!(open_error(&unchecked), OpenError::Library { .. }));
    }

    /// A process loads one library for good, so this test runs itself again in a process of its own.
    #[test]
    fn a_file_that_is_no_library_gives_an_error() {
        if std::env::var_os("INSTINCT_TEST_ALONE").is_none() {
            let name = concat!(module_path!(), "::a_file_that_is_no_library_gives_an_error");
            let name = name.split_once("::").unwrap().1;
            let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
            let output = alone.args(["--exact", name]).env("INSTINCT_TEST_ALONE", "1").output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let folder = folder_with("libonnxruntime.so", Some(b"no library"));
        assert!(matches!(open_error(&in_folder(&folder)), OpenError::DamagedFile { .. }));
        let error = open_error(&Config { verify_checksum: false, ..in_folder(&folder) }).to_string();
        assert!(error.contains("ONNX Runtime 1.31.1 could not be loaded") && error.contains("run `make setup`"), "{error}");
    }

    #[test]
    fn cuda_is_refused_in_words_where_it_cannot_be() {
        let error = open_error(&Config { device: Device::Cuda, ..Config::default() }).to_string();
        let reason = if cfg!(feature = "cuda") { "int8, which depends on the batch" } else { "--features cuda" };
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn rows_of_a_batch_do_not_see_one_another() {
        let config = Config { model: "all-minilm-l6-v2-fp32".to_owned(), runtime_dir: runtime_dir(), ..Config::default() };
        let manifest = manifest::read(None).unwrap();
        let entry = manifest.find(&config.model).unwrap();
        let read = |file: &manifest::FileRef| file.read(&config.runtime_dir, true).expect("run `make setup`");
        let tokens = Arc::new(TextTokens::from_bytes(&read(&entry.tokenizer), "").unwrap());
        let environment = environment(&manifest.runtime, &config.runtime_dir).unwrap();
        let session = session(&environment, Device::Cpu, &read(&entry.model)).unwrap();
        let mut encoder = OnnxEncoder::new(session, tokens, entry.dim, 16).unwrap();
        let long = encoder.tokenise("Crude oil prices rose after the producers agreed to cut their output").unwrap();
        let short = encoder.tokenise("Gold falls").unwrap();
        let together: Vec<_> = encoder.run(&[&short, &long, &short]).unwrap().into_iter().flatten().collect();
        assert_eq!(together[0], together[2]);
        for (vector, ids) in together.iter().zip([&short, &long]) {
            assert!(vector.dot(encoder.run(&[ids]).unwrap()[0].as_ref().unwrap()) > 0.999_99);
        }
    }

    #[tokio::test]
    async fn int8_is_close_to_fp32() {
        let (int8, fp32) =
            (opened("all-minilm-l6-v2-int8", Config::default()), opened("all-minilm-l6-v2-fp32", Config::default()));
        for headline in [
            "Fed raises rates by 25 basis points, signals further hikes",
            "SEC approves the first spot ether exchange-traded fund",
            "Chip maker cuts revenue guidance on weak demand in China",
            "Oil falls 3% as OPEC+ agrees to lift output from April",
        ] {
            let full = fp32.embed(&text(headline), in_time()).await.unwrap().vector;
            let small = int8.embed(&text(headline), in_time()).await.unwrap().vector;
            assert!(full.dot(&small) >= 0.95, "{headline}: {}", full.dot(&small));
        }
        assert_ne!(int8.model(), fp32.model());
    }

    #[tokio::test]
    async fn a_paraphrase_without_a_word_in_common_is_nearer_than_another_subject() {
        let embedder = opened("all-minilm-l6-v2-int8", Config::default());
        let mut vectors = Vec::new();
        for of in
            ["Equities tumble as investors flee", "Stock market drops sharply in selloff", "New vaccine shows promise in trial"]
        {
            vectors.push(embedder.embed(&text(of), in_time()).await.unwrap().vector);
        }
        assert!(vectors[0].dot(&vectors[1]) > vectors[0].dot(&vectors[2]) + 0.2);
    }
}
