//! One market under the names that venues give it.

use super::Instrument;

/// What a price is told in; the longest first, so that no other is taken for its end.
const QUOTES: [&str; 9] = ["FDUSD", "USDT", "USDC", "USD", "EUR", "GBP", "JPY", "CHF", "KRW"];

/// The same, but only behind a sign: `BNBUSD` is BNB in dollars, and not BN in BUSD.
const QUOTES_APART: [&str; 4] = ["BUSD", "TUSD", "DAI", "TRY"];

/// Kinds of contract.
const CONTRACTS: [&str; 6] = ["PERPETUAL", "PERP", "SWAP", "SPOT", "FUTURES", "INDEX"];

/// Names that venues have for the same.
const ALIASES: [(&str, &str); 1] = [("XBT", "BTC")];

/// Letters of the shortest name of a market that is told from its quote without anything between them: `ETHUSD`, and not `AUSD`.
const BASE_MIN: usize = 2;

/// The market that a symbol means, without its quote and its kind of contract: `BTC-PERP`, `BTCUSDT`, `BTC/USDT`, `BTC-USD` and `btc` all
/// mean `BTC`. What is no pair and no contract means itself: `BRK-B`, `NVDA`. `None` where it can't be the name of an instrument.
pub fn market_of(symbol: &str) -> Option<Instrument> {
    let whole = symbol.trim().to_ascii_uppercase();
    let mut parts: Vec<&str> = whole.split(['/', '-', '_', ':', '.']).collect();
    while parts.len() > 1 && parts.last().is_some_and(|part| is_suffix(part)) {
        parts.pop();
    }
    // More than one part is left where one of them is no quote: then it is a name with a sign in it.
    let base = match &parts[..] {
        [base] => bare(base),
        _ => return Instrument::new(&whole.replace('/', "-")).ok(),
    };
    let base = ALIASES.iter().find_map(|(other, known)| (*other == base).then_some(*known)).unwrap_or(base);
    Instrument::new(base).ok()
}

fn is_suffix(part: &str) -> bool {
    let quote = CONTRACTS.iter().find_map(|contract| part.strip_suffix(contract)).unwrap_or(part);
    quote.is_empty() || QUOTES.contains(&quote) || QUOTES_APART.contains(&quote)
}

/// A name without what stands behind it with nothing between.
fn bare(name: &str) -> &str {
    let long_enough = |base: &&str| base.len() >= BASE_MIN;
    let contract = CONTRACTS.iter().find_map(|contract| name.strip_suffix(contract)).filter(long_enough);
    let pair = contract.unwrap_or(name);
    if QUOTES.contains(&pair) {
        return pair;
    }
    QUOTES.iter().find_map(|quote| pair.strip_suffix(quote).filter(long_enough)).unwrap_or(pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(symbol: &str) -> String {
        market_of(symbol).map(|market| market.as_str().to_owned()).unwrap_or_default()
    }

    #[test]
    fn one_market_has_one_name_however_a_venue_spells_it() {
        for symbol in [
            "BTC",
            "btc",
            " BTC ",
            "BTC-PERP",
            "BTCUSDT",
            "BTC/USDT",
            "BTC-USD",
            "BTC_USDC",
            "BTCUSD",
            "BTC-USDT-SWAP",
            "BTCUSD_PERP",
            "BTCPERP",
            "BTCUSDTPERP",
            "BTC/USD:USD",
            "XBTUSD",
            "XBT/EUR",
            "btc-perpetual",
            "BTCUSDT.PERP",
        ] {
            assert_eq!(told(symbol), "BTC", "{symbol}");
        }
    }

    #[test]
    fn what_is_no_pair_means_itself() {
        for (symbol, market) in [
            ("NVDA", "NVDA"),
            ("BRK-B", "BRK-B"),
            ("USDT", "USDT"),
            ("USD", "USD"),
            ("AUSD", "AUSD"),
            ("FDUSD", "FDUSD"),
            ("ABUSD", "AB"),
            ("BNBUSD", "BNB"),
            ("BTC-BUSD", "BTC"),
            ("EUR/USD", "EUR"),
            ("EURUSD", "EUR"),
            ("1000PEPEUSDT", "1000PEPE"),
            ("ETH:PERP", "ETH"),
            ("PERP", "PERP"),
            ("PERPUSDT", "PERP"),
            ("SOL/BTC", "SOL-BTC"),
            ("", ""),
            ("a b", ""),
        ] {
            assert_eq!(told(symbol), market, "{symbol}");
        }
    }

    proptest! {
        #[test]
        fn the_market_of_a_market_is_itself(symbol in "[A-Za-z0-9/:_.-]{0,14}") {
            if let Some(market) = market_of(&symbol) {
                let again = market_of(market.as_str());
                // A name may be a quote behind another, such as USDTUSDT; each step takes one away, and none adds any.
                prop_assert!(again.is_some_and(|again| market.as_str().starts_with(again.as_str()) || again.as_str() == "BTC"));
            }
        }

        #[test]
        fn every_contract_on_a_market_means_it(base in "[A-Z]{3,5}", quote in 0_usize..9, contract in 0_usize..6) {
            prop_assume!(market_of(&base).is_some_and(|market| market.as_str() == base));
            let (quote, contract) = (QUOTES[quote], CONTRACTS[contract]);
            for symbol in [format!("{base}/{quote}"), format!("{base}-{quote}-{contract}"), format!("{base}_{contract}")] {
                prop_assert_eq!(told(&symbol), base.clone(), "{}", symbol);
            }
        }
    }
}
