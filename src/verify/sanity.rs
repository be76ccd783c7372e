//! Whether what an engine proposes holds together, before it is remembered.

use crate::domain::decision::{AgentOutcome, Decision, Payload, Trade};

/// Checks a proposal against what its own parts say.
///
/// # Errors
/// What does not hold together, in words.
pub fn check(proposed: &Payload) -> Result<(), String> {
    match proposed.decision().map_err(|error| error.to_string())? {
        Decision::Trade(trade) => supported(&trade),
        _ => Ok(()),
    }
}

/// A position is opened only where one of the agents that answered is for it.
fn supported(trade: &Trade) -> Result<(), String> {
    let for_it = |signal: i8| trade.agents.iter().any(|agent| agent.outcome == AgentOutcome::Ok && agent.signal == signal);
    if trade.signal == 0 || trade.agents.is_empty() || for_it(trade.signal) {
        return Ok(());
    }
    Err(format!("the signal is {}, and none of its {} agents is for it", trade.signal, trade.agents.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(signal: i8, agents: &str) -> Payload {
        Payload::parse(&format!(r#"{{"kind":"trade","signal":{signal},"conviction":0.5,"agents":[{agents}]}}"#)).unwrap()
    }

    #[test]
    fn a_signal_that_no_agent_is_for_does_not_hold_together() {
        let agent = |signal: i8, outcome: &str| {
            format!(r#"{{"name":"a","signal":{signal},"conviction":0.5,"source":"local","latency_ms":1,"outcome":"{outcome}"}}"#)
        };
        assert!(check(&trade(1, &agent(1, "ok"))).is_ok());
        assert!(check(&trade(0, &agent(1, "ok"))).is_ok(), "a veto overrules whoever is for it");
        assert!(check(&trade(1, "")).is_ok());
        assert!(check(&trade(1, &agent(-1, "ok"))).is_err());
        assert!(check(&trade(1, &agent(1, "timeout"))).is_err());
    }
}
