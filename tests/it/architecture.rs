//! Modules import only downwards, in the order of `lib.rs`, and never within a block.

use super::service::project;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The blocks of `lib.rs`, the topmost first: a block begins at a comment `// # …`.
fn blocks() -> BTreeMap<String, usize> {
    let map = fs::read_to_string(project().join("src/lib.rs")).unwrap();
    let mut block = 0;
    let mut of = BTreeMap::new();
    for line in map.lines() {
        if line.starts_with("// # ") {
            block += 1;
        }
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            of.insert(name.to_owned(), block);
        }
    }
    of
}

/// The modules of this crate that a source text names after `crate::`, whether alone or in braces.
fn imports(source: &str, known: &BTreeMap<String, usize>) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        let rest = &source[at + "crate::".len()..];
        let names: &str = match rest.strip_prefix('{') {
            Some(braces) => braces.split_once(';').map_or(braces, |(inside, _)| inside),
            None => rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap(),
        };
        let words = names.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        found.extend(words.filter(|word| known.contains_key(*word)).map(ToOwned::to_owned));
    }
    found
}

fn visit(folder: &Path, module: &str, known: &BTreeMap<String, usize>, wrong: &mut Vec<String>) {
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            visit(&path, module, known, wrong);
        } else if path.extension().is_some_and(|e| e == "rs") {
            check(&path, module, known, wrong);
        }
    }
}

fn check(file: &Path, module: &str, known: &BTreeMap<String, usize>, wrong: &mut Vec<String>) {
    let source = fs::read_to_string(file).unwrap();
    let own = known[module];
    for import in imports(&source, known) {
        if import != module && known[&import] <= own {
            wrong.push(format!("{}: `{module}` may not import `{import}`", file.display()));
        }
    }
}

#[test]
fn modules_import_only_downwards_in_the_order_of_lib_rs() {
    let known = blocks();
    assert!(known.len() >= 15, "lib.rs was not understood: {known:?}");
    let src = project().join("src");
    let mut wrong = Vec::new();
    for module in known.keys() {
        let (file, folder) = (src.join(format!("{module}.rs")), src.join(module));
        if folder.is_dir() {
            visit(&folder, module, &known, &mut wrong);
        } else {
            check(&file, module, &known, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_test_sees_an_import_upwards_and_one_in_braces() {
    let known = blocks();
    assert_eq!(imports("use crate::api::error;", &known), ["api"]);
    assert_eq!(imports("use crate::{cache, decide::{Decider, Run}};", &known), ["cache", "decide"]);
    assert_eq!(imports("fn f() { crate::app::run() }", &known), ["app"]);
}

#[test]
fn every_module_of_the_source_folder_is_on_the_map() {
    let known = blocks();
    for item in fs::read_dir(project().join("src")).unwrap() {
        let path = item.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(["lib", "main"].contains(&&*name) || known.contains_key(&name), "{name} is not in lib.rs");
    }
}
