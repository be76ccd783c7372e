//! The types that a statement may name.

use super::refusal::{RefusalKind, Refused, refuse};
use sqlparser::ast::{ArrayElemTypeDef, DataType, DateTimeField};

/// Names that the parser does not know as types and that are.
const NAMED: [&str; 12] = [
    "decimal32",
    "decimal64",
    "decimal128",
    "decimal256",
    "ipv4",
    "ipv6",
    "citext",
    "money",
    "largeint",
    "timestamptz",
    "time64",
    "inet",
];

/// Passes a type that only says how a value is kept; those that read the catalogue of the warehouse are left out.
pub(super) fn pass(data_type: &DataType) -> Result<(), Refused> {
    use DataType as T;
    match data_type {
        T::Character(_)
        | T::Char(_)
        | T::CharacterVarying(_)
        | T::CharVarying(_)
        | T::Varchar(_)
        | T::Nvarchar(_)
        | T::Text
        | T::String(_)
        | T::TinyText
        | T::MediumText
        | T::LongText
        | T::FixedString(_)
        | T::Uuid
        | T::Binary(_)
        | T::Bit(_) => Ok(()),
        T::Numeric(_)
        | T::Decimal(_)
        | T::DecimalUnsigned(_)
        | T::BigNumeric(_)
        | T::BigDecimal(_)
        | T::Dec(_)
        | T::Float(_)
        | T::FloatUnsigned(_)
        | T::Float4
        | T::Float32
        | T::Float64
        | T::Float8
        | T::Real
        | T::Double(_)
        | T::DoublePrecision => Ok(()),
        T::TinyInt(_)
        | T::TinyIntUnsigned(_)
        | T::UTinyInt
        | T::Int2(_)
        | T::Int2Unsigned(_)
        | T::SmallInt(_)
        | T::SmallIntUnsigned(_)
        | T::USmallInt
        | T::MediumInt(_)
        | T::MediumIntUnsigned(_)
        | T::Int(_)
        | T::Int4(_)
        | T::Int8(_)
        | T::Int16
        | T::Int32
        | T::Int64
        | T::Int128
        | T::Int256
        | T::Integer(_)
        | T::IntUnsigned(_)
        | T::Int4Unsigned(_)
        | T::IntegerUnsigned(_)
        | T::HugeInt
        | T::UHugeInt
        | T::UInt8
        | T::UInt16
        | T::UInt32
        | T::UInt64
        | T::UInt128
        | T::UInt256
        | T::BigInt(_)
        | T::BigIntUnsigned(_)
        | T::UBigInt
        | T::Int8Unsigned(_)
        | T::Signed
        | T::SignedInteger
        | T::Unsigned
        | T::UnsignedInteger => Ok(()),
        T::Bool
        | T::Boolean
        | T::Date
        | T::Date32
        | T::Time(..)
        | T::Datetime(_)
        | T::Timestamp(..)
        | T::TimestampNtz(_)
        | T::Interval { .. }
        | T::JSON
        | T::JSONB => Ok(()),
        T::Datetime64(_, None) => Ok(()),
        T::Datetime64(_, Some(zone)) if zone.chars().all(|c| c.is_ascii_alphanumeric() || "_/+-".contains(c)) => Ok(()),
        T::Nullable(inner) | T::LowCardinality(inner) => pass(inner),
        T::Map(key, value, _) => pass(key).and_then(|()| pass(value)),
        T::Array(ArrayElemTypeDef::None) => Ok(()),
        T::Array(
            ArrayElemTypeDef::AngleBracket(inner)
            | ArrayElemTypeDef::SquareBracket(inner, _)
            | ArrayElemTypeDef::Parenthesis(inner)
            | ArrayElemTypeDef::Qualified(inner, _),
        ) => pass(inner),
        T::Custom(name, given) if NAMED.contains(&name.to_string().to_ascii_lowercase().as_str()) && given.len() <= 2 => {
            if given.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_digit())) { Ok(()) } else { unknown(data_type) }
        }
        _ => unknown(data_type),
    }
}

fn unknown(data_type: &DataType) -> Result<(), Refused> {
    refuse(RefusalKind::Type, format!("the type {data_type} is not on the list"))
}

/// Passes a part of a date.
pub(super) fn pass_field(field: &DateTimeField) -> Result<(), Refused> {
    match field {
        DateTimeField::Custom(name) if name.value.eq_ignore_ascii_case("epoch_ms") => Ok(()),
        DateTimeField::Custom(name) => refuse(RefusalKind::Expression, format!("{name} is not a part of a date")),
        _ => Ok(()),
    }
}
