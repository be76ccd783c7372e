//! What the server answers.

use super::super::clickhouse_text::{self, Decoder};
use super::super::{Bounds, Rows, WarehouseError};
use flate2::write::GzDecoder;
use reqwest::header::CONTENT_ENCODING;
use reqwest::{Response, StatusCode};
use std::io::{self, Write};

/// Bytes of the text of a fault that are read.
const FAULT_BYTES_MAX: usize = 64 << 10;

fn away(said: impl std::fmt::Display) -> WarehouseError {
    WarehouseError::Away { said: format!("the answer broke off: {said}") }
}

/// Where unpacked bytes go, with what was wrong with them: what writes them knows faults of its own alone.
struct Sink<T> {
    take: T,
    fault: Option<WarehouseError>,
}

impl<T: FnMut(&[u8]) -> Result<(), WarehouseError>> Write for Sink<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.take)(bytes).map_err(|fault| {
            self.fault = Some(fault);
            io::Error::other("the bytes are not taken")
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hands over the bytes of an answer as they come, unpacked.
async fn each_piece(mut response: Response, take: impl FnMut(&[u8]) -> Result<(), WarehouseError>) -> Result<(), WarehouseError> {
    let packed = response.headers().get(CONTENT_ENCODING).is_some_and(|value| value.as_bytes() == b"gzip");
    let mut plain = Sink { take, fault: None };
    if !packed {
        while let Some(piece) = response.chunk().await.map_err(|error| away(error.without_url()))? {
            (plain.take)(&piece)?;
        }
        return Ok(());
    }
    let mut unpacked = GzDecoder::new(plain);
    while let Some(piece) = response.chunk().await.map_err(|error| away(error.without_url()))? {
        if let Err(error) = unpacked.write_all(&piece) {
            return Err(unpacked.get_mut().fault.take().unwrap_or_else(|| away(error)));
        }
    }
    if let Err(error) = unpacked.try_finish() {
        return Err(unpacked.get_mut().fault.take().unwrap_or_else(|| away(error)));
    }
    Ok(())
}

/// The rows, or what the server says instead.
pub(super) async fn rows(response: Response, bounds: &Bounds) -> Result<Rows, WarehouseError> {
    if !response.status().is_success() {
        return Err(fault(response).await);
    }
    let mut decoder = Decoder::new(bounds);
    each_piece(response, |bytes| decoder.feed(bytes)).await?;
    decoder.finish()
}

/// Whether the answer has any bytes, or what the server says instead.
pub(super) async fn says_something(response: Response) -> Result<bool, WarehouseError> {
    if !response.status().is_success() {
        return Err(fault(response).await);
    }
    let mut bytes = 0;
    each_piece(response, |piece| {
        bytes += piece.len();
        Ok(())
    })
    .await?;
    Ok(bytes > 0)
}

async fn fault(response: Response) -> WarehouseError {
    let (status, mut said) = (response.status(), Vec::new());
    let read = each_piece(response, |bytes| {
        said.extend(bytes.iter().take(FAULT_BYTES_MAX.saturating_sub(said.len())));
        Ok(())
    });
    let read = read.await;
    let said = String::from_utf8_lossy(&said).into_owned();
    match read {
        _ if said.contains("Code: ") => clickhouse_text::fault(&said),
        Err(error) => error,
        // Whatever is in front of the server, or is no ClickHouse.
        Ok(()) if status == StatusCode::TOO_MANY_REQUESTS => WarehouseError::Busy,
        Ok(()) if status.is_client_error() => WarehouseError::Refused { code: status.as_u16().to_string(), said },
        Ok(()) => WarehouseError::Away { said: format!("{status}: {said}") },
    }
}
