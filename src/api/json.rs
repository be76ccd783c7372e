//! Reading JSON bodies strictly, with errors that name the field.

use super::error::{Kind, Problem};
use super::strict::Strict;
use crate::domain::field::FieldError;
use crate::limits::BODY_BYTES_MAX;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// How long a body may take to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyWithin(pub Duration);

/// A body read as one JSON value of type `T`.
#[derive(Debug)]
pub(super) struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = body(request, payload, BODY_BYTES_MAX);
        let request = request.clone();
        Box::pin(async move {
            let bytes = body.await?;
            // The prototype's clients put a parameter in the query; here a field that stands there would be passed over.
            if request.path().starts_with("/v1/") {
                no_query(&request)?;
            }
            read(&bytes).map(Self).map_err(|error| Problem::field(Kind::BAD_REQUEST, error).at(&request))
        })
    }
}

/// Refuses parameters in the query, which would be passed over.
pub(super) fn no_query(request: &HttpRequest) -> Result<(), Problem> {
    match request.query_string().split(['=', '&']).next().filter(|name| !name.is_empty()) {
        Some(name) => {
            let error = FieldError::new(format!("/{name}"), "there are no query parameters here: the fields are in the body");
            Err(Problem::field(Kind::BAD_REQUEST, error).at(request))
        }
        None => Ok(()),
    }
}

/// The whole body of a request, at most `bytes_max` long.
pub(super) fn body(
    request: &HttpRequest,
    payload: &mut Payload,
    bytes_max: usize,
) -> impl Future<Output = Result<web::Bytes, Problem>> + use<> {
    let too_large = move |request: &HttpRequest| {
        Problem::new(Kind::TOO_LARGE, format!("the body has more than the {bytes_max} bytes that are allowed here")).at(request)
    };
    let stated = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    let mut payload = payload.take();
    let request = request.clone();
    // The server has told it to every request; without it nothing would be read, rather than for ever.
    let BodyWithin(within) = request.app_data::<BodyWithin>().copied().unwrap_or(BodyWithin(Duration::ZERO));
    async move {
        if stated.is_some_and(|n| n > bytes_max) {
            return Err(too_large(&request));
        }
        let gathered = async {
            let mut body = BytesMut::with_capacity(stated.unwrap_or(0).min(64 * 1024));
            while let Some(part) = payload.next().await {
                let part =
                    part.map_err(|e| Problem::new(Kind::BAD_REQUEST, format!("the body could not be read: {e}")).at(&request))?;
                // Looked at part by part: a body that doesn't say its length must not fill the memory first.
                if body.len() + part.len() > bytes_max {
                    return Err(too_large(&request));
                }
                body.extend_from_slice(&part);
            }
            Ok(body.freeze())
        };
        let late = |_| Problem::new(Kind::TIMEOUT, format!("the body did not come within {} s", within.as_secs())).at(&request);
        tokio::time::timeout(within, gathered).await.map_err(late)?
    }
}

/// Reads one JSON value.
///
/// # Errors
/// The field that is wrong, and how.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FieldError> {
    read_tagged(bytes, None)
}

/// The same, for an object whose field `tag` was read before.
pub(super) fn read_tagged<T: DeserializeOwned>(bytes: &[u8], tag: Option<&'static str>) -> Result<T, FieldError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(FieldError::new("", "the body is empty; a JSON object is expected"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(Strict::tagged(&mut reader, tag)).map_err(|error| {
        let detail = error.inner().to_string();
        FieldError::new(pointer(error.path(), &detail), detail)
    })?;
    reader.end().map_err(|error| FieldError::new("", format!("something follows the JSON value: {error}")))?;
    Ok(value)
}

/// The JSON Pointer to where reading failed. A field that is unknown or missing is no part of the reader's own path, so its name is
/// taken from the words in which serde says so, which name it in backquotes.
fn pointer(path: &Path, detail: &str) -> String {
    let escape = |part: &str| part.replace('~', "~0").replace('/', "~1");
    let mut parts: Vec<String> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(escape(key)),
            Segment::Enum { variant } => Some(escape(variant)),
            Segment::Unknown => None,
        })
        .collect();
    let named = ["unknown field `", "missing field `", "duplicate field `"].iter().find_map(|start| detail.strip_prefix(start));
    if let Some((name, _)) = named.and_then(|rest| rest.split_once('`')) {
        let name = escape(name);
        if parts.last() != Some(&name) {
            parts.push(name);
        }
    }
    parts.iter().fold(String::new(), |pointer, part| pointer + "/" + part)
}

/// `200` with a JSON body.
pub(super) fn ok<T: Serialize>(value: &T) -> HttpResponse {
    HttpResponse::Ok().json(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is tested")]
        text: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only its reading is tested")]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is tested")]
        n: u8,
    }

    #[test]
    fn the_pointer_names_the_field_that_is_wrong() {
        for (json, pointer) in [
            (r#"{"text": 1}"#, "/text"),
            (r#"{"text": "a", "mood": 1}"#, "/mood"),
            (r#"{"text": "a", "a/b": 1}"#, "/a~1b"),
            (r#"{}"#, "/text"),
            (r#"{"text": "a", "inner": [{"n": 1}, {"n": 300}]}"#, "/inner/1/n"),
            (r#"{"text": "a", "inner": [{"m": 1}]}"#, "/inner/0/m"),
            (r#"{"text": "a", "inner": [{}]}"#, "/inner/0/n"),
            (r#"{"text": "a", "text": "b"}"#, "/text"),
            ("not json", ""),
            ("", ""),
            (r#"{"text": "a"} {"text": "b"}"#, ""),
        ] {
            assert_eq!(read::<Outer>(json.as_bytes()).unwrap_err().pointer, pointer, "{json}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = read::<Outer>(&bytes);
        }
    }
}
