//! Every hard cap in one place: the unit is in the name, the reason beside it.
//!
//! A limit here is a property of the service, not a setting: raising one is a decision that wants a
//! measurement. What an operator may tune lives in the `Config` of the module that owns it.

/// Bytes of the fresh text of a decision request. A wire headline with its first paragraph is below 2 kB.
pub const TEXT_BYTES_MAX: usize = 8_192;

/// Bytes of a text that is written ahead of time: a component, an entry or a prompt of the prototype
/// (its longest is 23 kB). Bounded so that one write cannot occupy an embedding worker for minutes.
pub const STORED_TEXT_BYTES_MAX: usize = 262_144;

/// Bytes of a JSON body that holds one object. Room for the longest stored text with JSON escapes.
pub const BODY_BYTES_MAX: usize = 1_048_576;

/// Bytes of an NDJSON body. About 100,000 entries of headline size.
pub const BULK_BODY_BYTES_MAX: usize = 67_108_864;

/// Bytes of one line of NDJSON, the same as a single body.
pub const LINE_BYTES_MAX: usize = BODY_BYTES_MAX;

/// Lines that a bulk write commits together. One durable commit costs about as much as one fsync,
/// so it is shared, and a client sees the first result lines early all the same.
pub const BULK_BATCH_LINES_MAX: usize = 64;

/// Milliseconds that a caller may ask us to spend on one decision.
pub const DEADLINE_MS_MAX: u32 = 120_000;

/// Milliseconds that `GET /v1/decisions/{id}?wait_ms=` may hold a connection.
pub const WAIT_MS_MAX: u64 = 60_000;

/// Tags on a request, a component or an entry. More would be a text, not tags.
pub const TAGS_MAX: usize = 32;

/// Bytes of one tag.
pub const TAG_BYTES_MAX: usize = 64;

/// Components that a request may name as its soft context.
pub const CONTEXT_IDS_MAX: usize = 16;

/// Bytes of an id that a caller chooses: a component, a session, a strategy, a tenant.
pub const ID_BYTES_MAX: usize = 128;

/// Bytes of a decision payload. The largest useful one is a table of a few thousand cells.
pub const DECISION_BYTES_MAX: usize = 262_144;

/// Candidates that the searches of the fast path take from the index, one search after the other while nothing may be served and more
/// is near. The first is enough but where many entries of another time or under other conditions stand before the one that holds.
pub const FAST_CANDIDATES: [usize; 3] = [8, 64, 512];

/// Entries that vote where none may answer alone.
pub const VOTERS_MAX: usize = 64;

/// Refused candidates that an answer names.
pub const REFUSED_SHOWN_MAX: usize = 5;

/// Entries that one `POST /v1/entries/search` may ask for.
pub const SEARCH_RESULTS_MAX: usize = 100;

/// Tags of a tenant whose deletion is kept as a generation, about 100 bytes each. Past it a deletion by tag looks for its entries.
pub const ENDED_TAGS_MAX: usize = 100_000;

/// Requests that wait for an engine at one time, each with a task of a few kilobytes.
pub const THINKING_MAX: usize = 8_192;

/// Decisions under way that callers may be told to come back for.
pub const PENDING_MAX: usize = 8_192;

/// Decisions that have ended and whose steps can still be read, and seconds for which they can.
pub const LINGERING_MAX: usize = 1_024;
/// See [`LINGERING_MAX`].
pub const LINGER_SEC: u64 = 60;

/// Milliseconds before a deadline at which an answer that says "come back" is prepared, for its record has to be written; a quarter of a
/// short deadline.
pub const PENDING_NOTICE_MS: u64 = 40;

/// Milliseconds that the prompt of what an engine decided may take to embed where the slow step did not. The answer waits for it, and an
/// entry is as good for the first two steps without.
pub const PROMPT_BACKFILL_MS: u64 = 500;

/// Runs of an engine for the same decision, one after the other where one failed, before those who wait are told.
pub const ENGINE_ATTEMPTS_MAX: u32 = 2;

