//! What is wrong with a model is told with its place, and soon.

use super::{small, wrong};

const X: &str = r#""name": "x", "lb": 0, "ub": 10"#;
const Y: &str = r#""name": "y", "lb": 0, "ub": 10"#;

fn says(json: &str, pointer: &str, detail: &str) {
    let errors = wrong(json);
    let found = errors.iter().any(|error| error.pointer == pointer && error.detail.contains(detail));
    assert!(found, "{json}\nshould say at {pointer}: {detail}\nand says {errors:#?}");
}

fn constraint(class: &str, text: &str, detail: &str) {
    says(&small(class, &[X, Y], "minimize x + y", &[text]), "/constraints/0", detail);
}

#[test]
fn a_wrong_expression_is_told_with_what_was_found_and_what_would_be_right() {
    constraint("lp", "x + * y <= 1", "found `*` where a number, a name or `(` would be right");
    constraint("lp", "x + y <= ", "found the end of the expression");
    constraint("lp", "2x <= 1", "for a product write `2 * x…`");
    constraint("lp", "x y <= 1", "found `y` where an operator such as `+`, `*` or `<=`");
    constraint("lp", "(x + y <= 1", "`)` or `,`");
    constraint("lp", "x + y", "found a number where a comparison");
    constraint("lp", "x @ y <= 1", "`@` (U+0040) has no meaning");
    constraint("lp", "3 <= 4", "no variable is in this constraint");
    constraint("lp", "(x <= 1) + 2 <= y", "found a comparison where a number");
    constraint("lp", "sum(x) <= 1", "this sums a single value");
    constraint("lp", "x[1] <= 1", "`x` is a single value and has no index");
    constraint("lp", "x(1) <= 1", "`x` is not a function");
    constraint("lp", "x < 1", "`<` in `x < 1` has a meaning between whole numbers only; write `<=`");
}

#[test]
fn an_error_has_the_place_within_the_expression() {
    let errors = wrong(&small("lp", &[X, Y], "minimize x + y", &["x + budgett <= 1"]));
    assert_eq!(errors[0].at, Some(4..11));
}

