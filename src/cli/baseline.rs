//! `hangup baseline`: watches a running hangup for a while and reports exactly that time.
//!
//! Never needs the terminal to stay: what it has is in a file, and it can go on later.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::report::{AccessArguments, FormArguments, here};
use super::{PROBLEM, USAGE, output};
use crate::app::ask::{self, Access, Address, Document, Place};
use crate::app::baseline::{self, End, News, Wish};
use crate::clock::now;
use crate::config::Human;
use crate::lifecycle::baseline::Baseline;
use crate::lifecycle::export::Stamp;

const EXAMPLES: &str = "\
Examples:
  hangup baseline --for 24h                   a day of the hangup of this machine
  hangup baseline --for 7d --connection home http://heater.local:9883
  hangup baseline --continue hangup-baseline.json

Ctrl-C ends it early and says how to go on. While nobody looks, hangup goes on counting:
only what happened while hangup itself was away is missing, and the report says for how
long. `hangup report hangup-baseline.json` tells what there is so far.

Exit codes: 0 when the time is over and reported, 1 when it was interrupted or nobody
answered, 2 when the command line is wrong.";

/// Watch a running hangup for a while, then report exactly that time
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// How long to watch
    #[arg(long = "for", value_name = "DURATION", value_parser = length, required_unless_present = "go_on", conflicts_with = "go_on")]
    length: Option<Duration>,
    /// Go on with what this file holds
    #[arg(long = "continue", value_name = "FILE", conflicts_with_all = ["connection", "file"])]
    go_on: Option<PathBuf>,
    /// Watch this connection only; may be repeated
    #[arg(long, value_name = "NAME")]
    connection: Vec<String>,
    /// Keep what is known so far in this file
    #[arg(long, value_name = "FILE", default_value = "hangup-baseline.json")]
    file: PathBuf,
    /// Look so often
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = length)]
    every: Duration,
    /// The running hangup [default: port 9883 of this machine]
    #[arg(value_name = "URL", value_parser = Address::parse)]
    url: Option<Address>,
    #[command(flatten)]
    access: AccessArguments,
    #[command(flatten)]
    form: FormArguments,
}

fn length(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(366 * 86_400);
    let length = text.parse().ok().map(|Human(length)| length);
    length
        .filter(|length| (Duration::from_secs(1)..=LONGEST).contains(length))
        .ok_or_else(|| "write for example 24h, from 1s to 366d".to_owned())
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let access = arguments.access.access();
    let (baseline, address, file) = match begin(arguments, &access) {
        Ok(begun) => begun,
        Err(fault) => {
            output::note(format!("hangup: {fault}"));
            return ExitCode::from(USAGE);
        }
    };
    let shown = Shown::new(&baseline);
    let wish = Wish { baseline, address, access, file: file.clone(), every: arguments.every };
    let outcome = baseline::collect(wish, |news| shown.hear(&news));
    shown.clear();
    match outcome {
        Ok(End::Complete(baseline)) => {
            arguments.form.print(&baseline.export(Stamp(now().wall)));
            ExitCode::SUCCESS
        }
        Ok(End::Interrupted(baseline)) => {
            output::note(format!(
                "Interrupted after {}.\nGo on with: hangup baseline --continue {}\nWhat there is so far: hangup report {1}",
                so_far(&baseline),
                file.display(),
            ));
            ExitCode::from(PROBLEM)
        }
        Err(fault) => {
            output::note(format!("hangup: {fault}"));
            ExitCode::from(PROBLEM)
        }
    }
}

/// A new baseline, or the one of a file.
fn begin(arguments: &Arguments, access: &Access) -> Result<(Baseline, Address, PathBuf), String> {
    if let Some(file) = &arguments.go_on {
        let baseline = held(file, access)?;
        let address = arguments.url.clone().map_or_else(|| Address::parse(&baseline.url), Ok)?;
        return Ok((baseline, address, file.clone()));
    }
    let file = arguments.file.clone();
    if file.exists() {
        let name = file.display();
        return Err(format!(
            "{name} is there already: go on with it by `--continue {name}`, or choose another by `--file monday.json`"
        ));
    }
    let address = arguments.url.clone().map_or_else(here, Ok)?;
    let length = arguments.length.unwrap_or_default();
    let baseline = Baseline::new(address.plain(), arguments.connection.clone(), Stamp(now().wall), length);
    Ok((baseline, address, file))
}

fn held(file: &Path, access: &Access) -> Result<Baseline, String> {
    match ask::document(&Place::File(file.to_owned()), access).map_err(|fault| fault.to_string())? {
        Document::Baseline(baseline) => Ok(*baseline),
        Document::Export(_) => {
            Err(format!("{} holds no baseline; begin one with `hangup baseline --for 24h`", file.display()))
        }
    }
}

/// `3h 12m of 1day: 2 drops`.
fn so_far(baseline: &Baseline) -> String {
    let seconds = |length: Duration| Human(Duration::from_secs(length.as_secs()));
    let whole = baseline.until.since(baseline.from);
    let past = Stamp(now().wall).since(baseline.from).min(whole);
    let drops = match baseline.drops() {
        1 => "1 drop".to_owned(),
        drops => format!("{drops} drops"),
    };
    format!("{} of {}: {drops} so far", seconds(past), seconds(whole))
}

/// The progress: a bar on a terminal, else a line when something changes.
struct Shown {
    bar: Option<ProgressBar>,
    told: std::cell::Cell<Option<(u64, bool)>>,
}

impl Shown {
    fn new(baseline: &Baseline) -> Self {
        let whole = baseline.until.since(baseline.from).as_secs();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(whole);
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent} % {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, told: std::cell::Cell::new(None) }
    }

    fn hear(&self, news: &News<'_>) {
        let (baseline, trouble) = match news {
            News::Looked(baseline) => (baseline, None),
            News::Missed(baseline, why) => (baseline, Some(why)),
        };
        let mut line = so_far(baseline);
        if let Some(why) = trouble {
            let _ = write!(line, "; {why}");
        }
        if let Some(bar) = &self.bar {
            bar.set_position(Stamp(now().wall).since(baseline.from).as_secs());
            bar.set_message(line);
            return;
        }
        let state = (baseline.drops(), trouble.is_some());
        if self.told.replace(Some(state)) != Some(state) {
            output::note(line);
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