/// Milliseconds for which an engine that had nothing to say isn't asked the same again: long enough for a burst of one headline, and too
/// short for anybody who comes with new data to notice.
pub const ABSTENTION_LINGERS_MS: u64 = 1_000;

/// Milliseconds in which the store has to say whether this process may run an engine; past it the process decides for itself.
pub const LEASE_ANSWERS_WITHIN_MS: u64 = 500;

/// Milliseconds after which a process that waits for the run of another asks whether that still goes on. What it waits for it is told sooner.
pub const LEASE_POLL_MS: u64 = 150;

/// Bytes of what the holder of a lease may leave behind for those who waited. A trade has one or two thousand.
pub const LEASE_WORD_BYTES_MAX: usize = 16_384;

/// Milliseconds for which a write of bars waits for those of other processes to the same instrument.
pub const MARKET_TURN_MS: u64 = 2_000;

/// Abstentions of one partition that linger at one time; each is looked through by whoever asks an engine.
pub const LINGERING_ABSTENTIONS_MAX: usize = 128;

/// Further examples of engines that one strategy may bring along. Each is embedded at the start, in about 2 ms, and compared with every
/// request that needs an engine, in about 30 ns.
pub const TRIAGE_EXAMPLES_MAX: usize = 2_000;

/// Bytes of the reasons that a language model may give for one opinion; two sentences have a few hundred. A decision has room for several.
pub const AGENT_REASONING_BYTES_MAX: usize = 4_096;

/// Steps of one decision that are kept for those who follow it.
pub const STEPS_MAX: usize = 64;

/// Streams of events that are open at one time.
pub const EVENT_STREAMS_MAX: usize = 1_024;

/// Hits that are decided again at one time, for all strategies together.
pub const SHADOWS_AT_ONCE_MAX: usize = 4;

/// Seconds that an engine has to decide a hit again. Nobody waits for it, and it must end some time.
pub const SHADOW_DEADLINE_SEC: u64 = 120;

/// Seconds for which a judgement of a decision is kept: ninety days, past which a market no longer speaks the language of the decision.
pub const JUDGEMENT_TTL_SEC: u64 = 90 * 24 * 3_600;

/// Bytes of the note that comes with a report of a wrong decision.
pub const NOTE_BYTES_MAX: usize = 4_096;

/// Decisions served from one entry that a report of a wrong one lists.
pub const SERVED_SHOWN_MAX: usize = 100;

/// Answers of one tenant that are kept in short for `GET /v1/decisions`, about half a kilobyte each.
pub const RECENT_MAX: usize = 512;

/// Tenants whose latest answers are kept in short: 64 MiB for all of them. Of more, those heard least have no list.
pub const RECENT_TENANTS_MAX: usize = 256;

/// Characters of a text that such a list shows.
pub const RECENT_TEXT_CHARS_MAX: usize = 160;

/// Answers that one `GET /v1/decisions` may ask for.
pub const RECENT_PAGE_MAX: usize = 200;

/// Ids that one `DELETE /v1/entries` may name.
pub const DELETE_IDS_MAX: usize = 10_000;

/// Seconds of time to live that may be asked for: ten years, past which the sum with a clock is no longer safe to trust.
pub const TTL_SEC_MAX: u64 = 315_360_000;

/// Milliseconds by which a caller's `as_of` may be ahead of our clock before it counts as the future.
/// Clocks that are kept by NTP differ by less.
pub const CLOCK_SKEW_MS_MAX: i64 = 2_000;

/// Chunks into which a long component is cut before it is embedded: the stored text cap over the stride.
pub const CHUNKS_MAX: usize = 512;

/// Partitions held in memory. Each has an index of its own, so this bounds what a stream of new strategies or
/// changed hard components can pile up.
pub const PARTITIONS_MAX: usize = 4_096;

