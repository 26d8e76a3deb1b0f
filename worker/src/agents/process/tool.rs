//! Runs short programs, such as git, and collects their output.

use std::{
    io,
    process::{ExitStatus, Stdio},
    sync::PoisonError,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    time::timeout,
};

use super::{ProcessHost, spawner::SUPERVISORS};

/// The maximum length of the error output that is kept, in bytes.
const MAX_STDERR_BYTES: usize = 4096;

/// The limits for a program.
#[derive(Clone, Copy, Debug)]
pub struct ToolLimits {
    /// How long the program may run.
    pub time: Duration,
    /// The maximum length of its output, in bytes. The program is killed when it writes more.
    pub output: usize,
}

/// What a program has written.
#[derive(Debug)]
pub struct ToolOutput {
    /// The exit status; `None` if the program was killed because its output is too long.
    pub status: Option<ExitStatus>,
    /// The output, at most as long as the limit.
    pub stdout: Vec<u8>,
    /// The beginning of the error output.
    pub stderr: String,
}

/// Removes a process from those that are known to the spawner.
struct Known(u32);

impl Drop for Known {
    fn drop(&mut self) {
        let mut known = SUPERVISORS.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_default().remove(&self.0);
    }
}

impl ProcessHost {
    /// Runs a program that starts no other processes. Dropping the future kills it.
    ///
    /// # Errors
    /// Fails if the program cannot be started, or if it does not end in time.
    pub async fn run_tool(&self, mut command: Command, input: Vec<u8>, limits: ToolLimits) -> io::Result<ToolOutput> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.process_group(0);
        let mut child = self.spawner.start(command).await?;
        let _known = child.id().map(Known);
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(io::Error::other("the process has no standard streams"));
        };
        let run = async {
            let write = async {
                // The program may exit without reading all of its input.
                let _ = stdin.write_all(&input).await;
                drop(stdin);
            };
            let (output, errors, ()) = tokio::join!(read(stdout, limits.output), read(stderr, MAX_STDERR_BYTES), write);
            let (stdout, is_whole) = output?;
            let stderr = String::from_utf8_lossy(&errors?.0).trim().to_owned();
            if !is_whole {
                child.kill().await?;
                return Ok(ToolOutput { status: None, stdout, stderr });
            }
            Ok(ToolOutput { status: Some(child.wait().await?), stdout, stderr })
        };
        match timeout(limits.time, run).await {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Reads at most `limit` bytes. Returns them, and whether there was nothing more. The rest of a long stream is not read,
/// so that its writer stops.
async fn read(stream: impl AsyncRead + Unpin, limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    stream.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    let is_whole = bytes.len() <= limit;
    bytes.truncate(limit);
    Ok((bytes, is_whole))
}
