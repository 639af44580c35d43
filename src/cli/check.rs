//! `hangup check`: every fault of a configuration, or what it would run.
//!
//! Connects to nothing.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::{ConfigArguments, PROBLEM, ShardArguments, WEB_FIELD, check_web, output};
use crate::config::{
    AwsIot, Broker, Commands, Config, Connection, Diagnostics, Human, Listen, LogFormat, Navien, Origin,
    Shard, Source, State,
};
use crate::http::web::Web;
use crate::mapping;

const EXAMPLES: &str = "\
Examples:
  hangup check --config hangup.toml
  hangup check --config hangup.toml && systemctl reload hangup
  hangup check --config hangup.toml --shard 0/3   what the first of three would run

Nothing is connected to. Files with secrets are tried; what is in them is not shown.";

/// Find every fault of a configuration, or tell what it would run
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    #[command(flatten)]
    shard: ShardArguments,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    match arguments.config.load() {
        Ok(loaded) => {
            let check = |file| check_web(file, &arguments.config.origin(), WEB_FIELD);
            if let Some(Err(problems)) = loaded.config.http.web_config_file.as_deref().map(check) {
                return output::problems(&problems, PROBLEM);
            }
            for warning in &loaded.warnings {
                output::note(format!("warning: {warning}"));
            }
            output::result(
                summary(&arguments.config.origin(), &loaded.config, arguments.shard.shard).trim_end(),
            );
            ExitCode::SUCCESS
        }
        Err(problems) => output::problems(&problems, PROBLEM),
    }
}

/// What would run, without anything personal.
fn summary(origin: &Origin, config: &Config, part: Option<Shard>) -> String {
    let Config {
        http,
        readings,
        log,
        state,
        diagnostics,
        diagnosis,
        commands,
        limits,
        shard: _,
        connections,
    } = config;
    let scheme = Web::open(http.web_config_file.as_deref()).map_or("http", |web| web.scheme());
    let page = |place: &Listen| match place {
        Listen::Tcp(address) => format!("{scheme}://{address}/metrics"),
        Listen::Unix(_) | Listen::Systemd => format!("{place} ({scheme})"),
    };
    let listen = http.listen.iter().map(page).collect::<Vec<_>>();
    let format = match log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let mut text = format!("{origin}: no problem found. `hangup run` would start\n");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  page        {}", listen.join(", "));
    let _ = writeln!(text, "  readings    at most {} series", readings.series_limit);
    let _ = writeln!(text, "  log         {format}, {}", log.level.as_str().to_lowercase());
    let _ = writeln!(text, "  state       {}", of_state(state));
    let _ = writeln!(text, "  diagnostics {}", of_diagnostics(diagnostics));
    let _ = writeln!(text, "  probes      {}", if diagnosis.probes { "once a day at most" } else { "off" });
    let _ = writeln!(text, "  commands    {}", of_commands(commands));
    let _ = writeln!(text, "  limits      at most {} connects a second", limits.connects_per_second);
    let here = |connection: &&Connection| part.is_none_or(|part| part.holds(&connection.name));
    if let Some(part) = part {
        let count = connections.iter().filter(here).count();
        let _ =
            writeln!(text, "  shard       {part}, which runs {count} of {} connections", connections.len());
    }
    for connection in connections {
        let place = if here(&connection) { "connection" } else { "elsewhere " };
        let _ = writeln!(text, "  {place}  {}", of_connection(connection));
    }
    text
}

fn of_state(state: &State) -> String {
    match &state.directory {
        Some(directory) => {
            format!("journal in {}, at most {} MiB", directory.display(), state.journal_limit >> 20)
        }
        None => "nothing is kept over a restart".to_owned(),
    }
}

fn of_diagnostics(diagnostics: &Diagnostics) -> String {
    match &diagnostics.file {
        Some(file) => format!("{} every {}", file.display(), Human(diagnostics.interval)),
        None => "no file".to_owned(),
    }
}

fn of_commands(commands: &Commands) -> String {
    match &commands.token_file {
        Some(_) => format!("with a token, never older than {}", Human(commands.age_limit)),
        None => "off".to_owned(),
    }
}

fn of_connection(connection: &Connection) -> String {
    let Connection { name, policy, outage_grace, source, .. } = connection;
    let source = match source {
        Source::Navien(account) => of_account(account),
        Source::Broker(broker) => {
            let Broker { address, mqtt, .. } = &**broker;
            let transport = address.transport.as_str();
            format!(
                "broker, {transport} to {address}, MQTT {}, {}",
                mqtt.version.as_str(),
                of_filters(connection)
            )
        }
        Source::AwsIot(aws) => {
            let AwsIot { endpoint, port, authentication, mqtt, .. } = &**aws;
            let (how, version) = (authentication.as_str(), mqtt.version.as_str());
            format!("aws_iot, {how} to {endpoint}:{port}, MQTT {version}, {}", of_filters(connection))
        }
    };
    let (grace, recovery) = (Human(*outage_grace), policy.recovery.as_str());
    format!("{name}: {source}; reconnects {recovery}; readings gone {grace} after it")
}

fn of_filters(Connection { subscribe, fleet, .. }: &Connection) -> String {
    let count = mapping::subscriptions(subscribe).len();
    let filters = format!("{count} topic filter{}", if count == 1 { "" } else { "s" });
    if fleet.is_some() { format!("{filters} and the fleet") } else { filters }
}

fn of_account(account: &Navien) -> String {
    format!(
        "navien, status every {}, features every {}, energy every {}, {} device{} named",
        Human(account.status_interval),
        Human(account.features_interval),
        Human(account.energy_interval),
        account.devices.len(),
        if account.devices.len() == 1 { "" } else { "s" },
    )
}
