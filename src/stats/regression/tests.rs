use super::*;

fn never() -> bool {
    false
}

/// −log₁₀ of the relative error, at most 15.
fn digits(found: f64, known: f64) -> f64 {
    let error = if known == 0.0 { found.abs() } else { ((found - known) / known).abs() };
    if error == 0.0 { 15.0 } else { -error.log10() }
}

fn assert_digits(fit: &LinearFit, known: &[(f64, f64)], least: f64) {
    for (at, (found, &(value, error))) in fit.coefficients.iter().zip(known).enumerate() {
        assert!(digits(found.value, value) >= least, "coefficient {at}: {} for {value}", found.value);
        assert!(digits(found.standard_error, error) >= least, "error {at}: {} for {error}", found.standard_error);
    }
}

/// Longley of NIST's Statistical Reference Datasets, of higher difficulty (<https://www.itl.nist.gov/div898/strd/>; the data are those of Longley,
/// 1967).
#[test]
fn longleys_data_give_their_certified_values() {
    let y = [60323, 61122, 60171, 61187, 63221, 63639, 64989, 63761, 66019, 67857, 68169, 66513, 68655, 69564, 69331, 70551];
    let x1 = [83.0, 88.5, 88.2, 89.5, 96.2, 98.1, 99.0, 100.0, 101.2, 104.6, 108.4, 110.8, 112.6, 114.2, 115.7, 116.9];
    let x2 = [
        234_289, 259_426, 258_054, 284_599, 328_975, 346_999, 365_385, 363_112, 397_469, 419_180, 442_769, 444_546, 482_704,
        502_601, 518_173, 554_894,
    ];
    let x3 = [2356, 2325, 3682, 3351, 2099, 1932, 1870, 3578, 2904, 2822, 2936, 4681, 3813, 3931, 4806, 4007];
    let x4 = [1590, 1456, 1616, 1650, 3099, 3594, 3547, 3350, 3048, 2857, 2798, 2637, 2552, 2514, 2572, 2827];
    let x5 = [
        107_608, 108_632, 109_773, 110_929, 112_075, 113_270, 115_094, 116_219, 117_388, 118_734, 120_445, 121_950, 123_366,
        125_368, 127_852, 130_081,
    ];
    let whole = |values: &[i32; 16]| values.map(f64::from);
    let years: [f64; 16] = std::array::from_fn(|at| 1947.0 + at as f64);
    let columns = [x1, whole(&x2), whole(&x3), whole(&x4), whole(&x5), years];
    let columns: Vec<&[f64]> = columns.iter().map(|column| &column[..]).collect();
    let fit = linear(&whole(&y), &columns, &Options::default(), &never).unwrap();
    let known = [
        (-3_482_258.634_595_82, 890_420.383_607_373),
        (15.061_872_271_373_3, 84.914_925_774_766_9),
        (-0.358_191_792_925_910e-1, 0.334_910_077_722_432e-1),
        (-2.020_229_803_816_83, 0.488_399_681_651_699),
        (-1.033_226_867_173_59, 0.214_274_163_161_675),
        (-0.511_041_056_535_807e-1, 0.226_073_200_069_370),
        (1_829.151_464_613_55, 455.478_499_142_212),
    ];
    assert_digits(&fit, &known, 14.0);
    assert!(digits(fit.f.unwrap(), 330.285_339_234_588) > 14.0);
    assert!(digits(fit.r_squared, 0.995_479_004_577_296) > 14.0);
    assert!(digits(fit.residual_sd, 304.854_073_561_965) > 14.0);
}

/// Wampler (1970), in NIST's Statistical Reference Datasets: a polynomial of degree 5 on 0 to 20, exact, and with the same errors times 1, 100 and
/// 10,000, whose certified values follow from one another.
#[test]
fn wamplers_polynomials_give_their_certified_values() {
    let errors = [
        759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048, -2048, 1838, -2048, 2048, -2048, 2523, -2048, 2048,
        -2048, 759,
    ];
    let x: Vec<f64> = (0..21).map(f64::from).collect();
    let known = [
        2_152.326_246_781_70,
        2_363.551_734_696_81,
        779.343_524_331_583,
        101.475_507_550_350,
        5.645_665_121_707_52,
        0.112_324_854_679_312,
    ];
    for size in [0.0, 1.0, 100.0, 10_000.0] {
        let y: Vec<f64> =
            x.iter().zip(errors).map(|(&x, error)| (0..=5).map(|k| x.powi(k)).sum::<f64>() + size * f64::from(error)).collect();
        let fit = polynomial(&y, &x, 5, &Options::default(), &never).unwrap();
        assert_digits(&fit, &known.map(|error| (1.0, size * error)), 14.0);
        assert_eq!(fit.f.is_none(), size == 0.0);
    }
}

