//! This test binary as a child of itself: a process that can be killed, and one with a disk of its own.
//!
//! Never runs by itself: a parent says so in the environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Where the child works.
const DIRECTORY: &str = "JOURNAL_TEST_DIRECTORY";

/// The directory that the parent gave; `None`: this is no child.
pub(crate) fn directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

/// The test `name` of this binary, to be run as a child that works in `directory`.
pub(crate) fn command(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--include-ignored", "--nocapture", "--test-threads=1"]);
    command.env(DIRECTORY, directory).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
    command
}

/// Runs the test `name` in a mount namespace of its own, with a file system of so many KiB at `directory`.
#[track_caller]
pub(crate) fn on_a_disk_of(kib: u32, name: &str, directory: &Path) {
    let inner = command(name, directory);
    let mut outer = Command::new("unshare");
    let script = "mount -t tmpfs -o size=$0 hangup-test \"$1\" && shift && exec \"$@\"";
    outer.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, &format!("{kib}k")]);
    outer.arg(directory).arg(inner.get_program()).args(inner.get_args()).env(DIRECTORY, directory);
    let output = outer.output().unwrap();
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(output.status.success() && told.contains("1 passed"), "{}: {told}", output.status);
}

/// Mounts the file system at `directory` anew: once the writer that died there has closed its file.
#[track_caller]
pub(crate) fn remount(directory: &Path, how: &str) {
    let once = || {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(directory).status().unwrap().success()
    };
    let done = (0..100).any(|_| {
        once() || {
            std::thread::sleep(Duration::from_millis(100));
            false
        }
    });
    assert!(done, "{} cannot be mounted {how}", directory.display());
}
