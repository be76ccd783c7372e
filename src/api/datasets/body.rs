//! The body of an upload.

use crate::api::error::{Kind, Problem};
use crate::api::json::BodyWithin;
use crate::dataset::Format;
use crate::limits::DATASET_BYTES_MAX;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How the body is written, by its headers.
pub(super) fn format_of(http: &HttpRequest) -> Result<Format, Problem> {
    let header = |name: HeaderName| http.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let unread = |detail: String| Problem::new(Kind::MEDIA_TYPE, detail);
    // What is compressed is known by its first bytes.
    match header(CONTENT_ENCODING) {
        "" | "identity" | "gzip" | "x-gzip" => {}
        other => return Err(unread(format!("a body in {other} is not read: gzip is, and one that is not compressed"))),
    }
    let given = header(CONTENT_TYPE);
    Format::of_media_type(given).ok_or_else(|| {
        let known = "text/csv, application/x-ndjson or application/vnd.apache.parquet is expected";
        unread(format!("`{}`: {known}", given.chars().take(64).collect::<String>()))
    })
}

/// The whole body, and the room that it takes among all uploads, which is given back when that is dropped. Its parts are counted as they
/// come, so that no number of slow uploads takes more than there is room for.
pub(super) async fn gathered(
    http: &HttpRequest,
    payload: &mut Payload,
    room: &Arc<Semaphore>,
) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
    let too_large =
        || Problem::new(Kind::TOO_LARGE, format!("the body has more than the {DATASET_BYTES_MAX} bytes that are allowed here"));
    let full = |_| Problem::new(Kind::OVERLOADED, "as many uploads are under way as there is room for");
    let stated = http.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    if stated.is_some_and(|n| n > DATASET_BYTES_MAX) {
        return Err(too_large());
    }
    // The server has told it to every request; without it nothing would be read, rather than for ever.
    let BodyWithin(within) = http.app_data::<BodyWithin>().copied().unwrap_or(BodyWithin(Duration::ZERO));
    let gathering = async {
        let mut place = Arc::clone(room).try_acquire_many_owned(0).map_err(full)?;
        let mut body = BytesMut::with_capacity(stated.unwrap_or(0).min(64 * 1024));
        while let Some(part) = payload.next().await {
            let part = part.map_err(|e| Problem::new(Kind::BAD_REQUEST, format!("the body could not be read: {e}")))?;
            if body.len() + part.len() > DATASET_BYTES_MAX {
                return Err(too_large());
            }
            let bytes = u32::try_from(part.len()).map_err(|_| too_large())?;
            place.merge(Arc::clone(room).try_acquire_many_owned(bytes).map_err(full)?);
            body.extend_from_slice(&part);
        }
        Ok((body.freeze(), place))
    };
    let late = |_| Problem::new(Kind::TIMEOUT, format!("the body did not come within {} s", within.as_secs()));
    tokio::time::timeout(within, gathering).await.map_err(late)?
}
