//! One number, or one of each measure.

use super::super::phrases::{capital, subject, title, verb};
use super::{Scene, Weight};

impl Scene<'_> {
    pub(super) fn single(&mut self) {
        let values = self.values();
        let told: Vec<String> = values
            .iter()
            .enumerate()
            .filter_map(|(at, column)| {
                let number = self.number(0, *column)?;
                let name = subject(self.layer(), &self.frame.columns[*column].name);
                let scope = if at == 0 { self.scope.words.as_str() } else { "" };
                let verb = verb(&name);
                Some(format!("{name}{scope} {verb} {}", self.shown(number, *column)))
            })
            .collect();
        self.say(Weight::Answer, format!("{} [Q1].", capital(&told.join(" and "))));
        let unknown: Vec<usize> = values.into_iter().filter(|column| self.number(0, *column).is_none()).collect();
        for column in unknown {
            let name = title(&self.frame.columns[column].name);
            self.say(Weight::Doubt, format!("There is no {name}."));
        }
    }
}
