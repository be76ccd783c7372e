//! Values as PostgreSQL sends them in its binary format, and those that go to it as text.
//!
//! Source: the `…_send` functions of the types in PostgreSQL's `src/backend/utils/adt`.

use super::{moment, numeric};
use crate::domain::sql_value::{Cell, Scalar};
use bytes::BytesMut;
use std::error::Error;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type};

/// How the values of a column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Flag,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Jsonb,
    Uuid,
    Date,
    Time,
    Timestamp,
    TimestampTz,
}

impl Reading {
    /// How a type is read; nothing where the server has to make a text of it.
    pub(super) fn of(data_type: &Type) -> Option<Self> {
        match data_type.kind() {
            Kind::Enum(_) => return Some(Self::Text),
            Kind::Domain(inner) => return Self::of(inner),
            Kind::Simple => {}
            _ => return None,
        }
        Some(match *data_type {
            Type::BOOL => Self::Flag,
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::NUMERIC => Self::Numeric,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON | Type::XML => Self::Text,
            Type::JSONB => Self::Jsonb,
            Type::UUID => Self::Uuid,
            Type::DATE => Self::Date,
            Type::TIME => Self::Time,
            Type::TIMESTAMP => Self::Timestamp,
            Type::TIMESTAMPTZ => Self::TimestampTz,
            _ => return None,
        })
    }

    /// The value; nothing where the bytes are none of the type.
    pub(super) fn cell(self, bytes: &[u8]) -> Option<Cell> {
        let int8 = || bytes.try_into().ok().map(i64::from_be_bytes);
        let int4 = || bytes.try_into().ok().map(i32::from_be_bytes);
        Some(match self {
            Self::Flag => Cell::Text(if bytes == [0] { "false" } else { "true" }.to_owned()),
            Self::Int2 => Cell::Integer(bytes.try_into().ok().map(i16::from_be_bytes)?.into()),
            Self::Int4 => Cell::Integer(int4()?.into()),
            Self::Int8 => Cell::Integer(int8()?),
            Self::Oid => Cell::Integer(bytes.try_into().ok().map(u32::from_be_bytes)?.into()),
            Self::Float4 => float4(bytes.try_into().ok().map(f32::from_be_bytes)?),
            Self::Float8 => finite(bytes.try_into().ok().map(f64::from_be_bytes)?),
            Self::Numeric => numeric::cell(bytes)?,
            Self::Text => text(bytes),
            // The first byte is the version of the format.
            Self::Jsonb => text(bytes.strip_prefix(&[1])?),
            Self::Uuid => Cell::Text(uuid(bytes.try_into().ok()?)),
            Self::Date => Cell::Text(moment::date(int4()?)),
            Self::Time => Cell::Text(moment::time(int8()?)),
            Self::Timestamp => Cell::Text(moment::timestamp(int8()?, "")),
            Self::TimestampTz => Cell::Text(moment::timestamp(int8()?, "Z")),
        })
    }
}

fn finite(number: f64) -> Cell {
    if number.is_finite() { Cell::Number(number) } else { Cell::Null }
}

/// The number that the shortest text of a `real` says, as PostgreSQL prints it: 0.1, and not 0.10000000149011612.
fn float4(number: f32) -> Cell {
    number.to_string().parse().map_or(Cell::Null, finite)
}

/// A database whose encoding is not UTF-8 is recoded by the server; one without an encoding sends any bytes.
fn text(bytes: &[u8]) -> Cell {
    Cell::Text(String::from_utf8_lossy(bytes).into_owned())
}

fn uuid(bytes: [u8; 16]) -> String {
    let digits = hex::encode(bytes);
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// The bytes of a value as they came.
#[derive(Debug)]
pub(super) struct Raw<'a>(pub(super) Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A value on its way to the server, which reads its text as the type that it was declared with.
#[derive(Debug)]
pub(super) struct Given<'a>(pub(super) &'a Scalar);

impl ToSql for Given<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Scalar::Boolean(flag) => out.extend_from_slice(flag.to_string().as_bytes()),
            Scalar::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Scalar::Text(text) => out.extend_from_slice(text.as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}

/// The type that a column's type is called by in the catalogue. The server finds out itself where it is not among these.
pub(super) fn declared(name: &str) -> Type {
    let name = name.trim().to_ascii_lowercase();
    // A length or a scale says nothing of how a value is read: `character varying(20)`, `timestamp(3) without time zone`.
    let plain = match (name.find('('), name.find(')')) {
        (Some(open), Some(close)) if open < close => format!("{}{}", &name[..open].trim_end(), &name[close + 1..]),
        _ => name,
    };
    match plain.as_str() {
        "boolean" | "bool" => Type::BOOL,
        "smallint" | "int2" => Type::INT2,
        "integer" | "int" | "int4" => Type::INT4,
        "bigint" | "int8" => Type::INT8,
        "real" | "float4" => Type::FLOAT4,
        "double precision" | "float8" => Type::FLOAT8,
        "numeric" | "decimal" => Type::NUMERIC,
        "text" => Type::TEXT,
        "character varying" | "varchar" => Type::VARCHAR,
        "character" | "char" | "bpchar" => Type::BPCHAR,
        "uuid" => Type::UUID,
        "date" => Type::DATE,
        "timestamp" | "timestamp without time zone" => Type::TIMESTAMP,
        "timestamptz" | "timestamp with time zone" => Type::TIMESTAMPTZ,
        _ => Type::UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Reading; 15] = [
        Reading::Flag,
        Reading::Int2,
        Reading::Int4,
        Reading::Int8,
        Reading::Oid,
        Reading::Float4,
        Reading::Float8,
        Reading::Numeric,
        Reading::Text,
        Reading::Jsonb,
        Reading::Uuid,
        Reading::Date,
        Reading::Time,
        Reading::Timestamp,
        Reading::TimestampTz,
    ];

    #[test]
    fn a_type_of_the_catalogue_is_declared_without_its_length() {
        assert_eq!(declared("character varying(20)"), Type::VARCHAR);
        assert_eq!(declared("timestamp(3) without time zone"), Type::TIMESTAMP);
        assert_eq!(declared("numeric(10,2)"), Type::NUMERIC);
        assert_eq!(declared(")broken("), Type::UNKNOWN);
        assert_eq!(declared("mood"), Type::UNKNOWN);
    }

    #[test]
    fn floats_that_are_no_number_are_null_and_short_ones_stay_short() {
        assert_eq!(Reading::Float8.cell(&f64::NAN.to_be_bytes()), Some(Cell::Null));
        assert_eq!(Reading::Float4.cell(&f32::INFINITY.to_be_bytes()), Some(Cell::Null));
        assert_eq!(Reading::Float4.cell(&0.1_f32.to_be_bytes()), Some(Cell::Number(0.1)));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic_nor_a_number_that_is_not_finite(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            for reading in ALL {
                if let Some(Cell::Number(number)) = reading.cell(&bytes) {
                    prop_assert!(number.is_finite());
                }
            }
        }

        #[test]
        fn no_name_of_a_type_is_a_panic(name in "\\PC{0,20}") {
            declared(&name);
        }
    }
}
