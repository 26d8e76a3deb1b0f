//! Makes Cargo rebuild the crate when the dashboard's files have changed, because they are compiled into the binary.

use std::{fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let built = Path::new("../dashboard/dist");
    // Cargo treats a missing path as changed and would rebuild the crate every time.
    if fs::create_dir_all(built).is_ok() {
        println!("cargo::rerun-if-changed={}", built.display());
    }
}