/// A polynomial of degree 10 over −8.8 to −3.1, built like NIST's Filip (condition number 10¹⁵); the known values were computed in rational
/// arithmetic.
#[test]
fn a_polynomial_of_degree_ten_agrees_with_rational_arithmetic() {
    let x: Vec<f64> = (0..82).map(|at| f64::from(-88_000 + 700 * at) / 10_000.0).collect();
    let y: Vec<f64> = (0..82).map(|at| f64::from(8_000 + at * 7_919 % 1_000) / 10_000.0).collect();
    let fit = polynomial(&y, &x, 10, &Options::default(), &never).unwrap();
    let known = [
        (-6_232.378_992_915_551, 2_312.459_290_316_796_3),
        (-11_783.123_472_285_517, 4_357.605_247_805_447),
        (-9_881.782_063_380_24, 3_643.489_153_683_384_3),
        (-4_842.618_828_502_637, 1_780.284_646_680_209_6),
        (-1_536.137_573_835_774, 563.076_559_735_117_9),
        (-329.683_940_260_276_6, 120.487_062_461_411_92),
        (-48.498_675_230_867_22, 17.670_076_775_013_563),
        (-4.830_515_571_889_999_5, 1.754_364_143_894_484_1),
        (-0.311_876_194_030_686_2, 0.112_895_297_725_725_14),
        (-0.011_791_092_476_125_439, 0.004_253_713_730_638_859),
        (-0.000_198_306_941_030_259_04, 7.129_084_028_440_882e-5),
    ];
    assert_digits(&fit, &known, 14.0);
    assert!(digits(fit.residual_sd, 0.028_764_494_611_944_944) > 14.0);
}

const X: [f64; 12] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0];
const Z: [f64; 12] = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0, 5.0, 8.0];
const Y: [f64; 12] = [2.1, 3.9, 6.4, 7.7, 10.9, 12.2, 13.1, 17.2, 17.8, 20.5, 21.1, 25.3];

/// statsmodels 0.14, `OLS.fit(use_t=True)` with HC1, HC3, HAC (two lags, `use_correction`) and clusters of three rows.
#[test]
fn every_covariance_agrees_with_statsmodels() {
    let clusters = Covariance::Clustered((0..12).map(|row| row / 3).collect());
    let known = [
        (
            Covariance::Classical,
            [0.462_667_246_127_702_3, 0.065_854_858_403_456_92, 0.093_680_356_749_230_67],
            0.109_662_858_473_290_7,
        ),
        (
            Covariance::Hc1,
            [0.276_009_154_579_448_9, 0.070_636_495_493_495_39, 0.105_259_319_307_190_75],
            0.148_652_071_566_148_87,
        ),
        (Covariance::Hc3, [0.351_693_637_438_946_8, 0.094_028_031_365_314_3, 0.167_909_000_939_954_4], 0.347_933_415_853_850_9),
        (
            Covariance::NeweyWest(Some(2)),
            [0.208_851_011_523_650_07, 0.035_895_428_440_593_666, 0.066_162_947_234_520_1],
            0.033_145_710_731_631_466,
        ),
        (clusters, [0.240_151_978_213_075_05, 0.034_437_068_050_620_05, 0.098_533_676_611_344_89], 0.190_104_093_411_750_4),
    ];
    for (covariance, errors, chance) in known {
        let options = Options { covariance, ..Options::default() };
        let fit = linear(&Y, &[&X, &Z], &options, &never).unwrap();
        for (found, error) in fit.coefficients.iter().zip(errors) {
            assert!(digits(found.standard_error, error) > 11.0, "{options:?}: {} for {error}", found.standard_error);
        }
        assert!(
            digits(fit.coefficients[2].p_value.unwrap(), chance) > 8.0,
            "{options:?}: {:?} for {chance}",
            fit.coefficients[2]
        );
    }
    let fit = linear(&Y, &[&X, &Z], &Options::default(), &never).unwrap();
    assert!(digits(fit.coefficients[1].value, 1.966_339_410_939_693_4) > 14.0);
    assert!(digits(fit.adjusted_r_squared, 0.991_323_814_802_82) > 13.0);
    assert!(digits(fit.f_p_value.unwrap(), 2.139_458_519_798_951e-10) > 8.0);
    assert!(digits(fit.coefficients[2].interval[0], -0.045_650_41) > 6.0, "{:?}", fit.coefficients[2].interval);
}

