/** What comes over the wire, as far as the page shows it; `/openapi.json` says it all. */

export type Gate = "floors" | "facts" | "validity" | "trust" | "action" | "budget";
export type Path = "exact" | "fast" | "slow" | "engine";
export type Outcome = "decided" | "abstained" | "pending";
export type Verdict = "right" | "wrong";

export const GATES: Gate[] = ["floors", "facts", "validity", "trust", "action", "budget"];
export const PATHS: Path[] = ["exact", "fast", "slow", "engine"];

export interface Decision {
  kind: string;
  signal?: -1 | 0 | 1 | null;
  conviction?: number | null;
  reasoning?: string;
  agents?: {
    name: string;
    signal: number;
    conviction: number;
    reasoning: string;
    source: string;
    latency_ms: number;
    outcome: string;
  }[];
  labels?: Record<string, string>;
  [other: string]: unknown;
}

export interface Neighbour {
  entry: string;
  similarity: number;
  fresh_similarity: number;
  gate: Gate | null;
  saw: string | null;
}

export interface Recent {
  id: string;
  at: string;
  strategy: string;
  text: string;
  outcome: Outcome;
  path: Path;
  confidence: string;
  decision: Decision | null;
  match: Neighbour | null;
  refused: Neighbour | null;
  total_us: number;
  right: boolean | null;
}

export interface DecisionPage {
  decisions: Recent[];
  next: string | null;
}

export interface GateVerdict {
  gate: Gate;
  passed: boolean;
}

export interface Answer {
  id: string;
  outcome: Outcome;
  path: Path;
  strategy: string;
  strategy_version: number;
  decision: Decision | null;
  confidence: string;
  reason?: string;
  match: {
    entry: string;
    similarity: number;
    tau: number;
    fresh_similarity: number;
    tau_fresh: number;
    age_ms: number;
    as_of: string;
    gates: GateVerdict[];
    right_at_least?: number;
  } | null;
  refused: { entry: string; similarity: number; fresh_similarity: number; gate: Gate; saw: string }[];
  exact_only?: string;
  timing_us: Record<string, number>;
  trace_id: string;
}

export interface WholeDecision extends Answer {
  audit: { at: string; tenant: string; request: { text: string; tags?: string[]; [other: string]: unknown } };
}

export type Facts = Record<string, unknown>;

export interface Candidate {
  entry: string;
  similarity: number;
  fresh_similarity: number;
  servable: boolean;
  gates: GateVerdict[];
  saw?: string;
  text: string;
  facts?: Facts;
  decision: Decision;
  as_of: string;
  provenance: string;
  tags: string[];
}

export interface SearchAnswer {
  strategy: string;
  tau: number;
  tau_fresh: number;
  partition: string;
  context: string[];
  truncated?: unknown;
  facts?: Facts;
  candidates: Candidate[];
}

export interface FeedbackAnswer {
  decision_id: string;
  verdict: Verdict;
  entry: string | null;
  quarantined: boolean;
  remembered: string | null;
  served_count: number;
  served: { decision_id: string; at: string; text: string | null }[];
}

export interface BudgetState {
  state: "open" | "exact_only" | string;
  since: string;
  why: string;
  calibrated: boolean;
  error_budget: number;
  confidence: number;
  score_min?: number;
  right_at_least?: number;
  spent: { n: number; wrong: number; rate: number | null; low: number; high: number };
  samples: Record<"shadow" | "feedback" | "engine", { n: number; wrong: number }>;
  samples_needed?: number;
}

export interface PartFigures {
  candidates: number;
  candidates_wrong: number;
  served: number;
  served_wrong: number;
  hit_rate: number;
  error: number;
  error_low: number;
  error_high: number;
  error_upper: number;
}

export interface Calibration {
  learnt_for: { strategy_version: number; model: string; error_budget: number; confidence: number };
  model: { intercept: number; terms: { feature: string; mean: number; scale: number; coefficient: number }[] };
  bins: { from: number; n: number; wrong: number }[];
  acceptance: { state: "proven"; score_min: number; error_upper: number } | { state: "unattainable"; reason: string };
  data_hash: string;
  made_at: string;
  figures: Record<"fit" | "calibrate" | "test", PartFigures>;
  why: string;
}

export interface Strategy {
  name: string;
  version: number;
  description: string;
  composition: string;
  slots: { source: unknown; bind: "hard" | "soft"; weight: number }[];
  thresholds: { tau: number; tau_fresh: number };
  facts: { enabled: boolean; [field: string]: unknown };
  validity: { ttl_sec: number | null; price_band: number | null };
  trust: { provenance: string };
  action: { class: string; semantic: boolean };
  budget: { error_budget: number; confidence: number; shadow_rate: number; start: string } | null;
  vote?: Record<string, unknown> | null;
  deadline_ms: number;
  engine: string | null;
  default: boolean;
  model: string;
  partition: string | null;
  entries: number;
  not_ready?: string;
  calibration: Calibration | null;
  error_budget: BudgetState | null;
}

export interface Ready {
  status: string;
  parts: {
    store?: { writable: boolean; error: string | null; queued: number; queue_capacity: number; lost: number; disk_bytes: number };
    embedder?: { model: string; workers: number; queued: number; queue_capacity: number };
    cache?: { entries: number; partitions: number; components: number; indexes_building: number };
    strategies?: { name: string; ready: boolean; reason?: string }[];
    [other: string]: unknown;
  };
}
