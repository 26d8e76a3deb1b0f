//! The version of both programs.

/// The version of the package and the commit that it was built from, such as `0.1.0 (4f9d1c20ab3e)`. The commit is
/// absent in debug builds and in builds without git, unless the environment variable `BANTER_COMMIT` was set during the
/// build.
pub const VERSION: &str = env!("BANTER_VERSION");
