use super::*;

fn never() -> bool {
    false
}

/// A set of NIST's Statistical Reference Datasets (<https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml>), all of higher difficulty.
struct Certified {
    name: &'static str,
    formula: &'static str,
    x: Vec<f64>,
    y: Vec<f64>,
    starts: [Vec<f64>; 2],
    parameters: Vec<f64>,
    squares: f64,
}

fn mgh09() -> Certified {
    Certified {
        name: "MGH09",
        formula: "b1*(x**2+x*b2) / (x**2+x*b3+b4)",
        x: vec![4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
        y: vec![0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246],
        starts: [vec![25.0, 39.0, 41.5, 39.0], vec![0.25, 0.39, 0.415, 0.39]],
        parameters: vec![1.928_069_345_8e-1, 1.912_823_287_3e-1, 1.230_565_069_3e-1, 1.360_623_306_8e-1],
        squares: 3.075_056_038_5e-4,
    }
}

fn mgh10() -> Certified {
    let y = [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872];
    Certified {
        name: "MGH10",
        formula: "b1 * exp[b2/(x+b3)]",
        x: (0..16).map(|at| f64::from(50 + 5 * at)).collect(),
        y: y.map(f64::from).to_vec(),
        starts: [vec![2.0, 400_000.0, 25_000.0], vec![0.02, 4_000.0, 250.0]],
        parameters: vec![5.609_636_471_0e-3, 6.181_346_346_3e3, 3.452_236_346_2e2],
        squares: 8.794_585_517_1e1,
    }
}

fn mgh17() -> Certified {
    let y = [
        844, 908, 932, 936, 925, 908, 881, 850, 818, 784, 751, 718, 685, 658, 628, 603, 580, 558, 538, 522, 506, 490, 478, 467,
        457, 448, 438, 431, 424, 420, 414, 411, 406,
    ];
    Certified {
        name: "MGH17",
        formula: "b1 + b2*exp[-x*b4] + b3*exp[-x*b5]",
        x: (0..33).map(|at| f64::from(10 * at)).collect(),
        y: y.map(|thousandths| f64::from(thousandths) / 1000.0).to_vec(),
        starts: [vec![50.0, 150.0, -100.0, 1.0, 2.0], vec![0.5, 1.5, -1.0, 0.01, 0.02]],
        parameters: vec![3.754_100_521_1e-1, 1.935_846_912_7, -1.464_687_136_6, 1.286_753_464_0e-2, 2.212_269_966_2e-2],
        squares: 5.464_894_697_5e-5,
    }
}

fn box_bod() -> Certified {
    Certified {
        name: "BoxBOD",
        formula: "b1*(1-exp[-b2*x])",
        x: vec![1.0, 2.0, 3.0, 5.0, 7.0, 10.0],
        y: vec![109.0, 149.0, 149.0, 191.0, 213.0, 224.0],
        starts: [vec![1.0, 1.0], vec![100.0, 0.75]],
        parameters: vec![2.138_094_088_9e2, 5.472_374_854_2e-1],
        squares: 1.168_008_876_6e3,
    }
}

fn eckerle4() -> Certified {
    let x = (0..8).map(|at| f64::from(400 + 5 * at)).chain((0..20).map(|at| 436.5 + 1.5 * f64::from(at)));
    let y = [
        0.000_157_5,
        0.000_169_9,
        0.000_235,
        0.000_310_2,
        0.000_491_7,
        0.000_871,
        0.001_741_8,
        0.004_64,
        0.006_589_5,
        0.009_730_2,
        0.014_900_2,
        0.023_731,
        0.040_168_3,
        0.071_255_9,
        0.126_445_8,
        0.207_341_3,
        0.290_236_6,
        0.344_562_3,
        0.369_804_9,
        0.366_853_4,
        0.310_672_7,
        0.207_815_4,
        0.116_435_4,
        0.061_676_4,
        0.033_72,
        0.019_402_3,
        0.011_783_1,
        0.007_435_7,
        0.002_273_2,
        0.000_88,
        0.000_457_9,
        0.000_234_5,
        0.000_158_6,
        0.000_114_3,
        0.000_071,
    ];
    Certified {
        name: "Eckerle4",
        formula: "(b1/b2) * exp[-0.5*((x-b3)/b2)**2]",
        x: x.chain((0..7).map(|at| f64::from(470 + 5 * at))).collect(),
        y: y.to_vec(),
        starts: [vec![1.0, 10.0, 500.0], vec![1.5, 5.0, 450.0]],
        parameters: vec![1.554_382_717_8, 4.088_832_175_4, 4.515_412_184_4e2],
        squares: 1.463_588_748_7e-3,
    }
}

#[test]
fn hard_sets_reach_their_certified_values_from_both_starts() {
    for set in [mgh09(), mgh10(), mgh17(), box_bod(), eckerle4()] {
        let names: Vec<String> = (1..=set.parameters.len()).map(|at| format!("b{at}")).collect();
        let formula = Formula::parse(set.formula, &names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let curve = FormulaCurve::new(&formula, &[&set.x], &set.y, None).unwrap();
        for start in &set.starts {
            let fit = super::formula(&curve, start, &Options::default(), &never)
                .unwrap_or_else(|error| panic!("{} {start:?}: {error}", set.name));
            for (found, &known) in fit.parameters.iter().zip(&set.parameters) {
                assert!((found.value / known - 1.0).abs() < 1e-10, "{} {start:?}: {} for {known}", set.name, found.value);
            }
            assert!((fit.residual_squares / set.squares - 1.0).abs() < 1e-10, "{}: {}", set.name, fit.residual_squares);
        }
    }
}

/// The sum of squares of the set that is made like NIST's Bennett5: 154 points in a valley so flat that the parameters are correlated beyond
/// 0.9999.
#[test]
fn a_flat_curved_valley_is_followed_to_its_bottom_from_both_starts() {
    let formula = Formula::parse("b1 * (b2+x)**(-1/b3)", &["b1", "b2", "b3"]).unwrap();
    let mut chance = fastrand::Rng::with_seed(5);
    let x: Vec<f64> = (0..154).map(|at| 7.4 + 7.5 * f64::from(at) / 153.0).collect();
    let y: Vec<f64> = x.iter().map(|x| -2_523.505 * (46.736 + x).powf(-1.0 / 0.932_184) + 0.004 * (chance.f64() - 0.5)).collect();
    let curve = FormulaCurve::new(&formula, &[&x], &y, None).unwrap();
    let fits = [[-2_000.0, 50.0, 0.8], [-1_500.0, 45.0, 0.85]]
        .map(|start| super::formula(&curve, &start, &Options::default(), &never).unwrap());
    for (one, other) in fits[0].parameters.iter().zip(&fits[1].parameters) {
        assert!((one.value / other.value - 1.0).abs() < 1e-12, "{one:?} {other:?}");
        assert!((one.standard_error / other.standard_error - 1.0).abs() < 1e-12);
    }
    assert!(fits[0].residual_sd < 0.002);
}

/// DanWood of NIST's Statistical Reference Datasets, of lower difficulty, with its certified errors.
#[test]
fn a_power_law_has_its_certified_values_and_errors_also_as_a_closure() {
    let x: [f64; 6] = [1.309, 1.471, 1.490, 1.565, 1.611, 1.680];
    let y = [2.138, 3.421, 3.597, 4.340, 4.882, 5.660];
    let formula = Formula::parse("b1*x**b2", &["b1", "b2"]).unwrap();
    let curve = FormulaCurve::new(&formula, &[&x], &y, None).unwrap();
    let by_formula = super::formula(&curve, &[1.0, 5.0], &Options::default(), &never).unwrap();
    let closure = Closure {
        response: &y,
        curve: |row: usize, b: &[f64], gradient: &mut [f64]| {
            gradient[0] = x[row].powf(b[1]);
            gradient[1] = b[0] * gradient[0] * x[row].ln();
            b[0] * gradient[0]
        },
    };
    let by_closure = super::closure(&closure, &[1.0, 5.0], &Options::default(), &never).unwrap();
    for (fit, digits) in [(by_formula, 1e-10), (by_closure, 1e-8)] {
        let known = [(7.688_622_617_6e-1, 1.828_197_386_0e-2), (3.860_405_587_1, 5.172_661_091_3e-2)];
        for (found, (value, error)) in fit.parameters.iter().zip(known) {
            assert!(
                (found.value / value - 1.0).abs() < digits && (found.standard_error / error - 1.0).abs() < digits,
                "{found:?}"
            );
        }
        assert!((fit.residual_sd / 3.285_311_403_9e-2 - 1.0).abs() < digits);
    }
}

#[test]
fn a_response_can_be_transformed_as_the_data_are_written() {
    let formula = Formula::parse("b1 + b2*x", &["b1", "b2"]).unwrap();
    let transform = Formula::parse("log[y]", &[]).unwrap();
    let (x, y) = ([1.0, 2.0, 3.0, 4.0], [1.0, 10.0, 100.0, 1_000.0]);
    let curve = FormulaCurve::new(&formula, &[&x], &y, Some(&transform)).unwrap();
    let fit = super::formula(&curve, &[0.0, 1.0], &Options::default(), &never).unwrap();
    assert!((fit.parameters[1].value - 10.0_f64.ln()).abs() < 1e-15);
    assert!(fit.residual_sd < 1e-25 && fit.r_squared == 1.0);
    let negative = FormulaCurve::new(&formula, &[&x], &[1.0, -1.0, 2.0, 3.0], Some(&transform));
    assert!(matches!(negative.map(|_| ()), Err(StatsError::Value { row: 2, .. })));
}

#[test]
fn what_can_not_be_fitted_is_told() {
    let run = |text: &str, names: &[&str], y: &[f64], start: &[f64]| {
        let formula = Formula::parse(text, names).unwrap();
        let x: Vec<f64> = (0..y.len()).map(|at| at as f64).collect();
        let curve = FormulaCurve::new(&formula, &[&x], y, None).unwrap();
        super::formula(&curve, start, &Options::default(), &never).unwrap_err()
    };
    let y = [1.0, 3.0, 4.0, 6.0, 9.0];
    assert_eq!(run("a*b*x", &["a", "b"], &y, &[1.0, 1.0]), StatsError::Collinear(2));
    assert_eq!(run("a*x+b", &["a", "b"], &[2.0; 5], &[1.0, 1.0]), StatsError::Constant("the response"));
    assert_eq!(run("a*x+b", &["a", "b"], &y[..2], &[1.0, 1.0]), StatsError::TooFew { needed: 3, got: 2 });
    assert!(matches!(run("sqrt(a-x)+x*b", &["a", "b"], &y, &[-9.0, 1.0]), StatsError::NotConverged { .. }));
    assert!(matches!(run("a*x+b", &["a", "b"], &y, &[f64::NAN, 1.0]), StatsError::Setting { .. }));
    let formula = Formula::parse("a*exp(b*x)", &["a", "b"]).unwrap();
    let curve = FormulaCurve::new(&formula, &[&y], &y, None).unwrap();
    assert_eq!(super::formula(&curve, &[1.0, 1.0], &Options::default(), &|| true), Err(StatsError::Stopped));
    assert_eq!(FormulaCurve::new(&formula, &[], &y, None).map(|_| ()), Err(StatsError::Lengths(1, 0)));
}

/// 200 runs from known parameters; 95% intervals cover within four Monte Carlo standard errors, in 178 to 200 of 200.
#[test]
fn intervals_of_a_nonlinear_fit_cover_the_truth_at_their_level() {
    let formula = Formula::parse("a*(1-exp(-b*x))", &["a", "b"]).unwrap();
    let mut chance = fastrand::Rng::with_seed(9);
    let mut gauss = || (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos();
    let x: Vec<f64> = (1..=25).map(|at| f64::from(at) / 5.0).collect();
    let mut covered = [0, 0];
    for _ in 0..200 {
        let y: Vec<f64> = x.iter().map(|x| 3.0 * (1.0 - (-0.8 * x).exp()) + 0.1 * gauss()).collect();
        let curve = FormulaCurve::new(&formula, &[&x], &y, None).unwrap();
        let fit = super::formula(&curve, &[1.0, 1.0], &Options::default(), &never).unwrap();
        for ((count, found), truth) in covered.iter_mut().zip(&fit.parameters).zip([3.0, 0.8]) {
            *count += i32::from(found.interval[0] <= truth && truth <= found.interval[1]);
        }
    }
    assert!(covered.iter().all(|count| (178..=200).contains(count)), "{covered:?}");
}