/// Versions of one text kept side by side under one exact key: one for each soft context it was decided in.
pub const EXACT_VERSIONS_MAX: usize = 8;

/// Strategies that one service loads.
pub const STRATEGIES_MAX: usize = 1_024;

/// Slots of one strategy.
pub const SLOTS_MAX: usize = 16;

/// Dimensions of a vector. Embedding models in use have 384 to 4,096, and `concat` lays several side by side.
pub const VECTOR_DIM_MAX: usize = 16_384;

/// Dimensions of a vector that an index takes: any.
pub const INDEX_DIM_MAX: usize = VECTOR_DIM_MAX;

/// Slots of one index, dead ones included: 16 million of 384 dimensions are 16 GB, past which the set
/// belongs in an outside vector database.
pub const INDEX_SLOTS_MAX: usize = 1 << 24;

/// Neighbours that one search may ask for. Far above what voting among near misses needs.
pub const INDEX_NEIGHBOURS_MAX: usize = 1_000;

/// Entries that memory must have room for where the server searches: what several requests hold at once, 512 each at most.
pub const RECALLED_ENTRIES_MIN: usize = 4_096;

/// Candidates that a search or an insertion may keep in its beam. At 4,096 an exact scan is about as fast.
pub const INDEX_BEAM_MAX: usize = 4_096;

/// Builds that wait for a builder thread. Each index has one at most, so this is the number of partitions
/// that may be due at once; past it an index stays as it is and asks again at its next write.
pub const INDEX_BUILDS_QUEUED_MAX: usize = 4_096;

/// Bytes of a snapshot that is read: the graph of [`INDEX_SLOTS_MAX`] entries with the widest links.
pub const INDEX_SNAPSHOT_BYTES_MAX: u64 = 16 << 30;

/// Bytes of a calibration file that is read. A real one is some tens of kilobytes, and with a projection of [`PROJECTION_CELLS_MAX`] 6 MB.
pub const CALIBRATION_BYTES_MAX: usize = 8_388_608;

/// Numbers of a projection's matrix: from 2,730 dimensions, seven slots of an embedder of 384, to 384. Each composed vector costs as many
/// multiplications.
pub const PROJECTION_CELLS_MAX: usize = 1_048_576;

/// Composed vectors that a projection is learnt from. Ten times the dimensions of two slots, past which the second moment hardly moves.
pub const PROJECTION_VECTORS_MAX: usize = 8_192;

/// Score bins of a calibration. Each is a place where the line of acceptance may lie; a hundred are finer than any proof.
pub const SCORE_BINS_MAX: usize = 256;

/// Neighbours that the evidence of a candidate looks at. Those behind the eighth are too far to say much.
pub const EVIDENCE_NEIGHBOURS_MAX: usize = 8;

/// Weight of the samples that one score bin remembers. Past it each new one lets the old ones fade by as much, so that a bin follows what
/// changes and yet holds enough to prove one wrong in a thousand.
pub const BIN_SAMPLES_MAX: f64 = 4_096.0;

/// Wrong reuses that one partition remembers. At 384 dimensions they take 400 kB and some microseconds to compare with.
pub const HARD_NEGATIVES_MAX: usize = 256;

/// Least cosine at which a request counts as the same question as one that was served wrongly. Above 0.92 a sentence model gives nearly
/// only rewordings, so that one wrong reuse closes its own question and no more of the neighbourhood.
pub const HARD_NEGATIVE_COSINE_MIN: f32 = 0.92;

/// Samples that a strategy without a calibration learns from, the newest. They hold enough for a proof of one wrong in a thousand, in about
/// a megabyte.
pub const ONLINE_SAMPLES_MAX: usize = 20_000;

/// Hits of one strategy that are decided again within a minute. An engine takes seconds for each, and a question that waits comes first.
pub const SHADOWS_PER_MINUTE_MAX: u32 = 60;

/// Seconds of one bar: a week. Longer ones, months, are not all of one length.
pub const INTERVAL_SEC_MAX: u32 = 7 * 24 * 3_600;

