//! What to change when a pattern stands: in our own configuration first, then elsewhere. Pure.
//! Never advises what the configuration would refuse.

use super::EventKind;
use super::claim::Pattern;
use super::lengths::{clock, length};
use super::words::{LARGEST_PAYLOAD, happening, stillborn};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;

/// The bounds of `renew_after` and `keep_alive` in the configuration.
const RENEW_AFTER: std::ops::RangeInclusive<f64> = MINUTE..=604_800.0;
const KEEP_ALIVE: std::ops::RangeInclusive<f64> = 30.0..=1_200.0;

/// What to change.
pub(super) fn advice(pattern: &Pattern) -> String {
    if stillborn(pattern).is_some() {
        return "Look into the broker's own log, and at what a session does first: whether the account may subscribe and \
                publish there, and whether a second client has our client id. A storm that ends by itself was the \
                broker's: here nothing needs a change, the waits between attempts grow by themselves."
            .to_owned();
    }
    match pattern {
        Pattern::Lifetime { from, .. } => renewal(*from, ""),
        Pattern::Calendar { period, phase } => format!(
            "Look for what runs {}, local time: the restart of a router or modem, a provider's forced disconnect, a \
             scheduled job or a deployment of the service. If it has to be, `initial_delay` decides how soon we are \
             back.",
            clock(*period, *phase)
        ),
        Pattern::LifetimeOrCalendar { age, .. } => format!(
            "{} Whether it is a clock shows when a session begins at another time of day: `probes = true` under \
             `[diagnosis]` lets us try, once a day at most.",
            renewal(*age, " if it is a limit")
        ),
        Pattern::MessageLimit { .. } => {
            "Ask less often (`status_interval`, `features_interval`, `energy_interval`), or renew sessions before they \
             get there (`renew_after`), and ask the service's operator for its quota."
                .to_owned()
        }
        Pattern::LifetimeOrCount { age, .. } => {
            format!("{} Another `status_interval` shows which of the two it is.", renewal(*age, ""))
        }
        Pattern::AfterEvent { event, .. } => after(*event),
        Pattern::Packet { packet, shape, largest, .. } => {
            if *largest > LARGEST_PAYLOAD {
                format!("Send less at once to `{shape}`: AWS IoT takes 128 KiB, other brokers have a limit of their own.")
            } else if packet == "SUBSCRIBE" {
                format!("Let the broker's policy allow a subscription to `{shape}`, or leave it out.")
            } else {
                format!("Let the broker's policy allow publishing to `{shape}`, or leave it out; until then it is better not \
                         sent.")
            }
        }
        Pattern::IdleTimeout { survived, .. } => idle(*survived),
        Pattern::Takeover { .. } => {
            "Look for a second client with our client id: another `hangup`, an old script, an app. A `client_id` of its \
             own under `[connection.reconnect]` for each ends it; without the field ours is made anew by itself."
                .to_owned()
        }
        Pattern::ClockHint { period, phase } => format!(
            "Look for what runs {}, local time; more drops will tell whether it holds.",
            clock(*period, *phase)
        ),
        Pattern::Burst { connects_failed: true, .. } => {
            "Look into the broker's own log for that moment: a restart, a deployment, a crash. Here nothing needs a \
             change: jitter keeps the clients from coming back all at once."
                .to_owned()
        }
        Pattern::Burst { connects_failed: false, .. } => {
            "Ask the service for maintenance at that moment, and look at the router and the line that these connections \
             share."
                .to_owned()
        }
    }
}

/// A planned reconnect before this age, in the words of the configuration where it allows it.
fn renewal(age: f64, unless: &str) -> String {
    // A limit counts from a moment that we do not see; 4 % before it is early enough, and late enough to matter.
    let early = age * 0.96;
    let (unit, word) = if early >= 2.0 * HOUR { (HOUR, "h") } else { (MINUTE, "m") };
    let whole = (early / unit).floor();
    if RENEW_AFTER.contains(&(whole * unit)) {
        format!(
            "A planned reconnect before that avoids them{unless}: `renew_after = \"{whole:.0}{word}\"` under \
             `[reconnect]`."
        )
    } else {
        format!(
            "Sessions of {} are too short to renew before: find what closes them, and raise its limit.",
            length(age)
        )
    }
}

/// A keep-alive that stays below the longest silence that was survived.
fn idle(survived: f64) -> String {
    // Pings come a little later than asked for, and the timeout is at least as long as what was survived.
    let below = (survived * 0.8 / 5.0).floor() * 5.0;
    let seconds = below.min(*KEEP_ALIVE.end());
    if KEEP_ALIVE.contains(&seconds) {
        format!(
            "Never be silent for so long: `keep_alive = \"{seconds:.0}s\"` under `[reconnect]` stays below it; or raise the \
             timeout of the NAT or firewall."
        )
    } else {
        format!(
            "Raise the timeout of the NAT or firewall: it is shorter than the shortest keep-alive, `keep_alive = \"{:.0}s\"`.",
            KEEP_ALIVE.start()
        )
    }
}

fn after(event: EventKind) -> String {
    let what = match event {
        EventKind::Command => {
            "Look at what the command sends and whether the account may send it; try it by hand once."
        }
        EventKind::CredentialRefresh => {
            "Look for a service that ends the old session when new credentials are issued; a `renew_after` below the \
             lifetime of the credentials makes it a planned reconnect."
        }
        EventKind::CredentialExpiry => {
            "Set `renew_after` below the lifetime of the credentials: then a planned reconnect comes first."
        }
        EventKind::Reload => "Look at what else happens when the configuration is read anew.",
        EventKind::Scrape => "Look at what the scrape costs this machine: processor, memory, disk.",
        EventKind::Link | EventKind::Address | EventKind::Route | EventKind::Resolver => {
            "Look at this machine's network: WiFi that roams, a DHCP lease that changes, a VPN that comes and goes."
        }
        EventKind::ClockStep => "Let this machine's time service slew its clock, and look for what steps it.",
        EventKind::OtherDrop => {
            "Look for what these connections share: the client id, the account, the router, the broker."
        }
    };
    format!("What follows {} may be provoked by it. {what}", happening(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(age: f64) -> String {
        advice(&Pattern::Lifetime { age, from: age, to: age, limit: None })
    }

    #[test]
    fn the_renewal_that_is_advised_comes_before_the_limit_and_can_be_configured() {
        assert!(at(86_400.0).contains("`renew_after = \"23h\"`"), "{}", at(86_400.0));
        assert!(at(7_200.0).contains("`renew_after = \"115m\"`"), "{}", at(7_200.0));
        assert!(at(120.0).contains("`renew_after = \"1m\"`"), "{}", at(120.0));
        assert!(at(50.0).contains("too short to renew"), "{}", at(50.0));
        assert!(at(0.7).starts_with("Look into the broker's own log"), "{}", at(0.7));
    }

    #[test]
    fn the_keep_alive_that_is_advised_is_below_what_was_survived_and_can_be_configured() {
        let idle =
            |survived| advice(&Pattern::IdleTimeout { survived, fatal: survived + 24.0, reset: false });
        assert!(idle(238.0).contains("`keep_alive = \"190s\"`"), "{}", idle(238.0));
        assert!(idle(20_000.0).contains("`keep_alive = \"1200s\"`"), "{}", idle(20_000.0));
        assert!(idle(20.0).contains("shorter than the shortest keep-alive"), "{}", idle(20.0));
    }
}
