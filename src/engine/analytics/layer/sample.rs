//! A small layer for tests: a lending library with branches, members, loans and fines.

use super::Layer;
use std::sync::Arc;

/// The file of the layer.
pub const LIBRARY: &str = r"
name: library
version: 3
comment: Loans of a public library.
tables:
  loans:
    comment: One row for each loan.
    key: [loan_id]
    columns: {loan_id: text, member_id: text, branch_id: text, lent_at: timestamp, due_at: timestamp, back_at: timestamp, status: text}
  members:
    comment: One row for each member.
    key: [member_id]
    columns: {member_id: text, town: text, name: text}
  branches:
    comment: One row for each branch.
    key: [branch_id]
    columns: {branch_id: text, district: text}
  fines:
    comment: One row for each fine; a loan may have several.
    key: [fine_id]
    columns: {fine_id: text, loan_id: text, reason: text, amount: number}
  copies:
    comment: One row for each copy that a loan took along.
    key: [copy_id]
    columns: {copy_id: text, loan_id: text, shelf: text, fee: number}
joins:
  - {many: loans.member_id, one: members.member_id, cardinality: many_to_one}
  - {many: loans.branch_id, one: branches.branch_id, cardinality: many_to_one}
  - {many: fines.loan_id, one: loans.loan_id, cardinality: many_to_one}
  - {many: copies.loan_id, one: loans.loan_id, cardinality: many_to_one}
times:
  lent: {comment: When a loan began., column: loans.lent_at, synonyms: [lent]}
  back: {comment: When a loan ended., column: loans.back_at, synonyms: [returned]}
dimensions:
  town: {comment: Town of the member., table: members, value: town, synonyms: [town], values: {Aldham: [Aldham], Borley: [Borley]}}
  district: {comment: District of the branch., table: branches, value: district, synonyms: [district]}
  shelf: {comment: Shelf of a copy., table: copies, value: shelf, synonyms: [shelf], values: {maps: [maps], novels: [novels]}}
  reason: {comment: Reason of a fine., table: fines, value: reason, counts: fine_count, synonyms: [reason]}
  delay:
    comment: Days over the day due.
    table: loans
    value: calendar_days(due_at, back_at)
    where: back_at is not null
    counts: loan_count
    synonyms: [days overdue]
    steps: [{label: in time, up_to: 0}, {label: a week, up_to: 7}, {label: more}]
measures:
  loan_count: {comment: Loans., table: loans, value: count(), aggregation: count, unit: count, time: lent, better: high, synonyms: [loan]}
  fine_count: {comment: Fines., table: fines, value: count(), aggregation: count, unit: count, time: lent, population: [loan_count], synonyms: [fine]}
  takings:
    comment: Fines paid.
    table: fines
    value: sum(amount)
    where: loans.status <> 'void'
    aggregation: sum
    unit: money
    time: lent
    siblings: [takings_by_fees]
    better: high
    range: [0, 1000000]
    synonyms: [takings, money taken]
  takings_by_fees: {comment: Fees of copies., table: copies, value: sum(fee), where: loans.status <> 'void', aggregation: sum, unit: money, time: lent}
  average_fine: {comment: Mean fine., table: fines, value: avg(amount), aggregation: average, unit: money, time: lent, population: [fine_count], better: low, ranking_support: 5, synonyms: [average fine]}
  on_time_rate:
    comment: Share of loans that came back by the day due.
    table: loans
    value: avg(if(back_at <= due_at, 1, 0))
    where: back_at is not null
    aggregation: share
    unit: share
    time: lent
    population: [loan_count]
    better: high
    stepped: delay
    range: [0, 1]
    synonyms: [punctuality, back on time]
  returning_rate:
    comment: Share of members with more than one loan.
    table: loans
    per: {key: members.member_id, values: {loans_of_member: count()}}
    value: avg(if(loans_of_member > 1, 1, 0))
    aggregation: share
    unit: share
    time: lent
    better: high
    synonyms: [returning rate]
    share_synonyms: [returner]
glossary:
  open_loan: {comment: Not back yet., table: loans, where: back_at is null, synonyms: [open]}
absent:
  purchase_cost: {reason: the tables hold no prices of books, synonyms: [purchase cost, cost of books]}
  forecast: {reason: the tables hold the past alone, synonyms: [forecast, will, next year]}
said_in_passing: [library]
";

/// The layer itself.
pub fn library() -> Arc<Layer> {
    Arc::new(Layer::read(LIBRARY).expect("the sample is a layer"))
}