/// Bars of one instrument: fifteen years of hours, or ninety days of minutes, in 6 MiB. Past it the oldest leave.
pub const MARKET_BARS_MAX: usize = 131_072;

/// Bars of all instruments and tenants together, 400 MiB.
pub const MARKET_BARS_TOTAL_MAX: usize = 8_388_608;

/// Instruments of all tenants together whose bars are held.
pub const MARKET_SERIES_MAX: usize = 4_096;

/// Lines of bars that a bulk write commits together. A bar is far smaller than an entry, and each commit writes whole chunks.
pub const MARKET_BATCH_LINES_MAX: usize = 1_024;

/// Bars that one request may bring along for all its instruments: half a year of hours. They are kept with the audit record, about 60 bytes
/// each; longer histories belong in the store.
pub const POSTED_BARS_MAX: usize = 4_096;

/// Instruments that one request may name under any part of `market`.
pub const POSTED_INSTRUMENTS_MAX: usize = 64;

/// Scheduled events that one request may bring along.
pub const POSTED_EVENTS_MAX: usize = 64;

/// Least price of a bar. The cheapest that trade are some 1e-9; below it a ratio of two prices would no longer be safe to compute with.
pub const BAR_PRICE_MIN: f64 = 1e-12;

/// Greatest price of a bar.
pub const BAR_PRICE_MAX: f64 = 1e12;

/// Greatest volume of a bar, in units of the instrument.
pub const BAR_VOLUME_MAX: f64 = 1e18;

/// Servers of language models that one service knows. Each has a set of metrics of its own.
pub const LLM_ENDPOINTS_MAX: usize = 16;

/// Bytes of a prompt for a language model: about 250,000 tokens, as many as any model in use reads.
pub const LLM_PROMPT_BYTES_MAX: usize = 1_048_576;

/// Tokens that an answer of a language model may have. An agent's answer has some hundred.
pub const LLM_ANSWER_TOKENS_MAX: u32 = 32_768;

/// Bytes of one line of a streamed answer, and of one event. A line carries a token or a few, with some hundred bytes around them.
pub const LLM_LINE_BYTES_MAX: usize = 262_144;

/// Bytes of an answer that comes as a whole, and of the text of one that comes in pieces: [`LLM_ANSWER_TOKENS_MAX`] tokens with room for escapes.
pub const LLM_BODY_BYTES_MAX: usize = 1_048_576;

/// Bytes of a stream with all that is around its tokens, some 300 for each.
pub const LLM_STREAM_BYTES_MAX: usize = 33_554_432;

/// Bytes of the body of an error that are read.
pub const LLM_ERROR_BYTES_MAX: usize = 65_536;

/// Bytes of what a server or a model said that an error shows.
pub const LLM_ANSWER_SHOWN_BYTES_MAX: usize = 512;

/// Bytes of an answer that the model is shown again to repair it. What is longer did not fail by a small slip.
pub const LLM_REPAIR_BYTES_MAX: usize = 16_384;

/// Seconds for which a server may ask to be left alone. A header that says more is a mistake that must not switch it off for a day.
pub const LLM_REST_SEC_MAX: u64 = 60;

/// Bytes of a recording of chats that is read into memory.
pub const LLM_RECORDING_BYTES_MAX: u64 = 268_435_456;

/// Words and figures of a text that the sentiment lexicon reads. A headline has 10 to 40; the embedder reads 256 tokens.
pub const SENTIMENT_TOKENS_MAX: usize = 256;

/// Bytes of a credential in a request. A token of an identity provider has 1 to 2 kB, and one that lists hundreds of groups up to 8.
pub const CREDENTIAL_BYTES_MAX: usize = 8_192;

/// Bytes of the id of a signing key. It is compared and logged, and used for nothing else.
pub const KEY_ID_BYTES_MAX: usize = 128;

/// Bytes of the name of a user.
pub const USER_BYTES_MAX: usize = 256;