/// Computed in rational arithmetic up to the cosines, from the formula of Lazarus and others (2018).
#[test]
fn the_errors_by_cosines_are_those_of_their_formula() {
    let known = [
        (2, [0.289_897_433_276_856_3, 0.031_153_314_213_315_925, 0.126_706_607_422_232_91]),
        (5, [0.380_447_876_155_342_65, 0.040_928_391_417_791_61, 0.143_190_624_340_609_9]),
    ];
    for (terms, errors) in known {
        let options = Options { covariance: Covariance::Cosines(Some(terms)), ..Options::default() };
        let fit = linear(&Y, &[&X, &Z], &options, &never).unwrap();
        for (found, error) in fit.coefficients.iter().zip(errors) {
            assert!(digits(found.standard_error, error) > 11.0, "{terms}: {} for {error}", found.standard_error);
        }
    }
    assert_eq!([1, 48, 1_001].map(cosine_terms), [1, 5, 40]);
    // Two degrees of freedom reach 4.303 standard errors far.
    let options = Options { covariance: Covariance::Cosines(Some(2)), ..Options::default() };
    let slope = linear(&Y, &[&X], &options, &never).unwrap().coefficients[1];
    assert!(((slope.interval[1] - slope.value) / slope.standard_error - 4.302_652_73).abs() < 1e-6, "{slope:?}");
}

#[test]
fn collinear_constant_short_and_unequal_inputs_are_told_by_name() {
    let double: Vec<f64> = X.iter().zip(Z).map(|(x, z)| 0.1 * x + 0.3 * z).collect();
    let run = |y: &[f64], columns: &[&[f64]]| linear(y, columns, &Options::default(), &never).unwrap_err();
    assert_eq!(run(&Y, &[&X, &Z, &double]), StatsError::Collinear(3));
    assert_eq!(run(&Y, &[&[2.0; 12]]), StatsError::Collinear(1));
    assert_eq!(run(&[0.1; 12], &[&X]), StatsError::Constant("the response"));
    assert_eq!(run(&Y[..2], &[&X[..2]]), StatsError::TooFew { needed: 3, got: 2 });
    assert_eq!(run(&Y, &[&X[..3]]), StatsError::Lengths(12, 3));
    assert!(matches!(run(&Y, &[&[f64::INFINITY; 12]]), StatsError::Value { row: 1, .. }));
    assert_eq!(linear(&Y, &[&X], &Options::default(), &|| true), Err(StatsError::Stopped));
}

/// 200 runs each; the interval must cover within four Monte Carlo standard errors of 95%, here in 178 to 200 of 200.
#[test]
fn robust_intervals_cover_at_their_level_where_the_errors_are_not_alike() {
    let mut chance = fastrand::Rng::with_seed(3);
    let mut gauss = || (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos();
    let mut covered = [0, 0, 0];
    for _ in 0..200 {
        let x: Vec<f64> = (0..60).map(|_| gauss()).collect();
        let y: Vec<f64> = x.iter().map(|x| 1.0 + 2.0 * x + (0.3 + x.abs()) * gauss()).collect();
        for (count, covariance) in covered.iter_mut().zip([Covariance::Hc1, Covariance::Hc3, Covariance::Classical]) {
            let fit = linear(&y, &[&x], &Options { covariance, ..Options::default() }, &never).unwrap();
            let [low, high] = fit.coefficients[1].interval;
            *count += i32::from(low <= 2.0 && 2.0 <= high);
        }
    }
    // HC1 is known to be a little short in small samples (MacKinnon and White, 1985), and the classical error is wrong here.
    assert!(covered[0] >= 172 && covered[1] >= 178 && covered[2] < 172, "{covered:?}");
}
