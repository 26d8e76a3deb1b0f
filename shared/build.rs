//! Tracks the compiled-in migrations, and determines the version.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../migrations");
    println!("cargo:rerun-if-env-changed=BANTER_COMMIT");
    let given = env::var("BANTER_COMMIT").ok().filter(|commit| !commit.is_empty());
    // Debug builds do not look up the commit, so that they are not rebuilt after every commit.
    let is_release = env::var("PROFILE").as_deref() == Ok("release");
    let commit = given.or_else(|| is_release.then(find_commit).flatten());
    let package = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let version = commit.map_or_else(|| package.clone(), |commit| format!("{package} ({commit})"));
    println!("cargo:rustc-env=BANTER_VERSION={version}");
}

/// Returns the checked-out commit if the source is in a git repository.
fn find_commit() -> Option<String> {
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        let path = git(&["rev-parse", "--path-format=absolute", "--git-path", name])?;
        // Cargo would consider a missing file to be changed in every build.
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