/// Bytes of a file of API keys: about 20,000 lines.
pub const API_KEYS_BYTES_MAX: u64 = 4_194_304;

/// Bytes of a set of signing keys. Issuers in use publish 2 to 20 kB, certificates included.
pub const JWKS_BYTES_MAX: usize = 262_144;

/// Keys of one set.
pub const JWKS_KEYS_MAX: usize = 64;

/// Bits of an RSA modulus, least and most: shorter ones can be factored (NIST SP 800-131A), longer ones take milliseconds to verify.
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// Tokens that are remembered as verified, about 300 bytes each.
pub const TOKENS_REMEMBERED_MAX: usize = 16_384;

/// Requests that wait at one time for the signing keys to be looked up again. One more is refused at once.
pub const KEY_WAITERS_MAX: usize = 64;

/// Buckets of rates that are kept at one time, one for each tenant and role, about 150 bytes each.
pub const BUCKETS_MAX: usize = 65_536;

/// Tenants that the settings may name, each with a label of its own in metrics.
pub const TENANTS_NAMED_MAX: usize = 1_024;

/// Bytes of what an audit event is about: a filter, counts and [`AUDIT_ABOUT_ITEMS_MAX`] ids.
pub const AUDIT_ABOUT_BYTES_MAX: usize = 65_536;

/// Items of one list in an audit event.
pub const AUDIT_ABOUT_ITEMS_MAX: usize = 100;

/// Characters of one text in an audit event. Ids and tags have fewer; it is no place for a text that was asked.
pub const AUDIT_ABOUT_TEXT_CHARS_MAX: usize = 256;

/// Events that one `GET /v1/audit` may ask for.
pub const AUDIT_PAGE_MAX: usize = 1_000;

/// Characters of a question that a language model is asked to write a model of; a page has some 3,000.
pub const OPTIMISE_PROMPT_CHARS_MAX: usize = 8_000;

/// Bytes of the body that asks for a plan: a model of 100,000 variables with a row of numbers for each.
pub const PLAN_BODY_BYTES_MAX: usize = 16_777_216;

/// Plans of all tenants together that are held, about 400 bytes of memory each; the plans themselves are in the store.
pub const PLANS_MAX: usize = 262_144;

/// Bytes of a report. One of 100,000 variables has about 10 MB, and Redis is handed it in one command.
pub const PLAN_REPORT_BYTES_MAX: usize = 67_108_864;

/// Bytes of the title of a plan.
pub const PLAN_TITLE_BYTES_MAX: usize = 256;

/// Alternatives, and changes of parameters, that one question may bring along. Each change is a solve of its own.
pub const PLAN_EXTRAS_MAX: usize = 32;

/// Decisions and plans that one plan may be made from.
pub const PLAN_LINKS_MAX: usize = 16;

/// Answers to questions about data that a tenant's callers can judge afterwards, some 3 kB each; the oldest make room.
pub const ANSWERS_JUDGED_MAX: usize = 1_000;

/// Seconds for which an answer to a question about data can be judged, where no later one takes its place.
pub const JUDGEABLE_TTL_SEC: u64 = 7 * 24 * 3_600;

/// Milliseconds for which a change of what was taught waits for those of other processes.
pub const KNOWLEDGE_TURN_MS: u64 = 2_000;

/// Layers with the terms of a tenant that are held at one time, of all tenants; each has an index of its words.
pub const TAUGHT_LIBRARIES_MAX: usize = 256;

/// Pairs or terms that one `GET /v1/query/pairs` or `GET /v1/query/terms` may ask for.
pub const KNOWLEDGE_PAGE_MAX: usize = 200;

/// Plans that one `GET /v1/plans` may ask for.
pub const PLAN_PAGE_MAX: usize = 200;

/// Milliseconds of one solve that a caller may ask for.
pub const SOLVE_MS_MAX: u64 = 60_000;

