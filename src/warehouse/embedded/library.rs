//! The C interface of libchdb, as `chdb.h` of version 26.5 declares it.

use super::super::WarehouseError;
use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use sha2::{Digest, Sha256};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::ptr::{self, NonNull};

/// Bytes of a file that are read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// What the engine answers when it is asked for its version.
pub(super) const VERSION: &str = "26.5.1.1";

/// What the library of this kind of machine must be: its bytes and SHA-256, as `scripts/fetch_chdb.py` brings it.
#[cfg(target_arch = "x86_64")]
const CONTENT: Option<(u64, &str)> = Some((559_044_752, "4330da79405733f7572f27c1442f46c03a08301f00859dce0368645731b1e1dc"));
#[cfg(not(target_arch = "x86_64"))]
const CONTENT: Option<(u64, &str)> = None;

type Connected = *mut *mut c_void;
type Answered = *mut c_void;

type Query = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *const *const c_char,
    *const usize,
    *const *const c_char,
    *const usize,
    usize,
) -> Answered;

/// The functions that are used of it.
#[derive(Debug)]
pub(super) struct Functions {
    signal_handlers: unsafe extern "C" fn(c_int),
    connect: unsafe extern "C" fn(c_int, *const *const c_char) -> Connected,
    close: unsafe extern "C" fn(Connected),
    query: Query,
    buffer: unsafe extern "C" fn(Answered) -> *const c_char,
    length: unsafe extern "C" fn(Answered) -> usize,
    error: unsafe extern "C" fn(Answered) -> *const c_char,
    destroy: unsafe extern "C" fn(Answered),
}

/// Why the library is of no use, for the log.
pub(super) fn away(path: &Path, said: impl std::fmt::Display) -> WarehouseError {
    WarehouseError::Away { said: format!("{}: {said}; `make warehouse` brings it", path.display()) }
}

/// Reads the library through. What is truncated would take the whole process along when it is loaded, so nothing is loaded unread.
fn check(path: &Path) -> Result<(), WarehouseError> {
    let (bytes, sha256) = CONTENT.ok_or_else(|| away(path, "there is no engine for this kind of machine"))?;
    let mut file = File::open(path).map_err(|error| away(path, error))?;
    let found = file.metadata().map_err(|error| away(path, error))?.len();
    if found != bytes {
        return Err(away(path, format!("it has {found} bytes instead of {bytes}")));
    }
    let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => digest.update(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(away(path, error)),
        }
    }
    let found = hex::encode(digest.finalize());
    if found == sha256 { Ok(()) } else { Err(away(path, format!("its SHA-256 is {found} instead of {sha256}"))) }
}

impl Functions {
    /// Loads the library, for as long as the process lives: its threads can't be taken down again.
    pub(super) fn load(path: &Path) -> Result<&'static Self, WarehouseError> {
        check(path)?;
        // Lazily, for most of its functions are never called; locally, for it brings its own allocator and C++ library.
        // SAFETY: the file is the engine, for its SHA-256 was checked; its initialisers only set up its own tables.
        let library = unsafe { Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL) }.map_err(|error| away(path, error))?;
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: each name is that of a function with the type of its field, from the header of this version.
        let functions = unsafe {
            Self {
                signal_handlers: symbol(library, path, c"chdb_set_signal_handlers_enabled")?,
                connect: symbol(library, path, c"chdb_connect")?,
                close: symbol(library, path, c"chdb_close_conn")?,
                query: symbol(library, path, c"chdb_query_with_params_n")?,
                buffer: symbol(library, path, c"chdb_result_buffer")?,
                length: symbol(library, path, c"chdb_result_length")?,
                error: symbol(library, path, c"chdb_result_error")?,
                destroy: symbol(library, path, c"chdb_destroy_query_result")?,
            }
        };
        // SAFETY: a plain call; it keeps the engine from putting its own handlers in place of the process's.
        unsafe { (functions.signal_handlers)(0) };
        Ok(Box::leak(Box::new(functions)))
    }

    /// Opens a connection; the first one of a process starts the engine, with these arguments. `None` where the engine does not start.
    pub(super) fn connect(&'static self, arguments: &[String]) -> Option<Connection> {
        let given: Option<Vec<CString>> = arguments.iter().map(|one| CString::new(one.as_str()).ok()).collect();
        let given = given?;
        let pointers: Vec<*const c_char> = given.iter().map(|one| one.as_ptr()).collect();
        // SAFETY: as many strings as the count says, each with a NUL at its end, living for the call.
        let at = unsafe { (self.connect)(c_int::try_from(pointers.len()).ok()?, pointers.as_ptr()) };
        NonNull::new(at).map(|at| Connection { functions: self, at })
    }
}

unsafe extern "C" {
    /// Of the C library: calls a function with the status when the process exits. The last one that was given is called first.
    fn on_exit(function: extern "C" fn(c_int, *mut c_void), given: *mut c_void) -> c_int;
}

