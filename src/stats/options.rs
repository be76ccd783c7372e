//! European options: prices, Greeks and implied volatility.
//!
//! Black and Scholes (1973) and Merton (1973) for options on a spot price with a continuous yield, Black (1976) for those on a future, both
//! as Haug (2007), "The complete guide to option pricing formulas", §1.1 and §2, has them. Time is in years, rates and volatility are
//! per year and continuous; vega and rho are for a change by 1 (100 points), theta is for a year.

use super::StatsError;
use statrs::function::erf::erfc;

/// To buy or to sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

/// What the option is on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Underlying {
    /// A spot price with a continuous yield: Black–Scholes–Merton.
    Spot {
        /// The yield per year.
        dividend_yield: f64,
    },
    /// A future: Black-76.
    Future,
}

/// One European option.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contract {
    /// To buy or to sell.
    pub kind: Kind,
    /// What it is on.
    pub underlying: Underlying,
    /// The price of that.
    pub price: f64,
    /// The price agreed.
    pub strike: f64,
    /// Years until it ends.
    pub years: f64,
    /// The rate without risk, per year and continuous.
    pub rate: f64,
    /// The volatility per year.
    pub volatility: f64,
}

/// What an option is worth, and how that moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Greeks {
    /// The price.
    pub value: f64,
    /// By the price of the underlying.
    pub delta: f64,
    /// Delta by the price of the underlying.
    pub gamma: f64,
    /// By the volatility, for a change by 1.
    pub vega: f64,
    /// By the passing of time, for a year.
    pub theta: f64,
    /// By the rate, for a change by 1, the yield or the future's price left as they are.
    pub rho: f64,
}

/// The distribution function of the standard normal law; by erfc, so that the far tail keeps its digits.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / std::f64::consts::SQRT_2)
}

fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

impl Contract {
    fn carry(&self) -> f64 {
        match self.underlying {
            Underlying::Spot { dividend_yield } => self.rate - dividend_yield,
            Underlying::Future => 0.0,
        }
    }

