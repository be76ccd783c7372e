//! Datasets for tests.

use super::{NAME, any_moment, any_ttl, moment, tenant, to_the_millisecond};
use crate::domain::dataset::{
    BadRow, ColumnType, ContentHash, DatasetColumn, DatasetHead, DatasetPart, DatasetReport, DatasetSettings, Gaps, Outliers,
    PartNote, Unfinished,
};
use crate::domain::ids::{DatasetName, UploadId};
use crate::store::Record;
use proptest::prelude::*;

fn upload(random: u128) -> UploadId {
    UploadId::new(to_the_millisecond(moment()), random)
}

fn column(name: &str, holds: ColumnType) -> DatasetColumn {
    DatasetColumn { name: name.into(), holds }
}

/// A head with parts of these rows.
pub(in crate::store) fn head_of(tenant_name: &str, name: &str, version: u64) -> DatasetHead {
    DatasetHead {
        tenant: tenant(tenant_name),
        name: DatasetName::new(name).unwrap(),
        version,
        created_at: moment(),
        written_by: Some("desk ünïcode".into()),
        columns: vec![column("time", ColumnType::Time), column("depth_usd", ColumnType::Number)],
        rows: 3,
        hash: ContentHash([7; 32]),
        window: Some([moment(), moment().plus_seconds(60)]),
        settings: DatasetSettings {
            time_column: Some("time".into()),
            time_zone: Some("Europe/Zurich".into()),
            key: vec!["time".into()],
            order: vec!["time".into()],
            step_sec: Some(60),
        },
        report: DatasetReport {
            rows_read: 5,
            bad_rows: 1,
            bad: vec![BadRow { row: 2, column: Some("depth_usd".into()), detail: "`x` is no number".into() }],
            infinite: 0,
            duplicates: 1,
            out_of_order: 1,
            missing: vec![("depth_usd".into(), 1)],
            gaps: Some(Gaps { step_sec: 60.0, count: 1, missing: 2, shown: vec![[moment(), moment().plus_seconds(180)]] }),
            outliers: vec![Outliers { column: "depth_usd".into(), count: 1, shown: vec![(3, 4.5)] }],
            notes: vec!["Times without an offset were read in Europe/Zurich.".into()],
        },
        upload: upload(7),
        parts: vec![PartNote { rows: 3, bytes: 40 }],
        unfinished: vec![Unfinished { upload: upload(6), parts: 2, since: moment() }],
        ttl_sec: Some(86_400),
    }
}

/// A part with these bytes.
pub(in crate::store) fn part_of(tenant_name: &str, number: u32, data: &[u8]) -> DatasetPart {
    DatasetPart {
        tenant: tenant(tenant_name),
        upload: upload(7),
        number,
        rows: 3,
        created_at: moment(),
        ttl_sec: Some(86_400),
        data: data.to_vec().into(),
    }
}

pub(in crate::store) fn fixed_dataset() -> Record {
    Record::Dataset(head_of("acme", "order_book", 2).into())
}

pub(in crate::store) fn fixed_dataset_part() -> Record {
    Record::DatasetPart(part_of("acme", 0, b"\x00\xffpacked").into())
}

pub(in crate::store) fn dataset() -> impl Strategy<Value = Record> {
    let columns = prop::collection::vec(
        ("\\PC{1,9}", prop::sample::select(ColumnType::ALL.to_vec())).prop_map(|(name, holds)| column(&name, holds)),
        1..4,
    );
    let parts = prop::collection::vec((any::<u32>(), any::<u32>()).prop_map(|(rows, bytes)| PartNote { rows, bytes }), 0..4);
    let unfinished = prop::collection::vec(
        (any::<u128>(), any::<u32>(), any_moment()).prop_map(|(random, parts, since)| Unfinished {
            upload: upload(random),
            parts,
            since,
        }),
        0..2,
    );
    let settings = (prop::option::of("\\PC{1,9}"), prop::option::of("\\PC{1,9}"), prop::collection::vec("\\PC{1,9}", 0..3))
        .prop_map(|(time_column, time_zone, key)| DatasetSettings {
            time_column,
            time_zone,
            order: key.clone(),
            step_sec: Some(key.len() as u64),
            key,
        });
    let bad = prop::collection::vec(
        (any::<u64>(), prop::option::of("\\PC{1,9}"), "\\PC{0,20}").prop_map(|(row, column, detail)| BadRow {
            row,
            column,
            detail,
        }),
        0..3,
    );
    let gaps = prop::option::of((0.001_f64..1e9, any::<u64>(), any_moment()).prop_map(|(step_sec, count, at)| Gaps {
        step_sec,
        count,
        missing: count,
        shown: vec![[at, at]],
    }));
    let outliers = prop::collection::vec(
        ("\\PC{1,9}", any::<u64>(), -1e9_f64..1e9).prop_map(|(column, count, z)| Outliers {
            column,
            count,
            shown: vec![(count, z)],
        }),
        0..2,
    );
    let missing = prop::collection::vec(("\\PC{1,9}", any::<u64>()), 0..2);
    let report = (any::<[u64; 5]>(), bad, missing, gaps, outliers, prop::collection::vec("\\PC{0,20}", 0..2)).prop_map(
        |([rows_read, bad_rows, infinite, duplicates, out_of_order], bad, missing, gaps, outliers, notes)| DatasetReport {
            rows_read,
            bad_rows,
            bad,
            infinite,
            duplicates,
            out_of_order,
            missing,
            gaps,
            outliers,
            notes,
        },
    );
    let whose = (NAME, NAME, any::<u64>(), any_moment(), prop::option::of("\\PC{0,20}"), any_ttl());
    let content = (any::<u64>(), any::<[u8; 32]>(), prop::option::of((any_moment(), any_moment())), any::<u128>());
    (whose, content, columns, (parts, unfinished), (settings, report)).prop_map(
        |(whose, (rows, hash, window, random), columns, (parts, unfinished), (settings, report))| {
            let (of, name, version, created_at, by, ttl_sec) = whose;
            let head = DatasetHead {
                tenant: tenant(&of),
                name: DatasetName::new(&name).unwrap(),
                version,
                created_at,
                written_by: by.map(Into::into),
                columns,
                rows,
                hash: ContentHash(hash),
                window: window.map(|(first, last)| [first, last]),
                settings,
                report,
                upload: upload(random),
                parts,
                unfinished,
                ttl_sec,
            };
            Record::Dataset(head.into())
        },
    )
}

pub(in crate::store) fn dataset_part() -> impl Strategy<Value = Record> {
    (NAME, any::<(u128, u32, u32)>(), any_moment(), any_ttl(), any::<Vec<u8>>()).prop_map(
        |(of, (random, number, rows), created_at, ttl_sec, data)| {
            let part =
                DatasetPart { tenant: tenant(&of), upload: upload(random), number, rows, created_at, ttl_sec, data: data.into() };
            Record::DatasetPart(part.into())
        },
    )
}
