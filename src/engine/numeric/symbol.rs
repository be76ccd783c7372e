//! Symbols of markets: many spellings, one name. `BTCUSDT`, `btc` and `bitcoin` are all `BTC-PERP`.

use crate::domain::market::market_of;

/// The names that people use for what is traded, with their tickers.
const NAMES: [(&str, &str); 14] = [
    ("avalanche", "AVAX"),
    ("bitcoin", "BTC"),
    ("cardano", "ADA"),
    ("chainlink", "LINK"),
    ("doge", "DOGE"),
    ("dogecoin", "DOGE"),
    ("ether", "ETH"),
    ("ethereum", "ETH"),
    ("litecoin", "LTC"),
    ("polkadot", "DOT"),
    ("polygon", "MATIC"),
    ("ripple", "XRP"),
    ("solana", "SOL"),
    ("tron", "TRX"),
];

/// Tickers that are known without a quote currency behind them.
const TICKERS: [&str; 30] = [
    "AAVE", "ADA", "APT", "ARB", "ATOM", "AVAX", "BCH", "BNB", "BTC", "DOGE", "DOT", "ETH", "FIL", "HYPE", "INJ", "LINK", "LTC",
    "MATIC", "NEAR", "OP", "PEPE", "SEI", "SHIB", "SOL", "SUI", "TIA", "TON", "TRX", "UNI", "XRP",
];

/// Bytes of a symbol.
const BYTES_MAX: usize = 32;

/// What is traded under a symbol: `BTC` of `BTC-PERP`, `BTCUSDT`, `BTC/USD` and `btc`.
pub fn base(symbol: &str) -> String {
    let mut left = symbol.trim().trim_start_matches('$').to_ascii_uppercase();
    // What is left of a name with two quotes behind it may be a pair again.
    while let Some(market) = market_of(&left)
        && market.as_str() != left
    {
        left = market.as_str().to_owned();
    }
    left
}

/// The one spelling of a symbol that somebody gives as one; `None` where it can't be one. What has a dash and no known quote behind it,
/// such as an option, stays as it is.
pub fn canonical(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('$');
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_' | ':' | '.');
    if text.is_empty() || text.len() > BYTES_MAX || !text.chars().all(allowed) || !text.chars().any(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    if let Some((_, ticker)) = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
        return Some(format!("{ticker}-PERP"));
    }
    let upper = text.to_ascii_uppercase();
    let base = base(&upper);
    if base.contains(['-', '/', '_', ':']) {
        return Some(base);
    }
    Some(format!("{base}-PERP"))
}

/// The symbol that a word of a question is; `None` for a word that only might be one, such as `VIP`.
pub fn of_word(word: &str) -> Option<String> {
    let marked = word.starts_with('$') && word.len() > 2;
    let word = word.trim_start_matches('$');
    if let Some((_, ticker)) = NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
        return Some(format!("{ticker}-PERP"));
    }
    let upper = word.to_ascii_uppercase();
    let base = base(&upper);
    let is_ticker = (2..=12).contains(&base.len()) && base.chars().all(|c| c.is_ascii_alphanumeric());
    let quoted = base != upper && is_ticker && base.chars().any(|c| c.is_ascii_alphabetic());
    // A known ticker that is a word as well, such as "op" or "near", counts in capitals alone.
    let alone = TICKERS.contains(&upper.as_str())
        && (word == upper || matches!(upper.as_str(), "BTC" | "ETH" | "SOL" | "XRP" | "BNB" | "AVAX"));
    if quoted || alone || marked { canonical(word) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn many_spellings_are_one_symbol() {
        for text in
            ["BTC-PERP", "btc-perp", "BTCUSDT", "BTC/USDT", "BTC-USDT-SWAP", "btc", "bitcoin", "$BTC", "BTC-USD", "BTC_USDC"]
        {
            assert_eq!(canonical(text).as_deref(), Some("BTC-PERP"), "{text}");
            assert_eq!(of_word(text).as_deref(), Some("BTC-PERP"), "{text}");
        }
        assert_eq!(canonical("BTC-27JUN25-60000-C").as_deref(), Some("BTC-27JUN25-60000-C"));
    }

    #[test]
    fn words_that_only_look_like_tickers_are_none() {
        for word in ["VIP", "CRO", "IF", "op", "near", "link", "USD", "a", "15", "perp"] {
            assert_eq!(of_word(word), None, "{word}");
        }
        assert_eq!(of_word("NEAR").as_deref(), Some("NEAR-PERP"));
        assert_eq!(canonical("no symbol"), None);
        assert_eq!(canonical(""), None);
    }

    proptest! {
        #[test]
        fn the_one_spelling_stays_what_it_is(text in "\\PC{0,40}") {
            if let Some(symbol) = canonical(&text) {
                prop_assert_eq!(canonical(&symbol), Some(symbol.clone()));
            }
            let _ = (of_word(&text), base(&text));
        }
    }
}
