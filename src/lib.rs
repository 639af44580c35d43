//! `hangup`: a Prometheus exporter for devices that speak MQTT, which names, times, counts and explains every connection
//! drop. A program with an MQTT client of its own begins at [`monitor`].
//!
//! This page is the architecture: the words, the picture, the rules, and where to add what.
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | connection | one configured identity: a name, a source, one MQTT client. The label `connection` |
//! | attempt | from deciding to connect to CONNACK accepted, or to a failure |
//! | session | from CONNACK accepted to the end of that network connection |
//! | drop | the end of a session that we did not ask for. A planned end is a *close* |
//! | outage | from a drop to the next accepted session |
//! | source | what a connection leads to and what its messages mean |
//! | device, reading | who speaks; one value of one quantity at one time |
//! | error name | what was observed when a session or attempt ended: a closed set. The label `error` |
//! | signal | something that happened on this machine: sleep, a step of the clock, link, address, route, resolver |
//! | cause | what is thought to be behind a drop: a closed set. The labels `cause` and `finding` |
//! | evidence | how well a cause is known: stated, observed, inferred, suspected, none. The label `evidence` |
//! | verdict | what is thought of one drop: cause, evidence, the rule that gave it, a sentence |
//! | case | what the tests over many drops look at: the sessions of one connection as plain numbers |
//! | claim, finding | what a test says of a case, in numbers; a claim that stands, in words, with what would disprove it |
//! | look | one run of the tests, after certain drops only: more looks are more false alarms |
//! | client, fleet | who is connected to a broker, ourselves or not; all of them |
//! | word | what a broker said of a client: why its connection ended. Of one of our own it states the cause of a drop |
//! | command, fate | what a device is told to do, and what became of that |
//!
//! # Picture
//!
//! ```text
//!                 ┌───────────────────── one task per connection ─────────────────────┐
//!  config ─▶ Source│ plan() ─▶ driver ──Event──▶ Machine (pure) ──Action──▶ driver      │
//!                 │             ▲                    │                        │        │
//!                 │             │                Lifecycle               Link (one per │
//!                 │          inputs                  │                   attempt): our │
//!                 │             └──── Link reports ──┼────────────────── dialer + codec│──▶ broker
//!                 └──────────────────────────────────┼───────────────────────┬─────────┘
//!                                                    ▼                       ▼ messages
//!                        counters, histograms ◀─ Recorder            Dialogue (pure)
//!                        board, history       ◀─────┘                        ▼
//!                                │                          reading Store (expires)
//!                                └────────────────┬──────────────────────────┘
//!                                                 ▼
//!                                    prometheus Registry ─▶ axum /metrics
//! ```
//!
//! Two flows that meet only in the registry: *message → reading → store → scrape* and *connection event → lifecycle →
//! recorder → metrics and history*. A third one explains what the second recorded, and never holds it up:
//!
//! ```text
//!  host signals ──┐                              ┌──▶ journal ─▶ (at the next start) history
//!  link, TCP_INFO ┴▶ Recorder ── one drop ───────┤
//!                       ▲  └─▶ rules of evidence ┴──▶ verdict ─▶ drop_causes_total, log, history
//!                       │                                             │
//!  findings, better verdicts ◀─ words ◀─ claims ◀─ tests ◀─ case ◀────┘   the desk, on a thread of its own
//!        │
//!        └─▶ gauges `finding`, status page, /api/v1/diagnostics, report, diagnostics file
//! ```
//!
//! # Folders
//!
//! | folder | what it does | what it never does |
//! |---|---|---|
//! | [`cli`] | arguments, printing, exit codes | work |
//! | [`config`] | a file or variables to a valid [`config::Config`]; all problems at once | accept half a configuration |
//! | [`source`] | how to connect now ([`source::Planner`]), what to ask and what answers mean ([`source::Dialogue`]) | touch a socket of MQTT |
//! | [`mapping`] | what a message becomes, by the rules of the configuration: topic and payload to readings, and why not | wait, keep a topic as a label, let one message delay the next |
//! | [`convert`] | configurations of mqtt2prometheus in the words of ours | leave anything out silently |
//! | [`connection`] | one reconnecting connection: machine, policy, dialer, link, error names | know a device or a payload |
//! | [`lifecycle`] | what happened, said once: events, recorder, history, board, and the journal that keeps it | decide anything |
//! | [`diagnosis`] | why: evidence for one drop, tests over many, findings in words; its desk runs them beside the connections | say "the cause is", or make a connection wait |
//! | [`monitor`] | the same for another program's own client: recorder, history, diagnosis, metrics | touch a socket, start a task |
//! | [`reading`] | newest value per series, expiry, limit | show an old value |
//! | [`telemetry`] | every metric of ours in one table, handles, catalogue | count |
//! | [`commands`] | where commands to devices are handed in, and what became of each | wait for a connection |
//! | [`http`] | the pages: status, metrics, probes, JSON | let a slow or a hostile client delay a scrape |
//! | [`host`] | signals of this machine, and the kernel's view of a TCP connection | fail: what a system forbids is "unknown" |
//! | [`simulator`] | a cloud and heaters that fail on purpose: the demo, and the other side of the tests | run in `hangup run` |
//! | [`app`] | puts the parts together: what each subcommand does | decide what a part should |
//! | [`clock`] | the only place that reads a clock | |
//!
//! # Rules
//!
//! 1. The modules that decide (machine, backoff, error names, classification, protocol, dialogue, decoding, and all of
//!    the diagnosis but its desk) are pure: no runtime, no input or output, no clock. Time is an argument. `tests/contract.rs` scans for it.
//! 2. Every attempt that started ends in exactly one failure or one session; every session in exactly one drop or one
//!    close; `Stopped` comes last. `tests/pairing.rs` proves it over all short sequences.
//! 3. [`lifecycle::recorder::Recorder::record`] is the only place where lifecycle becomes numbers, log lines and history.
//! 4. Every series of a closed set exists at zero from the start, for the names that its transport can produce.
//! 5. The HTTP server is up before any source is tried, and answers 200 whatever the brokers do.
//! 6. A silent device's readings leave the page, and so do those of a connection that is away too long. No frozen values.
//! 7. No label holds a topic, a payload, a raw error text, a client id, an e-mail, an IP address or (by default) a MAC.
//! 8. Secrets do not print: not by `Debug`, not in a log, not in an error, not in JSON. A presigned URL is a secret.
//! 9. A message can never stop the process, spoil a scrape or delay the next message: bad input is counted and skipped,
//!    field by field.
//! 10. Two network connections with one client id never exist at once: the old one is closed first.
//! 11. A command that changes a device is sent at most once, never after its age limit, and has exactly one fate.
//!
//! # Where do I add …
//!
//! - **a kind of device**: a folder in `source/` with its planner and its dialogue, an arm of [`config::Source`], and its
//!   fields in `config/` beside `config/navien.rs`. The compiler points at the matches that want the new arm.
//! - **a reading**: a quantity in the source's `quantities`, and the line of `decode` that fills it.
//! - **an error name**: one line in the table of [`connection::error`], one arm in `connection/classify.rs`, and one real
//!   socket ending in `tests/endings`.
//! - **a broker that speaks of its clients**: a parser in `source/fleet/` that makes a [`source::fleet::Event`] of a message, and
//!   an arm of [`config::FleetKind`]. A reason that no broker gave before is an arm of [`lifecycle::presence::Reason`].
//! - **a metric**: a row in the table of `telemetry/metrics.rs`. If nothing could count it, a [`lifecycle::Event`] is missing.
//! - **a subcommand**: a file in `cli/` and an arm of its `Command`.
//! - **a command to a device**: a row in the table of the source's `command`. A source that takes none yet needs an arm
//!   of [`source::Command`] and the three methods `word`, `commanded` and `verdict` of its [`source::Dialogue`].
//! - **a configuration field**: the field in [`config`], its line where its table is read (the range stands there), and
//!   its line in `deploy/example.toml`; a test fails while one of them is missing.
//! - **a preset**: a text in `mapping/preset/` in the grammar of the configuration, its line in `PRESETS`, and messages with the page
//!   that they become in `tests/fixtures/mapping/`.
//! - **a signal of the machine**: a [`host::SignalKind`], noticed in `host/network.rs`, `host/resolver.rs` or
//!   `host/clocks.rs`. The compiler asks what the rules, the events of a case, the journal, the pages and
//!   `hangup_host_network_changes_total` make of it.
//! - **a cause**: a line in [`diagnosis::Cause`], its pairs in `VERDICTS` (or its place in `FINDINGS`), its words in
//!   `http/status/causes.rs` and `lifecycle/summary/words.rs`, and its page in `alerts/runbook/causes`; `tests/contract.rs`
//!   misses the page.
//! - **a rule of evidence**: a [`diagnosis::Rule`] and a function in `diagnosis/evidence/`, in its place in the order of
//!   `evidence::direct`; a reason code of a peer is only an arm in `evidence/stated.rs`. One test for the rule and one for
//!   each rule that it must yield to.
//! - **a test over many drops**: a file in `diagnosis/pattern/` that makes a [`diagnosis::Claim`] of a case, with a
//!   [`diagnosis::Pattern`]. The compiler asks for its family and precedence (`combine.rs`), which later drops belong to it
//!   (`belongs.rs`), its words, its advice and its disproof. `tests/power` says what it costs in false alarms: run it.

pub mod app;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod connection;
pub mod convert;
pub mod diagnosis;
pub mod host;
pub mod http;
pub mod lifecycle;
pub mod mapping;
pub mod monitor;
pub mod reading;
pub mod simulator;
pub mod source;
pub mod telemetry;
