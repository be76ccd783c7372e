//! The console at `/`: the page that `console/` builds, compiled in, so that a running service needs neither npm nor a file beside it.

use super::error::{Answered, At, Kind, Problem};
use actix_web::http::header::{CACHE_CONTROL, EntityTag, Header, IfNoneMatch};
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ETag, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, web};
use std::sync::LazyLock;

/// One file of the page.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    tag: LazyLock<EntityTag>,
}

macro_rules! assets {
    ($($name:literal: $content_type:literal),* $(,)?) => {
        [$(Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../console/dist/", $name)),
            tag: LazyLock::new(|| tag(include_bytes!(concat!("../../console/dist/", $name)))),
        }),*]
    };
}

static ASSETS: [Asset; 4] = assets! {
    "index.html": "text/html; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "console.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
};

/// Nothing but what this service gives out itself, no script or style within the page, and no page around it.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// A strong tag: it stands for these bytes alone.
fn tag(bytes: &[u8]) -> EntityTag {
    EntityTag::new_strong(blake3::hash(bytes).to_hex().as_str()[..32].to_owned())
}

/// `GET /`.
pub(super) async fn index(http: HttpRequest) -> Answered {
    serve(&http, "index.html")
}

/// `GET /console/{file}`.
pub(super) async fn file(http: HttpRequest, file: web::Path<String>) -> Answered {
    serve(&http, &file)
}

fn serve(http: &HttpRequest, name: &str) -> Answered {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Err(Problem::new(Kind::NOT_FOUND, format!("the console has no file \"{name}\""))).at(http);
    };
    let known = match IfNoneMatch::parse(http) {
        Ok(IfNoneMatch::Any) => http.headers().contains_key("if-none-match"),
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&asset.tag)),
        Err(_) => false,
    };
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header(ETag(asset.tag.clone()))
        // The names stay the same from one version to the next, so each use asks whether the bytes did.
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"));
    Ok(if known { response.finish() } else { response.content_type(asset.content_type).body(asset.bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn console() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("console")
    }

    #[test]
    fn every_file_that_is_built_is_compiled_in() {
        let names = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut built: BTreeSet<String> = std::fs::read_dir(console().join("dist")).unwrap().map(names).collect();
        assert!(built.remove("sources.sha256"), "dist says what it was built from");
        assert_eq!(built, ASSETS.iter().map(|asset| asset.name.to_owned()).collect());
    }

    fn files_in(folder: &Path, found: &mut Vec<PathBuf>) {
        for item in std::fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() { files_in(&path, found) } else { found.push(path) }
        }
    }

    // That the same sources give the same files is shown by `make console-check`, which builds them; here it takes no npm to see that
    // somebody changed a source and built nothing.
    #[test]
    fn dist_was_built_from_the_sources_that_are_here() {
        let root = console();
        let mut sources: Vec<PathBuf> =
            ["index.html", "package-lock.json", "vite.config.ts"].iter().map(|name| root.join(name)).collect();
        files_in(&root.join("src"), &mut sources);
        files_in(&root.join("public"), &mut sources);
        let line = |path: &PathBuf| {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            format!("{}  {name}", hex::encode(Sha256::digest(std::fs::read(path).unwrap())))
        };
        let here: BTreeSet<String> = sources.iter().map(line).collect();
        let built = std::fs::read_to_string(root.join("dist/sources.sha256")).unwrap();
        let built: BTreeSet<String> = built.lines().map(str::to_owned).collect();
        assert_eq!(built, here, "run `make console` and commit console/dist");
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere_and_has_no_script_or_style_within() {
        let page = std::str::from_utf8(ASSETS[0].bytes).unwrap();
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("http"), "{page}");
        assert!(page.match_indices("<script").all(|(at, _)| page[at..].contains("src=\"/console/")), "{page}");
    }
}