    fn check(&self) -> Result<(), StatsError> {
        let positive = [("price", self.price), ("strike", self.strike), ("years", self.years), ("volatility", self.volatility)];
        for (what, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return Err(StatsError::Value { what, row: 1, value, wanted: "a positive number" });
            }
        }
        let whole = [("rate", self.rate), ("carry", self.carry())];
        match whole.into_iter().find(|(_, value)| !value.is_finite()) {
            Some((what, value)) => Err(StatsError::Value { what, row: 1, value, wanted: "a finite number" }),
            None => Ok(()),
        }
    }

    /// The price and the Greeks.
    ///
    /// # Errors
    /// [`StatsError::Value`] where a number isn't finite, or not positive where it has to be.
    pub fn greeks(&self) -> Result<Greeks, StatsError> {
        self.check()?;
        let (carry, root) = (self.carry(), self.years.sqrt());
        let deviation = self.volatility * root;
        let d1 = ((self.price / self.strike).ln() + carry * self.years) / deviation + 0.5 * deviation;
        let d2 = d1 - deviation;
        let (grown, discounted) = (((carry - self.rate) * self.years).exp(), (-self.rate * self.years).exp());
        let sign = if self.kind == Kind::Call { 1.0 } else { -1.0 };
        let (first, second) = (normal_cdf(sign * d1), normal_cdf(sign * d2));
        let (asset, cash) = (self.price * grown * first, self.strike * discounted * second);
        let value = (sign * (asset - cash)).max(0.0);
        let density = normal_density(d1) * grown;
        let decay = -self.price * density * self.volatility / (2.0 * root);
        let rho = if self.underlying == Underlying::Future { -self.years * value } else { sign * self.years * cash };
        Ok(Greeks {
            value,
            delta: sign * grown * first,
            gamma: density / (self.price * deviation),
            vega: self.price * density * root,
            theta: decay - sign * ((carry - self.rate) * asset + self.rate * cash),
            rho,
        })
    }

    /// The volatility at which the option is worth `value`; that of the contract is not looked at. Newton's method from the start of
    /// Manaster and Koehler (1982), J. Finance 37(1), held in a bracket that is halved where Newton leaves it.
    ///
    /// # Errors
    /// [`StatsError::Value`] where no volatility gives this price, and [`StatsError::NotConverged`].
    pub fn implied_volatility(&self, value: f64) -> Result<f64, StatsError> {
        let at = |volatility: f64| Self { volatility, ..*self }.greeks();
        let (mut low, mut high) = (1e-6, 20.0);
        if !(at(low)?.value..=at(high)?.value).contains(&value) {
            return Err(StatsError::Value { what: "option price", row: 1, value, wanted: "a price without arbitrage" });
        }
        let forward = (self.price / self.strike).ln() + self.carry() * self.years;
        let mut volatility = (2.0 * forward.abs() / self.years).sqrt().clamp(0.01, 5.0);
        for _ in 0..200 {
            let found = at(volatility)?;
            let gap = found.value - value;
            if gap > 0.0 {
                high = volatility;
            } else {
                low = volatility;
            }
            let newton = volatility - gap / found.vega;
            let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
            if (next - volatility).abs() <= 1e-12 * volatility {
                return Ok(next);
            }
            volatility = next;
        }
        if high - low <= 1e-8 * high {
            Ok(volatility)
        } else {
            Err(StatsError::NotConverged { iterations: 200, why: "the price hardly depends on the volatility" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contract(kind: Kind, underlying: Underlying) -> Contract {
        Contract { kind, underlying, price: 60.0, strike: 65.0, years: 0.25, rate: 0.08, volatility: 0.30 }
    }

    #[test]
    fn prices_are_those_of_haugs_book() {
        // Haug (2007): §1.1.1, a call at 60 with strike 65; §1.1.2, a put on an index that yields 5%; §1.1.3, Black-76 at 19.
        let call = contract(Kind::Call, Underlying::Spot { dividend_yield: 0.0 }).greeks().unwrap();
        assert!((call.value - 2.1334).abs() < 5e-5, "{call:?}");
        let put = Contract {
            price: 100.0,
            strike: 95.0,
            years: 0.5,
            rate: 0.1,
            volatility: 0.2,
            ..contract(Kind::Put, Underlying::Spot { dividend_yield: 0.05 })
        };
        assert!((put.greeks().unwrap().value - 2.4648).abs() < 5e-5, "{:?}", put.greeks());
        let future = Contract {
            price: 19.0,
            strike: 19.0,
            years: 0.75,
            rate: 0.1,
            volatility: 0.28,
            ..contract(Kind::Call, Underlying::Future)
        };
        assert!((future.greeks().unwrap().value - 1.7011).abs() < 5e-5, "{:?}", future.greeks());
    }

    fn any_contract() -> impl Strategy<Value = Contract> {
        let kind = prop_oneof![Just(Kind::Call), Just(Kind::Put)];
        let underlying =
            prop_oneof![Just(Underlying::Future), (0.0..0.1).prop_map(|dividend_yield| Underlying::Spot { dividend_yield })];
        (kind, underlying, 50.0..150.0, 60.0..140.0, 0.05..2.0, -0.02..0.1, 0.1..1.2).prop_map(
            |(kind, underlying, price, strike, years, rate, volatility)| Contract {
                kind,
                underlying,
                price,
                strike,
                years,
                rate,
                volatility,
            },
        )
    }

    proptest! {
        #[test]
        fn a_call_less_a_put_is_the_discounted_forward_less_the_strike(contract in any_contract()) {
            let value = |kind| Contract { kind, ..contract }.greeks().unwrap().value;
            let grown = ((contract.carry() - contract.rate) * contract.years).exp();
            let parity = contract.price * grown - contract.strike * (-contract.rate * contract.years).exp();
            prop_assert!((value(Kind::Call) - value(Kind::Put) - parity).abs() < 1e-11 * contract.price);
        }

        #[test]
        fn the_greeks_are_the_slopes_of_the_price(contract in any_contract()) {
            let found = contract.greeks().unwrap();
            let value = |contract: Contract| contract.greeks().unwrap().value;
            let slope = |up: Contract, down: Contract, by: f64| (value(up) - value(down)) / (2.0 * by);
            let moved = |by: f64| Contract { price: contract.price + by, ..contract };
            let near = |own: f64, slope: f64| (own - slope).abs() < 1e-4 * (1.0 + own.abs());
            prop_assert!(near(found.delta, slope(moved(1e-3), moved(-1e-3), 1e-3)));
            let bend = (moved(1e-2).greeks().unwrap().delta - moved(-1e-2).greeks().unwrap().delta) / 2e-2;
            prop_assert!(near(found.gamma, bend));
            let vol = |by: f64| Contract { volatility: contract.volatility + by, ..contract };
            prop_assert!(near(found.vega, slope(vol(1e-4), vol(-1e-4), 1e-4)));
            let time = |by: f64| Contract { years: contract.years - by, ..contract };
            prop_assert!(near(found.theta, slope(time(1e-5), time(-1e-5), 1e-5)));
            let rate = |by: f64| Contract { rate: contract.rate + by, ..contract };
            prop_assert!(near(found.rho, slope(rate(1e-5), rate(-1e-5), 1e-5)));
        }

        #[test]
        fn the_implied_volatility_is_the_one_that_the_price_was_made_with(contract in any_contract()) {
            let found = contract.greeks().unwrap();
            // Where vega is nothing, the price does not know the volatility.
            prop_assume!(found.vega > 1e-3);
            let implied = contract.implied_volatility(found.value).unwrap();
            prop_assert!((implied - contract.volatility).abs() < 1e-8, "{implied}");
        }
    }

    #[test]
    fn a_price_below_what_is_certain_and_an_option_that_has_ended_are_refused() {
        let call = Contract { price: 100.0, ..contract(Kind::Call, Underlying::Spot { dividend_yield: 0.0 }) };
        assert!(matches!(call.implied_volatility(30.0), Err(StatsError::Value { .. })));
        assert!(matches!(call.implied_volatility(100.5), Err(StatsError::Value { .. })));
        assert!(matches!(Contract { years: 0.0, ..call }.greeks(), Err(StatsError::Value { what: "years", .. })));
        assert!(Contract { price: f64::NAN, ..call }.greeks().is_err());
    }

    #[test]
    fn far_from_the_strike_the_greeks_stay_finite() {
        for strike in [1e-3, 1e6] {
            let found = Contract { strike, years: 0.01, ..contract(Kind::Put, Underlying::Future) }.greeks().unwrap();
            assert!(
                [found.value, found.delta, found.gamma, found.vega, found.theta, found.rho].iter().all(|value| value.is_finite())
            );
        }
    }
}
