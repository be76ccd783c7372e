//! The C interface of HiGHS, as `highs_c_api.h` of version 1.15 declares it.

use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use std::ffi::{CStr, c_char, c_double, c_int, c_void};
use std::path::Path;
use std::ptr;

/// Row by row, `kHighsMatrixFormatRowwise`.
const ROWWISE: c_int = 2;
/// The lower triangle, `kHighsHessianFormatTriangular`; there is no Hessian.
const TRIANGULAR: c_int = 1;
/// `kHighsStatusError`.
const ERROR: c_int = -1;

type Handle = *mut c_void;

/// A matrix row by row: where each begins, which columns it has, and the values there.
#[derive(Debug, Default)]
pub(super) struct Sparse {
    pub starts: Vec<c_int>,
    pub index: Vec<c_int>,
    pub value: Vec<c_double>,
}

/// A model as HiGHS takes it.
#[derive(Debug)]
pub(super) struct Model {
    /// 1 to minimise, −1 to maximise.
    pub sense: c_int,
    pub offset: c_double,
    pub cost: Vec<c_double>,
    pub column_lower: Vec<c_double>,
    pub column_upper: Vec<c_double>,
    pub row_lower: Vec<c_double>,
    pub row_upper: Vec<c_double>,
    pub matrix: Sparse,
    /// 1 for an integer column, else 0; empty where none is.
    pub integrality: Vec<c_int>,
}

type PassModel = unsafe extern "C" fn(
    Handle,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    c_double,
    *const c_double,
    *const c_double,
    *const c_double,
    *const c_double,
    *const c_double,
    *const c_int,
    *const c_int,
    *const c_double,
    *const c_int,
    *const c_int,
    *const c_double,
    *const c_int,
) -> c_int;

/// The functions that are used of it.
#[derive(Debug)]
pub(super) struct Functions {
    version: unsafe extern "C" fn() -> *const c_char,
    create: unsafe extern "C" fn() -> Handle,
    destroy: unsafe extern "C" fn(Handle),
    pass_model: PassModel,
    set_bool: unsafe extern "C" fn(Handle, *const c_char, c_int) -> c_int,
    set_int: unsafe extern "C" fn(Handle, *const c_char, c_int) -> c_int,
    set_double: unsafe extern "C" fn(Handle, *const c_char, c_double) -> c_int,
    set_string: unsafe extern "C" fn(Handle, *const c_char, *const c_char) -> c_int,
    run: unsafe extern "C" fn(Handle) -> c_int,
    model_status: unsafe extern "C" fn(Handle) -> c_int,
    solution: unsafe extern "C" fn(Handle, *mut c_double, *mut c_double, *mut c_double, *mut c_double) -> c_int,
    double_info: unsafe extern "C" fn(Handle, *const c_char, *mut c_double) -> c_int,
    int_info: unsafe extern "C" fn(Handle, *const c_char, *mut c_int) -> c_int,
    int64_info: unsafe extern "C" fn(Handle, *const c_char, *mut i64) -> c_int,
    /// Last, for it must outlive the others.
    _library: Library,
}

impl Functions {
    /// Loads the library. The error is text for the operator.
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        // Lazily, for most of its functions are never called, and finding them all takes longer than a small solve.
        // SAFETY: the file is HiGHS, for its SHA-256 was checked; its initialisers only set up its own tables.
        let library = unsafe { Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL) }.map_err(|error| error.to_string())?;
        // SAFETY: each name is that of a function with the type of its field, from the header of this version.
        unsafe {
            Ok(Self {
                version: symbol(&library, c"Highs_version")?,
                create: symbol(&library, c"Highs_create")?,
                destroy: symbol(&library, c"Highs_destroy")?,
                pass_model: symbol(&library, c"Highs_passModel")?,
                set_bool: symbol(&library, c"Highs_setBoolOptionValue")?,
                set_int: symbol(&library, c"Highs_setIntOptionValue")?,
                set_double: symbol(&library, c"Highs_setDoubleOptionValue")?,
                set_string: symbol(&library, c"Highs_setStringOptionValue")?,
                run: symbol(&library, c"Highs_run")?,
                model_status: symbol(&library, c"Highs_getModelStatus")?,
                solution: symbol(&library, c"Highs_getSolution")?,
                double_info: symbol(&library, c"Highs_getDoubleInfoValue")?,
                int_info: symbol(&library, c"Highs_getIntInfoValue")?,
                int64_info: symbol(&library, c"Highs_getInt64InfoValue")?,
                _library: library,
            })
        }
    }

    /// The version that it says it has.
    pub(super) fn version(&self) -> String {
        // SAFETY: the function gives a string that lives as long as the library.
        unsafe { CStr::from_ptr((self.version)()) }.to_string_lossy().into_owned()
    }

    /// A new, empty instance.
    pub(super) fn create(&self) -> Instance<'_> {
        // SAFETY: no arguments; the instance is destroyed once, by its `Drop`.
        Instance { functions: self, handle: unsafe { (self.create)() } }
    }
}

