//! The version of both programs.

/// The version of the package, and the commit that it was built from: `0.1.0 (4f9d1c20ab3e)`. Debug builds have no commit,
/// nor do builds without git in which the environment variable `BANTER_COMMIT` is not set.
pub const VERSION: &str = env!("BANTER_VERSION");
