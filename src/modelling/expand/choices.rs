//! Functions through points, in straight lines between them.

use super::affine::{column, constant, merge, plus, times};
use super::function::Curvature;
use super::{Builder, Need};
use crate::modelling::error::Fault;
use crate::modelling::node::{Items, Node};
use crate::modelling::scope::Scope;
use crate::solver::program::{Affine, Class};
use std::ops::Range;

type Points<'p> = &'p [(f64, f64)];

impl<'a> Builder<'a> {
    pub(super) fn piecewise(
        &mut self,
        scope: &mut Scope<'a>,
        (node, x, items): (&Node, &Node, &[Items]),
        need: Need,
    ) -> Result<Affine, Fault> {
        let at = &node.at;
        let points = scope.points(items, at)?;
        let x = self.affine(scope, x, Need::Exact)?;
        let ends = (points[0].0, points[points.len() - 1].0);
        // Past its ends the function is not known.
        self.row(x.clone(), ends, Vec::new(), at)?;
        let slopes: Vec<f64> = points.windows(2).map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)).collect();
        let scale = slopes.iter().fold(0.0_f64, |most, slope| most.max(slope.abs()));
        let straight = |a: f64, b: f64| (b - a).abs() <= 1e-12 * scale;
        if slopes.windows(2).all(|pair| straight(pair[0], pair[1])) {
            return Ok(line(&x, points[0], slopes[0]));
        }
        let rises = slopes.windows(2).all(|pair| pair[0] <= pair[1] || straight(pair[0], pair[1]));
        let falls = slopes.windows(2).all(|pair| pair[0] >= pair[1] || straight(pair[0], pair[1]));
        if (rises && need == Need::Above) || (falls && need == Need::Below) {
            return self.hull(&x, &points, &slopes, (rises, at));
        }
        match self.class {
            Class::Mip => self.segments(&x, &points, at),
            Class::Cp => self.whole_segments(&x, &points, &slopes, node),
            Class::Lp | Class::Convex if rises => self.must_bend(node, Curvature::Convex, need).map(|()| x),
            Class::Lp | Class::Convex if falls => self.must_bend(node, Curvature::Concave, need).map(|()| x),
            Class::Lp | Class::Convex => {
                let words = self.words(at);
                let detail = format!("`{words}` is neither convex nor concave, and {} is needed here; use `mip`", need.wants());
                Err(Fault::new(at, detail))
            }
        }
    }

    /// A column on the right side of every line.
    fn hull(
        &mut self,
        x: &Affine,
        points: Points<'_>,
        slopes: &[f64],
        (above, at): (bool, &Range<usize>),
    ) -> Result<Affine, Fault> {
        let bounds = heights(points);
        let value = column(self.auxiliary(bounds, self.class == Class::Cp, at)?, 1.0);
        for (point, slope) in points.iter().zip(slopes) {
            let apart = plus(line(x, *point, *slope), &value, -1.0);
            let bounds = if above { (f64::NEG_INFINITY, 0.0) } else { (0.0, f64::INFINITY) };
            self.row(apart, bounds, Vec::new(), at)?;
        }
        Ok(value)
    }

    /// Weights on the points, of which only the two at the ends of one segment may be more than 0 (Dantzig 1960; the convex combination
    /// formulation).
    fn segments(&mut self, x: &Affine, points: Points<'_>, at: &Range<usize>) -> Result<Affine, Fault> {
        let weights = points.iter().map(|_| self.auxiliary((0.0, 1.0), false, at)).collect::<Result<Vec<_>, _>>()?;
        let chosen = points.iter().skip(1).map(|_| self.binary(at)).collect::<Result<Vec<_>, _>>()?;
        let (mut place, mut value) = (times(x.clone(), -1.0), Affine::default());
        for (weight, point) in weights.iter().zip(points) {
            place.terms.push((*weight, point.0));
            value.terms.push((*weight, point.1));
        }
        merge(&mut place);
        merge(&mut value);
        self.row(place, (0.0, 0.0), Vec::new(), at)?;
        let all = |columns: &[u32]| Affine { terms: columns.iter().map(|column| (*column, 1.0)).collect(), constant: 0.0 };
        self.row(all(&weights), (1.0, 1.0), Vec::new(), at)?;
        self.row(all(&chosen), (1.0, 1.0), Vec::new(), at)?;
        for (place, weight) in weights.iter().enumerate() {
            let mut sum = column(*weight, 1.0);
            for segment in [place.checked_sub(1), Some(place)].into_iter().flatten().filter_map(|segment| chosen.get(segment)) {
                sum = plus(sum, &column(*segment, 1.0), -1.0);
            }
            self.row(sum, (f64::NEG_INFINITY, 0.0), Vec::new(), at)?;
        }
        Ok(value)
    }

    /// A binary column for each segment, on which the line holds; in whole numbers, so the lines must have whole slopes.
    fn whole_segments(&mut self, x: &Affine, points: Points<'_>, slopes: &[f64], node: &Node) -> Result<Affine, Fault> {
        let at = &node.at;
        let whole = points.iter().all(|point| point.0.fract() == 0.0 && point.1.fract() == 0.0)
            && slopes.iter().all(|slope| slope.fract() == 0.0);
        if !whole {
            let words = self.words(at);
            let detail = format!(
                "`{words}` needs whole points and slopes in a model of type `cp`; multiply by what makes them whole, or use `mip`"
            );
            return Err(Fault::new(at, detail));
        }
        self.must_be_whole(x, at)?;
        let value = column(self.auxiliary(heights(points), true, at)?, 1.0);
        let mut one = Affine::default();
        for (pair, slope) in points.windows(2).zip(slopes) {
            let chosen = self.binary(at)?;
            one.terms.push((chosen, 1.0));
            self.row(x.clone(), (pair[0].0, pair[1].0), vec![(chosen, true)], at)?;
            let apart = plus(value.clone(), &line(x, pair[0], *slope), -1.0);
            self.row(apart, (0.0, 0.0), vec![(chosen, true)], at)?;
        }
        self.row(one, (1.0, 1.0), Vec::new(), at)?;
        Ok(value)
    }
}

/// The line through a point.
fn line(x: &Affine, point: (f64, f64), slope: f64) -> Affine {
    plus(times(x.clone(), slope), &constant(point.1 - slope * point.0), 1.0)
}

/// The lowest and the highest point.
fn heights(points: Points<'_>) -> (f64, f64) {
    points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| (low.min(point.1), high.max(point.1)))
}