#[test]
fn unknown_names_are_told_with_the_name_that_was_meant() {
    let json = small("lp", &[r#""name": "budget", "lb": 0"#, Y], "minimize budget", &["bugdet + y >= 1"]);
    says(&json, "/constraints/0", "there is no variable, parameter or index `bugdet`; did you mean `budget`?");
    constraint("lp", "sun(x) <= 1", "there is no function `sun`; did you mean `sum`?");
    constraint("lp", "sum(i in makret: x) <= 1", "there is no set `makret`");
    let json = small("lp", &[X], "minimize x", &["x >= 1"]).replace("decision_variables", "decision_variable");
    says(&json, "/decision_variable", "did you mean `decision_variables`?");
    says(&small("milp", &[X], "minimize x", &["x >= 1"]), "/model_type", "did you mean `mip`?");
}

#[test]
fn letters_that_only_look_like_others_are_told() {
    constraint("lp", "х + y <= 1", "`х` (U+0445) is not the letter `x` that it looks like");
    constraint("lp", "xо + y <= 1", "is not the letter `o` that it looks like");
    says(&small("lp", &[r#""name": "größe""#], "minimize 0", &[]), "/decision_variables/0/name", "can't stand in a name");
}

#[test]
fn numbers_past_all_measure_are_refused() {
    constraint("lp", "x <= 1e999", "larger than 1e15");
    constraint("lp", "1e300 * x <= 1", "larger than 1e15");
    constraint("lp", "1e15 * 1e15 * x <= 1", "comes to the number 1e30");
    let errors = wrong(&small("lp", &[r#""name": "x", "lb": 1e300"#], "minimize x", &[]));
    assert!(errors[0].detail.contains("larger than 1e15"), "{errors:?}");
    for number in ["1e999", "NaN", "Infinity"] {
        let errors = wrong(&small("lp", &[&format!(r#""name": "x", "lb": {number}"#)], "minimize x", &[]));
        assert!(errors[0].detail.contains("not a JSON document that can be read"), "{errors:?}");
    }
}

#[test]
fn division_by_nothing_and_by_a_variable_is_told() {
    constraint("lp", "x / 0 <= 1", "division by zero");
    constraint("lp", "x / (3 - 3) <= 1", "division by zero");
    constraint("lp", "x / y <= 1", "division by `y`, which depends on a variable");
    constraint("convex", "1 / x <= 1", "inv_pos");
    constraint("mip", "0 ^ -1 * x <= 1", "division by zero");
}

#[test]
fn products_of_variables_are_told_where_the_class_has_none() {
    constraint("lp", "x * y <= 1", "`x * y` is a product of variables, which model type `lp` has not");
    constraint("mip", "x * y <= 1", "neither is binary or a whole number");
    constraint(
        "convex",
        "x * y <= 1",
        "are not convex, and a convex expression is needed here: the quadratic form has the eigenvalue -0.5",
    );
    constraint("convex", "x * x * y <= 1", "is a product of variables");
    constraint("lp", "x ^ y <= 1", "the exponent `y` depends on a variable");
}

#[test]
fn what_is_not_convex_names_the_part_that_is_not() {
    constraint("convex", "square(x) + y >= 1", "`square(x)` is convex, and a concave expression is needed here");
    constraint("convex", "sqrt(x) <= 3 - y", "`sqrt(x)` is concave, and a convex expression is needed here");
    constraint("convex", "norm(x, y) == 3", "`norm(x, y)` is convex, and an affine expression");
    constraint("convex", "exp(square(x)) <= -log(exp(y))", "`log(exp(y))` is concave, and a convex expression is needed here");
    constraint("convex", "log(exp(x)) >= 1", "`exp(x)` is convex, and a concave expression is needed here");
    constraint("convex", "max(x, y) >= 2", "`max(x, y)` is convex, and a concave");
    constraint("convex", "min(x, y) <= 2", "`min(x, y)` is concave, and a convex");
    constraint(
        "lp",
        "abs(x - y) >= 1",
        "`abs(x - y)` is convex, and a concave expression is needed here; where it can't be stated otherwise, `mip`",
    );
    constraint("convex", "x^3 + (x - 5)^3 <= 1", "give the variables in `(x - 5)` bounds");
    constraint("lp", "norm(x, y) <= 1", "can't stand in a model of type `lp`; use `convex`");
    constraint("lp", "x >= 1 => y >= 1", "use `mip` or `cp`");
    constraint("mip", "no_overlap(i in 1..3: x, 2)", "use `cp`");
    let json = small("convex", &[X, Y], "maximize square(x) - y", &["x <= 1"]);
    says(&json, "/objective/expression", "`square(x)` is convex, and a concave expression is needed here");
}

#[test]
fn names_stand_for_one_thing_each() {
    says(&small("lp", &[X, X], "minimize x", &[]), "/decision_variables/1/name", "`x` is the name of a variable already");
    let json = small("lp", &[X], "minimize x", &[]).replacen('{', r#"{"parameters": {"x": 3}, "#, 1);
    says(&json, "/decision_variables/0/name", "`x` is the name of a parameter already");
    let json = small("lp", &[X], "minimize x", &[]).replacen('{', r#"{"parameters": {"a": 3, "a": 4}, "#, 1);
    says(&json, "", "`a` stands twice in one object");
    says(
        &small("lp", &[r#""name": "sum""#], "minimize 1", &[]),
        "/decision_variables/0/name",
        "`sum` is a function of the language",
    );
    says(&small("lp", &[r#""name": "for""#], "minimize 1", &[]), "/decision_variables/0/name", "`for` is a word of the language");
    let json = small("lp", &[X], "minimize x", &[])
        .replace("[]", r#"[{"name": "c", "expression": "x >= 1"}, {"name": "c", "expression": "x <= 2"}]"#);
    says(&json, "/constraints/1/name", "another constraint is called `c` already");
}

#[test]
fn sets_have_members_and_tables_have_entries() {
    let json = small("lp", &[X], "minimize x", &[]).replacen('{', r#"{"sets": {"s": []}, "#, 1);
    says(&json, "/sets/s", "the set `s` is empty");
    let over = |parameters: &str, objective: &str| {
        let variable = r#""name": "z", "index": ["s"], "lb": 0"#;
        let sets = format!(r#"{{"sets": {{"s": ["a", "b", "c"]}}, "parameters": {{{parameters}}}, "#);
        small("lp", &[variable], objective, &[]).replacen('{', &sets, 1)
    };
    says(
        &over(r#""cost": {"a": 1, "b": 2}"#, "minimize sum(i in s: cost[i] * z[i])"),
        "/objective/expression",
        "`cost` has no entry for `c`",
    );
    says(
        &over(r#""cost": [1, 2]"#, "minimize sum(i in s: cost[i] * z[i])"),
        "/objective/expression",
        "`cost` has 2 entries and `s` has 3 members",
    );
    says(
        &over(r#""cost": {"value": {"a": 1, "x": 2}, "index": ["s"]}"#, "minimize sum(z)"),
        "/parameters/cost/value",
        "`x` is not a member of the set `s`",
    );
    says(&over(r#""cost": 1"#, "minimize z[d]"), "/objective/expression", "`d` is neither an index here nor a member of `s`");
    says(&over(r#""cost": 1"#, "minimize z_i"), "/objective/expression", "neither an index here nor a member of `s`");
    says(&over(r#""cost": [[1, 2], [3]]"#, "minimize sum(z)"), "/parameters/cost/1", "a list of 1 stands where others have 2");
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let begin = std::time::Instant::now();
    let sets = r#"{"sets": {"s": {"from": 1, "to": 1000}}, "#;
    let nested = "sum(i in s: sum(j in s: sum(k in s: sum(l in s: x * (i + j + k + l)))))";
    let json = small("lp", &[X], &format!("minimize {nested}"), &[]).replacen('{', sets, 1);
    says(&json, "/objective/expression", "the sums over index sets here take");
    let flat = small("lp", &[r#""name": "z", "index": ["s", "s", "s"]"#], "minimize 0", &[]).replacen('{', sets, 1);
    says(&flat, "/decision_variables/0", "more than 1000000 variables");
    let deep = format!("{}x{} <= 1", "(".repeat(5_000), ")".repeat(5_000));
    constraint("lp", &deep, "nested more than 48 levels deep");
    constraint("lp", &format!("{}x <= 1", "-".repeat(5_000)), "nested more than 48 levels deep");
    constraint("lp", &format!("x {} <= 1", "^ 1".repeat(5_000)), "nested more than 48 levels deep");
    constraint("lp", &"x + ".repeat(200_000), "more than 262144 characters");
    let lists = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let errors = wrong(&lists);
    assert!(errors[0].detail.contains("recursion limit"), "{errors:?}");
    assert!(begin.elapsed().as_secs() < 20, "took {:?}", begin.elapsed());
}

#[test]
fn bounds_are_asked_for_where_they_are_needed() {
    let free = r#""name": "x", "type": "integer""#;
    let binary = r#""name": "p", "type": "binary""#;
    says(&small("mip", &[free, binary], "minimize p", &["p == 1 => x <= 3"]), "/constraints/0", "give `x` both `lb` and `ub`");
    says(&small("mip", &[free, binary], "minimize p", &["abs(x) >= 3"]), "/constraints/0", "give `x` both `lb` and `ub`");
    says(&small("cp", &[free, binary], "minimize p", &["x >= 3"]), "/decision_variables/0", "`x` needs both bounds");
    says(&small("lp", &[binary], "minimize p", &[]), "/decision_variables/0/type", "`p` takes whole values only");
    says(&small("cp", &[X], "minimize x", &[]), "/decision_variables/0/type", "`x` is continuous");
    says(
        &small("lp", &[r#""name": "x", "lb": 3, "ub": 2"#], "minimize x", &[]),
        "/decision_variables/0",
        "lower bound 3 of `x` is above its upper bound 2",
    );
}

#[test]
fn a_document_that_is_no_model_is_told_what_is_missing() {
    says("", "", "not a JSON document");
    says("[]", "", "found a list where an object");
    says("{}", "/decision_variables", "needs a decision variable");
    says("{}", "/model_type", "the model type is missing");
    says(r#"{"model_type": "lp", "decision_variables": [{"name": "x"}]}"#, "/objective", "the objective is missing");
    says(&small("lp", &[r#""name": "x", "type": "real""#], "minimize x", &[]), "/decision_variables/0/type", "`real` is no type");
}

#[test]
fn many_of_anything_costs_no_more_than_many() {
    let begin = std::time::Instant::now();
    let same: Vec<&str> = vec!["x <= 1"; 20_000];
    let model = crate::modelling::Model::parse(small("lp", &[X], "minimize x", &same).as_bytes()).unwrap();
    assert_eq!(model.constraints()[19_999].name, "x_max_20000");
    let unknown: Vec<String> = (0..20_000).map(|number| format!("q{number}_a <= x")).collect();
    let unknown: Vec<&str> = unknown.iter().map(String::as_str).collect();
    assert_eq!(wrong(&small("lp", &[X], "minimize x", &unknown)).len(), 20);
    let ranges: Vec<String> = (0..50).map(|number| format!("sum(i in {number}..999999: i * x) <= 1")).collect();
    let ranges: Vec<&str> = ranges.iter().map(String::as_str).collect();
    assert!(wrong(&small("lp", &[X], "minimize x", &ranges))[0].detail.contains("all sets together at most 1000000 members"));
    let sets = r#"{"sets": {"s": {"from": 1, "to": 20000}}, "#;
    let square = small("convex", &[r#""name": "z", "index": "s""#], "minimize sum(z) * sum(z)", &[]).replacen('{', sets, 1);
    says(&square, "/objective/expression", "more than 10000000 terms");
    assert!(begin.elapsed().as_secs() < 30, "took {:?}", begin.elapsed());
}

#[test]
fn the_deepest_expression_that_is_read_can_be_written_out() {
    for open in [
        "abs(-",
        "max(x, ",
        "sum(i in 1..1: ",
        "(0.5 * ",
        "piecewise(x, [[0, 0], [9, 9]]) + abs(1 - ",
        "(1 + if 1 < 2 then 1 else 0) * (",
    ] {
        let closed = open.matches('(').count() - open.matches(')').count();
        for depth in [20, 40] {
            let text = format!("{}x{} <= 1000", open.repeat(depth), ")".repeat(depth * closed));
            let json = small("mip", &[r#""name": "x", "type": "integer", "lb": 0, "ub": 5"#], "minimize x", &[&text]);
            if let Ok(model) = crate::modelling::Model::parse(json.as_bytes()) {
                let _ = model.expand();
                model.check(&super::values(&[("x", 1.0)]), 1e-6).unwrap();
            }
        }
    }
    for open in ["not (", "x >= 1 => (", "(x <= 3 or ", "(x <= 3 and "] {
        let text = format!("{}x <= 2{}", open.repeat(15), ")".repeat(15));
        let json = small("mip", &[r#""name": "x", "type": "integer", "lb": 0, "ub": 5"#], "minimize x", &[&text]);
        let model = crate::modelling::Model::parse(json.as_bytes()).unwrap();
        let _ = model.expand().unwrap();
        model.check(&super::values(&[("x", 1.0)]), 1e-6).unwrap();
    }
}