/// Models that are read at one time. Reading one of [`PLAN_BODY_BYTES_MAX`] takes a second and some hundred megabytes.
pub const MODELS_READ_AT_ONCE: usize = 4;

/// Milliseconds for which a change of a plan waits for those of other processes.
pub const PLAN_TURN_MS: u64 = 2_000;

/// Variables that a replay names which came out otherwise.
pub const REPLAY_DIFFERENCES_MAX: usize = 100;

/// Characters of one expression of a model. A sum of 2,000 written terms has about 30,000; more want an index set.
pub const EXPRESSION_CHARS_MAX: usize = 262_144;

/// Levels of brackets, calls and signs within one expression. A person loses track at ten, and each level takes stack of the reader.
pub const EXPRESSION_DEPTH_MAX: usize = 48;

/// The largest number of a model. Solvers take 1e20 for infinity, and a double tells whole numbers apart up to 9e15.
pub const MODEL_NUMBER_MAX: f64 = 1e15;

/// Characters of the name of a variable, a parameter, a set, a member or a constraint.
pub const MODEL_NAME_CHARS_MAX: usize = 128;

/// Members of all sets of a model together, and entries of all its parameters together: a table of 1,000 by 1,000.
pub const MODEL_ENTRIES_MAX: usize = 1_000_000;

/// Columns of a program that a model becomes, its helping ones included: ten times the largest that was asked for. Each has a name, about 150
/// bytes in all.
pub const PROGRAM_COLUMNS_MAX: usize = 1_000_000;

/// Rows, cones and rules of a program together.
pub const PROGRAM_ROWS_MAX: usize = 1_000_000;

/// Terms of all rows of a program together, 16 bytes each.
pub const PROGRAM_TERMS_MAX: usize = 10_000_000;

/// Steps over the members of index sets that one pass through a model may take, about 50 ns each. It is known before the first step.
pub const MODEL_STEPS_MAX: u64 = 20_000_000;

/// Errors of one model that are told at one time.
pub const MODEL_ERRORS_MAX: usize = 20;

/// Constraints that a model states, before they are taken over their index sets.
pub const MODEL_CONSTRAINTS_MAX: usize = 100_000;

/// Assumptions that a model brings along, and characters of each.
pub const MODEL_ASSUMPTIONS_MAX: usize = 100;
/// See [`MODEL_ASSUMPTIONS_MAX`].
pub const MODEL_TEXT_CHARS_MAX: usize = 2_000;

/// Bytes of a formula that a nonlinear regression is given. NIST's longest has 150.
pub const FORMULA_BYTES_MAX: usize = 2_000;

/// Operations in a formula: each costs a few nanoseconds for each row, parameter and step of a fit.
pub const FORMULA_OPERATIONS_MAX: usize = 400;

/// Brackets and signs of a formula inside one another: the reader calls itself, and its stack is finite.
pub const FORMULA_DEPTH_MAX: usize = 48;

/// Parameters of a formula.
pub const FORMULA_PARAMETERS_MAX: usize = 32;

/// Cases of the numeric catalogue.
pub const NUMERIC_CASES_MAX: usize = 512;

/// Bytes of the chart of a fit; a larger one is left out. Some 2,000 points have 60 kB.
pub const FIT_CHART_BYTES_MAX: usize = 1_048_576;

/// Bytes of the chart in the answer to a question in words; a larger one is got with `GET /v1/numeric/{case}`.
pub const CHART_IN_ANSWER_BYTES_MAX: usize = 32_768;

/// Bytes of the values of a fit.
pub const FIT_VALUES_BYTES_MAX: usize = 131_072;

/// Values that a comparison of two versions of a fit names.
pub const FIT_DIFFERENCES_MAX: usize = 500;

/// Symbols of one data set that a case is fitted ahead for.
pub const FITS_AHEAD_MAX: usize = 32;
/// Characters of a question about data: a paragraph. What is longer is no question.
pub const PROMPT_CHARS_MAX: usize = 2_000;
/// Bytes of one upload of a dataset: a million rows of eight numbers as text.
pub const DATASET_BYTES_MAX: usize = 67_108_864;