/// Ends the process at its exit before the engine's own destructors run, which read what others of them have freed as long as the engine
/// is up. Rust has written out what it holds by then, and what the engine has put is in its files.
pub(super) fn exit_before_destructors() -> bool {
    extern "C" fn exit_now(status: c_int, _: *mut c_void) {
        // SAFETY: a plain call that does not return.
        unsafe { libc::_exit(status) }
    }
    // SAFETY: the function lives as long as the program, and wants nothing.
    unsafe { on_exit(exit_now, ptr::null_mut()) == 0 }
}

/// # Safety
/// `T` is the type of the function of this name.
unsafe fn symbol<T: Copy>(library: &Library, path: &Path, name: &CStr) -> Result<T, WarehouseError> {
    // SAFETY: as the caller says.
    unsafe { library.get::<T>(name.to_bytes_with_nul()) }.map(|symbol| *symbol).map_err(|error| away(path, error))
}

/// A connection: settings of its own, and one statement at a time.
#[derive(Debug)]
pub(super) struct Connection {
    functions: &'static Functions,
    at: NonNull<*mut c_void>,
}

// SAFETY: the engine has no ties between a connection and a thread; `&mut self` keeps the statements one after another.
unsafe impl Send for Connection {}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by `connect`, and nothing uses it after.
        unsafe { (self.functions.close)(self.at.as_ptr()) }
    }
}

/// What the engine said of a fault, code and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault(pub String);

impl Connection {
    /// Runs a statement with named values and gives its rows in a format. A statement may have bytes of any kind in it.
    pub(super) fn query(&mut self, sql: &[u8], format: &str, values: &[(String, String)]) -> Result<Answer, Fault> {
        let names: Vec<*const c_char> = values.iter().map(|(name, _)| name.as_ptr().cast()).collect();
        let name_lengths: Vec<usize> = values.iter().map(|(name, _)| name.len()).collect();
        let texts: Vec<*const c_char> = values.iter().map(|(_, text)| text.as_ptr().cast()).collect();
        let text_lengths: Vec<usize> = values.iter().map(|(_, text)| text.len()).collect();
        // SAFETY: the connection lives; every text lives for the call and is as long as is said.
        let at = unsafe {
            (self.functions.query)(
                *self.at.as_ptr(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                texts.as_ptr(),
                text_lengths.as_ptr(),
                values.len(),
            )
        };
        let answer = Answer { functions: self.functions, at: NonNull::new(at).ok_or_else(|| Fault("no answer".to_owned()))? };
        match answer.error() {
            Some(said) => Err(Fault(said)),
            None => Ok(answer),
        }
    }

    /// Runs a statement of this module's own, whose rows don't matter.
    pub(super) fn execute(&mut self, sql: &str) -> Result<(), Fault> {
        self.query(sql.as_bytes(), "Null", &[]).map(|_| ())
    }
}

/// The rows of a statement, in the engine's memory.
#[derive(Debug)]
pub(super) struct Answer {
    functions: &'static Functions,
    at: NonNull<c_void>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: made by `query`, and nothing uses it after.
        unsafe { (self.functions.destroy)(self.at.as_ptr()) }
    }
}

impl Answer {
    fn error(&self) -> Option<String> {
        // SAFETY: the answer lives; the text, where there is one, ends with a NUL and lives as long.
        unsafe {
            let said = (self.functions.error)(self.at.as_ptr());
            (!said.is_null()).then(|| CStr::from_ptr(said).to_string_lossy().into_owned())
        }
    }

    /// The bytes of the rows.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the answer lives, and its buffer is as long as it says.
        unsafe {
            let (buffer, length) = ((self.functions.buffer)(self.at.as_ptr()), (self.functions.length)(self.at.as_ptr()));
            let buffer = if buffer.is_null() { ptr::dangling() } else { buffer };
            std::slice::from_raw_parts(buffer.cast(), if buffer == ptr::dangling() { 0 } else { length })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_missing_or_truncated_is_told_and_never_loaded() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("libchdb.so");
        let said = |path: &Path| match Functions::load(path) {
            Err(WarehouseError::Away { said }) => said,
            other => panic!("{other:?}"),
        };
        assert!(said(&path).contains("make warehouse"));
        let file = File::create(&path).unwrap();
        file.set_len(559_044_751).unwrap();
        assert!(said(&path).contains("559044751 bytes instead of 559044752"));
        file.set_len(559_044_752).unwrap();
        assert!(said(&path).contains("its SHA-256 is"));
    }

    #[test]
    fn the_library_is_the_one_that_the_script_brings() {
        let script = include_str!("../../../scripts/fetch_chdb.py");
        assert!(script.contains("559_044_752") && script.contains(CONTENT.unwrap().1));
    }
}
