//! Words that say the same in some sentences though they belong to different axes: `buy gloves` and `order gloves`.

use crate::domain::facts::Facts;

/// Pairs that may take one another's place where all the rest is the same. None of them is a pair of opposites.
const PAIRS: [(&str, &str); 61] = [
    ("trade+", "order"),
    ("start-", "expire"),
    ("court+", "fee"),
    ("win+", "give-"),
    ("win+", "obtain"),
    ("give-", "obtain"),
    ("give+", "flow+"),
    ("staff-", "direction-"),
    ("staff-", "leave-job"),
    ("start-", "list-"),
    ("move", "submit"),
    ("move", "email"),
    ("move", "reschedule"),
    ("move", "supply-to"),
    ("supply-to", "give+"),
    ("supply-to", "deliver-at"),
    ("spend-", "invest"),
    ("convert", "replace"),
    ("convert", "exchange"),
    ("forecast-", "missing"),
    ("stock+", "trade+"),
    ("worker", "headcount"),
    ("pay", "pay-word"),
    ("direction-", "unavailable"),
    ("start-", "unavailable"),
    ("start-", "pass-"),
    ("pass-", "unavailable"),
    ("pass-", "fault"),
    ("withdraw-", "flow-"),
    ("flow-", "custody-"),
    ("damage", "break"),
    ("profit-word", "income"),
    ("profit-word", "strength+"),
    ("rate-cut", "direction-"),
    ("rate-cut", "easing-cycle"),
    ("rate-hike", "direction+"),
    ("overdue", "time-"),
    ("flow", "supply+"),
    ("elevator", "direction+"),
    ("rate-cut", "rate"),
    ("rate-hike", "rate"),
    ("start+", "reboot"),
    ("start-", "undo"),
    ("start-", "kill"),
    ("approve+", "flush"),
    ("alert", "inform"),
    ("alert", "page"),
    ("register", "log"),
    ("often", "frequentl"),
    ("north", "northern"),
    ("south", "southern"),
    ("east", "eastern"),
    ("west", "western"),
    ("postgresql", "postgr"),
    ("surprise", "unexpected"),
    ("win-", "shed"),
    ("win-", "bleed"),
    ("host", "server"),
    ("move", "migrate"),
    ("worker", "payrolls"),
    ("supply+", "output"),
];

/// Whether two words are such a pair.
pub(super) fn joined(a: &str, b: &str) -> bool {
    PAIRS.iter().any(|(x, y)| *x == a && *y == b || *x == b && *y == a)
}

/// Whether `word`, which only one text says, has its counterpart among the words that only the `other` says.
pub(super) fn answered(word: &str, own: &Facts, other: &Facts) -> bool {
    other.words.iter().any(|there| joined(word, there) && !own.words.contains(there))
}
