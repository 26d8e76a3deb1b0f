//! Makes cargo notice when the dashboard was built anew: its files are compiled into the binary.

use std::{fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let built = Path::new("../dashboard/dist");
    // A path that is missing would count as changed at every build.
    if fs::create_dir_all(built).is_ok() {
        println!("cargo::rerun-if-changed={}", built.display());
    }
}
