//! The functions of the language.

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Function {
    Sum,
    Abs,
    Min,
    Max,
    Norm,
    Norm1,
    NormInf,
    Square,
    SumSquares,
    QuadForm,
    Exp,
    Log,
    Sqrt,
    Pow,
    InvPos,
    Entropy,
    LogSumExp,
    GeoMean,
    Piecewise,
    To,
    AllDifferent,
    NoOverlap,
    Cumulative,
    Semidefinite,
    AnyOf,
    AllOf,
    AtMostOne,
    ExactlyOne,
}

impl Function {
    /// All, each with its name.
    pub(super) const ALL: [(&'static str, Self); 35] = [
        ("sum", Self::Sum),
        ("abs", Self::Abs),
        ("min", Self::Min),
        ("max", Self::Max),
        ("norm", Self::Norm),
        ("norm2", Self::Norm),
        ("norm1", Self::Norm1),
        ("norm_inf", Self::NormInf),
        ("square", Self::Square),
        ("sum_squares", Self::SumSquares),
        ("quad_form", Self::QuadForm),
        ("exp", Self::Exp),
        ("log", Self::Log),
        ("sqrt", Self::Sqrt),
        ("pow", Self::Pow),
        ("inv_pos", Self::InvPos),
        ("entropy", Self::Entropy),
        ("log_sum_exp", Self::LogSumExp),
        ("geo_mean", Self::GeoMean),
        ("piecewise", Self::Piecewise),
        ("to", Self::To),
        ("all_different", Self::AllDifferent),
        ("alldifferent", Self::AllDifferent),
        ("no_overlap", Self::NoOverlap),
        ("cumulative", Self::Cumulative),
        ("semidefinite", Self::Semidefinite),
        ("psd", Self::Semidefinite),
        ("any_of", Self::AnyOf),
        ("exists", Self::AnyOf),
        ("all_of", Self::AllOf),
        ("forall", Self::AllOf),
        ("at_most_one", Self::AtMostOne),
        ("exactly_one", Self::ExactlyOne),
        ("maximum", Self::Max),
        ("minimum", Self::Min),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }

    /// Whether it says what must hold, instead of being a number.
    pub(super) const fn is_rule(self) -> bool {
        matches!(
            self,
            Self::AllDifferent
                | Self::NoOverlap
                | Self::Cumulative
                | Self::Semidefinite
                | Self::AnyOf
                | Self::AllOf
                | Self::AtMostOne
                | Self::ExactlyOne
        )
    }

    /// How many arguments it takes, where it doesn't take any number: each alone, and never over an index.
    pub(super) const fn takes(self) -> Option<usize> {
        match self {
            Self::Abs | Self::Square | Self::Exp | Self::Log | Self::Sqrt | Self::InvPos | Self::Entropy => Some(1),
            Self::Pow => Some(2),
            _ => None,
        }
    }
}
