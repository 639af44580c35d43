//! The real program in a process of its own, beside a cloud of its own.
//!
//! Never changes a default of the program: it is told where its cloud is, and nothing else.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use hangup::clock;
use hangup::simulator::{Cloud, DEMO_EMAIL, DEMO_PASSWORD, Fault, Faults, Settings};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::Outcome;
use super::page::{self, Page};

/// Where Debian and its kin keep the certificates that a real exporter loads.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
/// A start or a sign-in that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// An account with two heaters in a cloud, and the configuration that leads there.
pub(crate) struct Site {
    _cloud: Cloud,
    faults: Faults,
    home: TempDir,
}

/// A running exporter; killed when it goes out of scope.
pub(crate) struct Exporter {
    child: Child,
    address: SocketAddr,
}

impl Site {
    /// Starts the cloud.
    pub(crate) fn start(runtime: &Runtime) -> Outcome<Self> {
        let cloud =
            runtime.block_on(Cloud::start(Settings { seed: fastrand::u64(..), ..Settings::default() }))?;
        let home = tempfile::tempdir()?;
        // The system's roots are loaded too, as in real life: they take time and memory.
        let roots = fs::read_to_string(SYSTEM_ROOTS).unwrap_or_default();
        fs::write(home.path().join("roots.pem"), roots + cloud.ca_pem())?;
        fs::write(home.path().join("password"), DEMO_PASSWORD)?;
        fs::write(home.path().join("hangup.toml"), configuration(&cloud))?;
        Ok(Self { faults: cloud.faults(), _cloud: cloud, home })
    }

    /// Lets something go wrong now.
    pub(crate) fn inject(&self, fault: Fault) {
        self.faults.inject(fault);
    }

    /// Starts an exporter, and waits until it is connected and has heard from its heaters.
    pub(crate) fn connected_exporter(&self) -> Outcome<Exporter> {
        let exporter = self.exporter()?;
        exporter.first_page()?;
        exporter.until(PATIENCE, |page| {
            page.sum("mqtt_client_connected") > 0.0 && page.sum("mqtt_client_received_messages_total") > 1.0
        })?;
        Ok(exporter)
    }

    /// Starts an exporter and waits for nothing.
    pub(crate) fn exporter(&self) -> Outcome<Exporter> {
        let address = free_address()?;
        let child = Command::new(env!("CARGO_BIN_EXE_hangup"))
            .args(["run", "--config"])
            .arg(self.path("hangup.toml"))
            .arg("--listen")
            .arg(address.to_string())
            .env("SSL_CERT_FILE", self.path("roots.pem"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Exporter { child, address })
    }

    fn path(&self, name: &str) -> impl AsRef<Path> + AsRef<std::ffi::OsStr> + use<> {
        self.home.path().join(name)
    }
}

impl Exporter {
    /// Waits for the first 200 on `/metrics`.
    pub(crate) fn first_page(&self) -> Outcome<()> {
        let latest = clock::now().at + PATIENCE;
        while !page::answers(self.address) {
            if clock::now().at > latest {
                return Err("the exporter did not serve its page".into());
            }
            // Short beside what is measured, long enough to leave the processor to the exporter.
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Looks at the page until it shows something.
    pub(crate) fn until(&self, limit: Duration, shows: impl Fn(&Page) -> bool) -> Outcome<Page> {
        let latest = clock::now().at + limit;
        loop {
            let page = Page::fetch(self.address)?;
            if shows(&page) {
                return Ok(page);
            }
            if clock::now().at > latest {
                return Err("what was waited for did not show on the page".into());
            }
            // The resolution of what is measured in seconds.
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The page as it is now.
    pub(crate) fn page(&self) -> Outcome<Page> {
        Page::fetch(self.address)
    }

    /// One scrape as by Prometheus.
    pub(crate) fn scrape(&self) -> Outcome<()> {
        page::scrape(self.address)
    }

    /// A line of `/proc/PID/status` that counts kibibytes (`VmRSS`, `VmHWM`), in MiB.
    pub(crate) fn memory(&self, line: &str) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let kibibytes = value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        Ok(kibibytes.ok_or_else(|| format!("/proc does not tell {line}"))? / 1024.0)
    }

    /// Processor time used so far. The scheduler counts nanoseconds of the threads that live, where it counts at all; ticks are
    /// 10 ms.
    pub(crate) fn processor_time(&self) -> Outcome<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>().unwrap_or_default();
        }
        if nanoseconds > 0 {
            return Ok(Duration::from_nanos(nanoseconds));
        }
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, behind_name) = text.rsplit_once(") ").ok_or("a process without a name")?;
        // User and system time, the 14th and 15th field of proc(5).
        let ticks = behind_name.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(cloud: &Cloud) -> String {
    format!(
        "[[connection]]\nname = \"home\"\n\n[connection.source.navien]\nemail = \"{DEMO_EMAIL}\"\n\
         password = {{ file = \"password\" }}\nbase_url = \"{}\"\nmqtt_host = \"{}\"\nmqtt_port = {}\n",
        cloud.rest_url(),
        cloud.host(),
        cloud.mqtt_port(),
    )
}

/// A port that was free a moment ago: the exporter must be asked before it could say which one it took.
fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
