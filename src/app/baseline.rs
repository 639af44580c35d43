//! Collects a baseline from a running hangup, and keeps what it has in a file.
//!
//! Never loses what it has: after every look the file holds all of it, and who interrupts can go on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ask::{Access, Address, Fault, Reader};
use super::signals::{Order, Signals};
use super::{block_on, diagnostics};
use crate::clock::now;
use crate::lifecycle::baseline::Baseline;
use crate::lifecycle::export::Stamp;

/// What is collected.
#[derive(Debug)]
pub struct Wish {
    /// So far: nothing yet, or what a file holds.
    pub baseline: Baseline,
    /// The running hangup.
    pub address: Address,
    /// What it wants to see.
    pub access: Access,
    /// The file.
    pub file: PathBuf,
    /// How often to look.
    pub every: Duration,
}

/// What is told while it goes on.
#[derive(Debug)]
pub enum News<'a> {
    /// It was looked: this is known so far.
    Looked(&'a Baseline),
    /// Nothing came; it is tried again.
    Missed(&'a Baseline, &'a str),
}

/// How it ended.
#[derive(Debug)]
pub enum End {
    /// The period is over.
    Complete(Box<Baseline>),
    /// Somebody interrupted it; the file holds what there is.
    Interrupted(Box<Baseline>),
}

/// Why it could not be begun or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first look failed.
    #[error(transparent)]
    Ask(#[from] Fault),
    /// A connection that is not there.
    #[error("there is no connection `{0}`; there are: {1}; write for example `--connection {1}`")]
    Unknown(String, String),
    /// The file cannot be written.
    #[error("{0} cannot be written: {1}; choose another with `--file`")]
    File(String, std::io::Error),
    /// The system refuses.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// Collects until the period is over or somebody interrupts. `tell` hears every look.
///
/// # Errors
/// When nobody answers at the beginning, or the file cannot be written.
pub fn collect(wish: Wish, tell: impl FnMut(News<'_>)) -> Result<End, Error> {
    block_on(run(wish, tell))?
}

async fn run(wish: Wish, mut tell: impl FnMut(News<'_>)) -> Result<End, Error> {
    let Wish { mut baseline, address, access, file, every } = wish;
    let mut signals = Signals::listen()?;
    let reader = Reader::new(address, &access)?;
    let mut fresh = baseline.is_empty();
    loop {
        match reader.read().await {
            Ok(export) => {
                let missing =
                    baseline.only.iter().find(|name| export.connections.iter().all(|one| one.name != **name));
                if let Some(name) = missing.filter(|_| fresh) {
                    let known: Vec<&str> = export.connections.iter().map(|one| one.name.as_str()).collect();
                    return Err(Error::Unknown(name.clone(), known.join(", ")));
                }
                baseline.add(export);
                save(&baseline, &file)?;
                tell(News::Looked(&baseline));
            }
            // At the beginning it is a mistake, later a thing to live through.
            Err(fault) if fresh => return Err(fault.into()),
            Err(fault) => tell(News::Missed(&baseline, &fault.to_string())),
        }
        fresh = false;
        let left = baseline.until.since(Stamp(now().wall));
        if left.is_zero() {
            return Ok(End::Complete(Box::new(baseline)));
        }
        tokio::select! {
            () = tokio::time::sleep(left.min(every)) => {}
            () = interrupted(&mut signals) => {
                // The last look, so that nothing until now is missing.
                if let Ok(export) = reader.read().await {
                    baseline.add(export);
                }
                save(&baseline, &file)?;
                return Ok(End::Interrupted(Box::new(baseline)));
            }
        }
    }
}

async fn interrupted(signals: &mut Signals) {
    while signals.next().await != Order::Stop {}
}

fn save(baseline: &Baseline, file: &Path) -> Result<(), Error> {
    let json = serde_json::to_vec_pretty(baseline).map_err(std::io::Error::from);
    let saved = json.and_then(|json| diagnostics::replace(file, &json));
    saved.map_err(|fault| Error::File(file.display().to_string(), fault))
}
