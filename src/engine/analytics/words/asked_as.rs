//! Measures that a question asks for by how it asks: how much one of these is, how long it takes, how many of them there are.

use super::super::layer::{Aggregation, Unit};
use super::elements::Kind;
use super::grammar::Cue;
use super::resolve::Resolver;

impl Resolver<'_> {
    /// `how many items does an order have on average`: the quotient of the two.
    pub(super) fn of_each(&self, measures: &[String]) -> Option<String> {
        let asked =
            !self.elements.cues(|cue| cue == Cue::Count).is_empty() && !self.elements.cues(|cue| cue == Cue::Average).is_empty();
        let found = self.layer.measures.iter().find(|(_, measure)| {
            measure
                .of_each
                .as_ref()
                .is_some_and(|(of, each)| matches!(measures, [first, second] if first == of && second == each))
        });
        found.map(|(name, _)| name.clone()).filter(|_| asked)
    }

    /// `how many orders were late`: the things that a share is of, where they are counted.
    pub(super) fn number_of(&self, measures: &mut [String], absorbed: &mut Vec<String>) {
        let [only] = measures else { return };
        let Some(number) = self.layer.measures.get(only).and_then(|measure| measure.counted.clone()) else { return };
        let share = !self.elements.cues(|cue| cue == Cue::Share).is_empty();
        let many = !self.elements.cues(|cue| cue == Cue::Count).is_empty();
        // `the most late deliveries`, but not `most punctual`.
        let several = |index: &usize| {
            let last = &self.elements.tokens[self.elements.all[*index].last];
            let things = self.elements.behind(*index).is_some_and(|behind| {
                self.roles.measures.iter().any(|(at, name)| *at == behind && self.population(only).contains(name))
            });
            let counted = self.elements.before(*index).is_some_and(|before| {
                self.roles.measures.iter().any(|(at, name)| *at == before && self.population(only).contains(name))
            });
            things || counted || (last.word.ends_with('s') && last.word != last.stem)
        };
        let places = self.roles.measures.iter().filter(|(_, name)| name == only).map(|(index, _)| *index);
        let most = places
            .filter(several)
            .filter_map(|index| self.elements.before(index))
            // `the most orders on time`.
            .map(|before| {
                let thing = self.roles.measures.iter().any(|(at, name)| *at == before && self.population(only).contains(name));
                self.elements.before(before).filter(|_| thing).unwrap_or(before)
            })
            .any(|before| {
                let often = self.elements.written(before).to_lowercase();
                self.elements.is_cue(before, |cue| matches!(cue, Cue::Most | Cue::Fewest))
                    && !often.contains("often")
                    && !often.contains("frequently")
            });
        if !share && (many || most) {
            *only = number;
            absorbed.clear();
        }
    }

    /// `how many days did a delivery need`: how long one of the things takes, where nothing counts them.
    pub(super) fn lasting(&mut self, measures: &mut [String], absorbed: &mut Vec<String>) {
        let [only] = measures else { return };
        let Some(lasting) = self.layer.measures.get(only).and_then(|measure| measure.lasts.clone()) else { return };
        let written = |index: usize| self.elements.written(index).to_lowercase();
        let days = (0..self.elements.all.len()).find(|index| {
            let many = self.elements.before(*index).is_some_and(|before| written(before) == "how many");
            let how = self.elements.word_before(*index).eq_ignore_ascii_case("how");
            (how && written(*index) == "long") || (many && written(*index) == "days")
        });
        let Some(days) = days else { return };
        for index in 0..self.elements.all.len() {
            let word = self.elements.written(index).to_lowercase();
            let takes = [
                "take", "takes", "took", "taken", "need", "needs", "last", "lasts", "lasted", "wait", "require", "arrive",
                "arrived", "till", "until",
            ];
            let many = word == "how many" && self.elements.is_cue(index, |cue| cue == Cue::Count);
            if takes.contains(&word.as_str()) || index == days || many {
                self.elements.all[index].used = true;
            }
        }
        absorbed.push(std::mem::replace(only, lasting));
    }

    /// `how many reais`: a number of the coin that the measure is in, which counts no things.
    pub(super) fn in_money(&mut self, name: &str) {
        const COINS: [(&str, &[&str]); 4] = [
            ("BRL", &["real", "reais", "brl"]),
            ("EUR", &["euro", "euros", "eur"]),
            ("GBP", &["pound", "pounds", "gbp"]),
            ("USD", &["dollar", "dollars", "usd"]),
        ];
        let money = self.layer.measures.get(name).is_some_and(|measure| measure.unit == Unit::Money);
        let coins =
            COINS.iter().find(|(code, _)| self.layer.currency.as_deref() == Some(*code)).map_or(&[][..], |(_, coins)| coins);
        for at in self.elements.cues(|cue| cue == Cue::Count) {
            let coin = self.elements.behind(at).filter(|coin| {
                coins.contains(&self.elements.written(*coin).to_lowercase().as_str())
                    && self.elements.between(at, *coin).next().is_none()
            });
            if let Some(coin) = coin.filter(|_| money) {
                self.elements.all[at].used = true;
                self.elements.all[coin].used = true;
            }
        }
    }

    /// `how much is an order on average`: what one of the things is worth, where nothing counts them.
    pub(super) fn worth(&mut self, measures: &mut [String], absorbed: &mut Vec<String>) {
        let [only] = measures else { return };
        let worth_of = |name: &String| self.layer.measures.get(name).and_then(|measure| measure.worth.clone());
        // `how much does an order bring in on average`: the money of one order.
        let sum = self.aggregation(only) == Some(Aggregation::Sum);
        let Some(worth) = worth_of(only).or_else(|| absorbed.iter().filter(|_| sum).find_map(worth_of)) else { return };
        let said = |words: &[&str]| {
            (0..self.elements.all.len()).any(|index| words.contains(&self.elements.written(index).to_lowercase().as_str()))
        };
        let of_one = sum && worth_of(only).is_none() && self.periods.by.is_none();
        let much = of_one || said(&["how much", "what amount", "amount", "value", "values", "worth", "money", "sum"]);
        let average = self.elements.cues(|cue| cue == Cue::Average).len() == 1;
        let counted = !self.elements.cues(|cue| matches!(cue, Cue::Count | Cue::Share)).is_empty();
        if counted || !much || !average {
            return;
        }
        for index in 0..self.elements.all.len() {
            let word = self.elements.written(index).to_lowercase();
            let one = word == "one" && matches!(self.elements.all[index].kind, Kind::Number(_));
            let money = [
                "money", "amount", "value", "values", "worth", "bring", "cash", "single", "sum", "size", "spend", "spends",
                "spent", "pay", "pays", "paid",
            ];
            if one || money.contains(&word.as_str()) {
                self.elements.all[index].used = true;
            }
        }
        absorbed.push(std::mem::replace(only, worth));
    }

    /// `how much was paid by voucher`: money, and no number of things.
    pub(super) fn asks_how_much(&self) -> bool {
        (0..self.elements.all.len()).any(|at| {
            self.elements.is_cue(at, |cue| cue == Cue::What) && self.elements.written(at).eq_ignore_ascii_case("how much")
        }) && self.elements.cues(|cue| matches!(cue, Cue::Count | Cue::Share)).is_empty()
    }

    /// The one sum of money that is of the same rows as a count.
    pub(super) fn money_of(&self, counted: &str) -> Option<String> {
        let table = self.layer.measures.get(counted).map(|measure| &measure.table);
        let mut sums = self.layer.measures.iter().filter(|(_, measure)| {
            measure.aggregation == Aggregation::Sum
                && measure.unit == Unit::Money
                && !measure.synonyms.is_empty()
                && Some(&measure.table) == table
        });
        let first = sums.next().map(|(name, _)| name.clone());
        first.filter(|_| sums.next().is_none())
    }

    /// Whether what happened is counted, and not who did it.
    pub(super) fn counts_times(&self) -> bool {
        (0..self.elements.all.len()).any(|at| {
            self.elements.is_cue(at, |cue| cue == Cue::Count) && self.elements.written(at).to_lowercase().ends_with("times")
        })
    }

    /// `review scores: how many of each`: how many there are, and not how many points on average, which would be said.
    pub(super) fn counts_points(&self, name: &str) -> bool {
        let points = self.layer.measures.get(name).is_some_and(|measure| measure.unit == Unit::Points);
        points && self.elements.cues(|cue| cue == Cue::Average).is_empty()
    }

    /// `how many days`, `the average number of days`: how much of its unit a mean is.
    pub(super) fn counts_units(&self, name: &str, at: usize) -> bool {
        let averaged = !self.elements.cues(|cue| cue == Cue::Average).is_empty();
        let days = self.layer.measures.get(name).is_some_and(|measure| measure.unit == Unit::Days);
        match self.elements.written(at).to_lowercase().as_str() {
            "how many" => true,
            "number" => averaged && days,
            _ => false,
        }
    }

    /// The mean of what a dimension has the values of: that of the scores beside the scores.
    pub(super) fn mean_of(&self, dimension: &str) -> Option<&String> {
        let found =
            self.layer.measures.iter().find(|(_, measure)| {
                measure.aggregation == Aggregation::Average && measure.stepped.as_deref() == Some(dimension)
            });
        let plain = self.layer.dimensions.get(dimension).is_some_and(|found| found.steps.is_empty());
        found.map(|(name, _)| name).filter(|_| plain && !self.is_taken_by(dimension))
    }
}
