//! What the queries of datasets say.

use crate::api::error::{Kind, Problem};
use crate::dataset::{Format, ReadOptions, WrittenOptions};
use crate::domain::field::FieldError;
use crate::limits::{DATASET_PAGE_ROWS_MAX, TTL_SEC_MAX};
use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;
use serde::Deserialize;

/// Datasets that one list may have.
const LISTED_MAX: usize = 1_000;

fn not_allowed(pointer: &str, detail: String) -> Problem {
    Problem::field(Kind::NOT_ALLOWED, FieldError::new(pointer, detail))
}

fn number<T: std::str::FromStr<Err: ToString>>(pointer: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::field(Kind::BAD_REQUEST, FieldError::new(pointer, error.to_string())))
}

/// How rows are to be read, and what becomes of those that are there.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct DatasetQuery {
    /// `replace` what is there, which it does where absent, or `append` to it.
    #[param(value_type = String, required = false, pattern = "^(replace|append)$")]
    mode: Option<String>,
    /// The column that says when; the only one of times where absent.
    #[param(value_type = String, required = false)]
    time: Option<String>,
    /// The zone of times without an offset, an IANA name such as Europe/Zurich; UTC where absent.
    #[param(value_type = String, required = false)]
    time_zone: Option<String>,
    /// The columns by which two rows are the same, with commas; of those the last holds.
    #[param(value_type = String, required = false)]
    key: Option<String>,
    /// The columns that rows are sorted by, with commas; the one that says when where absent.
    #[param(value_type = String, required = false)]
    order: Option<String>,
    /// What columns hold, as `name:type` with commas: number, text, flag, time, epoch_s or epoch_ms.
    #[param(value_type = String, required = false)]
    types: Option<String>,
    /// Seconds between two rows, where they are regular; found out where absent.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 31_622_400)]
    step: Option<String>,
    /// What stands between values of CSV, one character or `tab`; found out where absent.
    #[param(value_type = String, required = false)]
    delimiter: Option<String>,
    /// Whether the first line of CSV has the names; found out where absent.
    #[param(value_type = bool, required = false)]
    header: Option<String>,
    /// Whether one bad row refuses all.
    #[param(value_type = bool, required = false)]
    strict: Option<String>,
    /// Seconds for which this version is kept; as the settings of the service say where absent.
    #[param(value_type = u64, required = false, minimum = 60, maximum = 315_360_000)]
    ttl_sec: Option<String>,
}

impl DatasetQuery {
    pub(super) fn options(&self, format: Format) -> Result<ReadOptions, Problem> {
        let written = WrittenOptions {
            time_column: self.time.as_deref(),
            time_zone: self.time_zone.as_deref(),
            key: self.key.as_deref(),
            order: self.order.as_deref(),
            types: self.types.as_deref(),
            step: self.step.as_deref(),
            delimiter: self.delimiter.as_deref(),
            header: self.header.as_deref(),
            strict: self.strict.as_deref(),
        };
        written.read(format).map_err(|error| Problem::field(Kind::NOT_ALLOWED, error))
    }

    pub(super) fn appends(&self) -> Result<bool, Problem> {
        match self.mode.as_deref() {
            None | Some("replace") => Ok(false),
            Some("append") => Ok(true),
            Some(other) => Err(not_allowed("/mode", format!("`{other}` is not replace or append"))),
        }
    }

    pub(super) fn ttl_sec(&self) -> Result<Option<u64>, Problem> {
        let Some(text) = &self.ttl_sec else { return Ok(None) };
        match number("/ttl_sec", text)? {
            ttl if (60..=TTL_SEC_MAX).contains(&ttl) => Ok(Some(ttl)),
            ttl => Err(not_allowed("/ttl_sec", format!("{ttl} is not 60 to {TTL_SEC_MAX}"))),
        }
    }
}

/// Which datasets.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct DatasetsPage {
    /// The name that they come behind, as `next` gives it.
    #[param(value_type = String, required = false)]
    after: Option<String>,
    /// How many, 1 to 1,000; 100 where absent.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 1000)]
    limit: Option<String>,
}

impl DatasetsPage {
    pub(super) fn checked(&self) -> Result<(Option<String>, usize), Problem> {
        let limit = self.limit.as_deref().map(|text| number("/limit", text)).transpose()?.unwrap_or(100);
        if !(1..=LISTED_MAX).contains(&limit) {
            return Err(not_allowed("/limit", format!("{limit} is not 1 to {LISTED_MAX}")));
        }
        Ok((self.after.clone(), limit))
    }
}

/// Which rows.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RowsPage {
    /// The first, counted from 0; 0 where absent.
    #[param(value_type = u64, required = false, minimum = 0)]
    from: Option<String>,
    /// How many, 1 to 10,000; 1,000 where absent.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 10_000)]
    limit: Option<String>,
    /// `ndjson` or `csv`; where absent CSV for who accepts that alone.
    #[param(value_type = String, required = false, pattern = "^(ndjson|csv)$")]
    format: Option<String>,
}

/// Rows that are asked for.
pub(super) struct Wanted {
    pub from: u64,
    pub limit: u64,
    pub csv: bool,
}

impl RowsPage {
    pub(super) fn checked(&self, http: &HttpRequest) -> Result<Wanted, Problem> {
        let from: i64 = self.from.as_deref().map(|text| number("/from", text)).transpose()?.unwrap_or(0);
        let from = u64::try_from(from)
            .map_err(|error| Problem::field(Kind::BAD_REQUEST, FieldError::new("/from", error.to_string())))?;
        let limit: u64 = self.limit.as_deref().map(|text| number("/limit", text)).transpose()?.unwrap_or(1_000);
        if !(1..=DATASET_PAGE_ROWS_MAX as u64).contains(&limit) {
            return Err(not_allowed("/limit", format!("{limit} is not 1 to {DATASET_PAGE_ROWS_MAX}")));
        }
        let accepted = || http.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let csv = match self.format.as_deref() {
            Some("csv") => true,
            Some("ndjson") => false,
            Some(other) => return Err(not_allowed("/format", format!("`{other}` is not ndjson or csv"))),
            None => accepted().contains("text/csv") && !accepted().contains("ndjson"),
        };
        Ok(Wanted { from, limit, csv })
    }
}