/// # Safety
/// `T` is the type of the function of this name.
unsafe fn symbol<T: Copy>(library: &Library, name: &CStr) -> Result<T, String> {
    // SAFETY: as the caller says.
    unsafe { library.get::<T>(name.to_bytes_with_nul()) }.map(|symbol| *symbol).map_err(|error| error.to_string())
}

/// One solver of the library.
#[derive(Debug)]
pub(super) struct Instance<'a> {
    functions: &'a Functions,
    handle: Handle,
}

impl Drop for Instance<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `create`, and nothing uses it after.
        unsafe { (self.functions.destroy)(self.handle) }
    }
}

/// The values of an option.
#[derive(Debug, Clone, Copy)]
pub(super) enum OptionValue<'a> {
    Bool(bool),
    Int(c_int),
    Double(c_double),
    Text(&'a CStr),
}

impl Instance<'_> {
    /// Sets an option.
    pub(super) fn set(&self, name: &CStr, value: OptionValue<'_>) -> Result<(), String> {
        let (functions, handle, at) = (self.functions, self.handle, name.as_ptr());
        // SAFETY: the instance lives, and the strings end with a NUL.
        let status = unsafe {
            match value {
                OptionValue::Bool(value) => (functions.set_bool)(handle, at, c_int::from(value)),
                OptionValue::Int(value) => (functions.set_int)(handle, at, value),
                OptionValue::Double(value) => (functions.set_double)(handle, at, value),
                OptionValue::Text(value) => (functions.set_string)(handle, at, value.as_ptr()),
            }
        };
        if status == ERROR { Err(format!("HiGHS does not take the option {}", name.to_string_lossy())) } else { Ok(()) }
    }

    /// Hands it a model; false where it does not take it.
    pub(super) fn pass(&self, model: &Model) -> bool {
        let count = |list: usize| c_int::try_from(list).unwrap_or(c_int::MAX);
        let (columns, rows) = (count(model.cost.len()), count(model.row_lower.len()));
        let matrix = &model.matrix;
        // SAFETY: the instance lives; each array has the length that the counts say, and HiGHS copies what it keeps.
        let status = unsafe {
            (self.functions.pass_model)(
                self.handle,
                columns,
                rows,
                count(matrix.value.len()),
                0,
                ROWWISE,
                TRIANGULAR,
                model.sense,
                model.offset,
                model.cost.as_ptr(),
                model.column_lower.as_ptr(),
                model.column_upper.as_ptr(),
                model.row_lower.as_ptr(),
                model.row_upper.as_ptr(),
                matrix.starts.as_ptr(),
                matrix.index.as_ptr(),
                matrix.value.as_ptr(),
                ptr::null(),
                ptr::null(),
                ptr::null(),
                if model.integrality.is_empty() { ptr::null() } else { model.integrality.as_ptr() },
            )
        };
        status != ERROR
    }

    /// Solves, and gives the model status.
    pub(super) fn run(&self) -> (bool, c_int) {
        // SAFETY: the instance lives.
        unsafe { ((self.functions.run)(self.handle) != ERROR, (self.functions.model_status)(self.handle)) }
    }

    /// Values of the columns, reduced costs and duals of the rows.
    pub(super) fn solution(&self, columns: usize, rows: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let (mut value, mut reduced) = (vec![0.0; columns], vec![0.0; columns]);
        let (mut activity, mut dual) = (vec![0.0; rows], vec![0.0; rows]);
        // SAFETY: the arrays are as long as the model that was passed has columns and rows.
        unsafe {
            let at = (value.as_mut_ptr(), reduced.as_mut_ptr(), activity.as_mut_ptr(), dual.as_mut_ptr());
            (self.functions.solution)(self.handle, at.0, at.1, at.2, at.3);
        }
        (value, reduced, dual)
    }

    /// A number about the last run.
    pub(super) fn double_info(&self, name: &CStr) -> Option<f64> {
        let mut value = 0.0;
        // SAFETY: the instance lives, the name ends with a NUL and the value is written to.
        let status = unsafe { (self.functions.double_info)(self.handle, name.as_ptr(), &raw mut value) };
        (status != ERROR).then_some(value)
    }

    /// A whole number about the last run.
    pub(super) fn int_info(&self, name: &CStr) -> Option<c_int> {
        let mut value = 0;
        // SAFETY: as above.
        let status = unsafe { (self.functions.int_info)(self.handle, name.as_ptr(), &raw mut value) };
        (status != ERROR).then_some(value)
    }

    /// A large whole number about the last run.
    pub(super) fn int64_info(&self, name: &CStr) -> Option<i64> {
        let mut value = 0;
        // SAFETY: as above.
        let status = unsafe { (self.functions.int64_info)(self.handle, name.as_ptr(), &raw mut value) };
        (status != ERROR).then_some(value)
    }
}