/// Bytes that a compressed upload may come to: numbers as text shrink to a third or less, so that one of [`DATASET_BYTES_MAX`] that is no
/// bomb has some 200 MB.
pub const DATASET_UNPACKED_BYTES_MAX: usize = 268_435_456;

/// Bytes of all uploads of datasets that are in memory at one time. One more is told to come back.
pub const DATASET_BODIES_BYTES_MAX: usize = 268_435_456;

/// Uploads of datasets that are read at one time. Reading one of [`DATASET_BYTES_MAX`] takes a core for seconds.
pub const DATASETS_READ_AT_ONCE: usize = 2;

/// Rows of a dataset: a year of minutes of four markets. What is larger belongs in a warehouse, and a fit samples it anyway.
pub const DATASET_ROWS_MAX: usize = 2_000_000;

/// Columns of a dataset. The widest tables that are estimated from have some hundred.
pub const DATASET_COLUMNS_MAX: usize = 256;

/// Cells of a dataset, rows times columns: 64 MiB of numbers, and where all are different texts half a gibibyte.
pub const DATASET_CELLS_MAX: usize = 8_388_608;

/// Bytes of one text in a dataset. What is longer is a document, not a value.
pub const DATASET_TEXT_BYTES_MAX: usize = 16_384;

/// Bytes of the texts of one row, so that a row always fits into one part.
pub const DATASET_ROW_TEXT_BYTES_MAX: usize = 524_288;

/// Characters of the name of a column.
pub const DATASET_COLUMN_NAME_CHARS_MAX: usize = 128;

/// Bytes of one part of a dataset in the store: one value that Redis moves without holding up others for long.
pub const DATASET_PART_BYTES_MAX: usize = 1_048_576;

/// Parts of a dataset that are committed together. A server is handed them in one command.
pub const DATASET_PARTS_TOGETHER: usize = 8;

/// Datasets of all tenants together that are held, about 3 kB of memory each without their rows.
pub const DATASETS_MAX: usize = 16_384;

/// Bad rows that a report tells. They are all counted.
pub const DATASET_BAD_SHOWN_MAX: usize = 100;

/// Gaps, and outliers of one column, that a report tells. They are all counted.
pub const DATASET_SHOWN_MAX: usize = 20;

/// Columns whose outliers a report tells, so that a head stays some kilobytes.
pub const DATASET_OUTLIER_COLUMNS_MAX: usize = 32;

/// Rows that one `GET /v1/datasets/{name}/rows` may ask for.
pub const DATASET_PAGE_ROWS_MAX: usize = 10_000;

/// Milliseconds for which a write of a dataset waits for those of other processes to the same one.
pub const DATASET_TURN_MS: u64 = 10_000;

/// Seconds after which parts whose upload did not end count as left behind by a process that has ended.
pub const DATASET_LEFT_BEHIND_SEC: u64 = 3_600;

/// Parameters of one model that are read from fitted models. Each may have to wait for a fit.
pub const FITTED_PARAMETERS_MAX: usize = 256;

/// Bytes of an SQL statement at the gate. The longest of the question sets is below 2 kB; one of a model with many sub-queries, below 8 kB.
pub const SQL_BYTES_MAX: usize = 16_384;

/// Brackets inside each other in a statement. The parser descends for each of them, on a thread whose stack may be 2 MiB.
pub const SQL_NESTING_MAX: usize = 32;

/// Operators of a statement. A row of them makes a tree as deep as it is long, which is printed, compared and dropped by descent.
pub const SQL_OPERATORS_MAX: usize = 400;

/// Levels of queries and expressions inside each other that the gate follows.
pub const SQL_DEPTH_MAX: usize = 48;

/// Parts of a statement: queries, tables and expressions. Ten times what the longest of the question sets has.
pub const SQL_PARTS_MAX: usize = 4_000;
